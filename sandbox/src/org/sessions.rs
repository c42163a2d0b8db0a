//! Access tokens. A session ends a fixed time after its login: stricter than an org, where activity extends it.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use tokio::time::Instant;

use crate::value::ORG;

const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";

#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: HashMap<String, Instant>,
    random: RandomState,
    opened: u64,
    /// New tokens are dead on arrival: a session that a login does not heal.
    pub(crate) broken: bool,
}

/// Why a request has no session.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SessionError {
    /// No token, or none that is open.
    Invalid,
    /// An `Authorization` header that is not a bearer token.
    BadHeader,
}

impl Sessions {
    /// A new token, shaped like the opaque ones: `{org id}!{about 90 characters}`.
    pub(crate) fn open(&mut self, lasts: Duration) -> String {
        self.opened += 1;
        let random = (0..90).map(|n| CHARACTERS[(self.random.hash_one((self.opened, n)) % 64) as usize] as char);
        let token = format!("{ORG}!{}", random.collect::<String>());
        if !self.broken {
            self.open.retain(|_, ends| *ends > Instant::now());
            self.open.insert(token.clone(), Instant::now() + lasts);
        }
        token
    }

    pub(crate) fn check(&self, authorization: Option<&str>) -> Result<(), SessionError> {
        let token = match authorization.map(|value| value.split_once(' ').unwrap_or((value, ""))) {
            None => return Err(SessionError::Invalid),
            Some((scheme, token)) if matches!(scheme, "Bearer" | "OAuth") && !token.trim().is_empty() => token.trim(),
            // Seen in a client's tests; what exactly counts as malformed is not known.
            Some(_) => return Err(SessionError::BadHeader),
        };
        if self.is_open(token) { Ok(()) } else { Err(SessionError::Invalid) }
    }

    pub(crate) fn is_open(&self, token: &str) -> bool {
        self.open.get(token).is_some_and(|ends| *ends > Instant::now())
    }

    pub(crate) fn expire_all(&mut self) {
        self.open.clear();
    }

    pub(crate) fn revoke(&mut self, token: &str) {
        self.open.remove(token);
    }
}
