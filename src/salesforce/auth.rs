//! The session: one for all callers, renewed by one of them, and never by a storm of logins.
//!
//! Invariants: two attempts at a login are `login_interval` apart, whoever asks and however the last one ended, and
//! more after a refusal; a session that the org refused is not offered again. A login whose session the org refused at
//! once, and whose interval is not over, is no outage: somebody must look.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use secrecy::SecretString;
use tokio::{sync::Mutex, time::Instant};
use url::Url;

use super::{
    clock::Clock,
    http::Http,
    login::{Login, login},
};
use crate::{config, record::Cause};

/// A refused login will be refused again, and many of them lock the user out.
const REFUSED_INTERVALS: u32 = 6;

#[derive(Debug)]
pub(super) struct Auth {
    config: config::Salesforce,
    http: Http,
    current: RwLock<Option<Arc<Session>>>,
    /// Held during a login.
    logins: Mutex<Logins>,
}

#[derive(Debug, Default)]
struct Logins {
    last: Option<Attempt>,
    clock: Clock,
}

/// A token, and where it is good.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) token: SecretString,
    pub(super) instance: Url,
    renew_at: Instant,
    /// The org has taken a call with it.
    worked: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Attempt {
    /// No other one before.
    next: Instant,
    /// What it brought; `None` where its caller went away.
    outcome: Option<Result<Arc<Session>, Cause>>,
}

/// There is no session to be had now.
#[derive(Debug)]
pub(super) enum NoSession {
    /// A person must mend it.
    Refused(Cause),
    Later(Cause),
}

impl Auth {
    pub(super) fn new(config: config::Salesforce, http: Http) -> Self {
        Self { config, http, current: RwLock::new(None), logins: Mutex::default() }
    }

    /// The session that calls are to carry. Logs in where there is none, or where it is near its end.
    pub(super) async fn session(&self) -> Result<Arc<Session>, NoSession> {
        let current = self.current();
        match current {
            Some(session) if Instant::now() < session.renew_at => Ok(session),
            // It still works: only one caller sees to the next one, and a failure has time to heal.
            Some(session) => match self.logins.try_lock() {
                Ok(mut logins) => Ok(self.log_in(&mut logins).await.unwrap_or(session)),
                Err(_) => Ok(session),
            },
            None => {
                let mut logins = self.logins.lock().await;
                match self.current() {
                    Some(session) => Ok(session),
                    None => self.log_in(&mut logins).await,
                }
            }
        }
    }

    /// The org did not know this session. If it is still the current one, nobody gets it any more.
    pub(super) fn invalidate(&self, refused: &Arc<Session>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // What is shared is the session's, also where it is to be renewed.
        if current.as_ref().is_some_and(|session| Arc::ptr_eq(&session.worked, &refused.worked)) {
            *current = None;
        }
    }

    /// The next call logs in anew, with the secrets as they are then. Until that has brought a token, the old one is
    /// used.
    pub(super) fn renew(&self) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = current.take().map(|session| {
            let Session { token, instance, worked, .. } = &*session;
            let (token, instance, worked) = (token.clone(), instance.clone(), worked.clone());
            Arc::new(Session { token, instance, renew_at: Instant::now(), worked })
        });
    }

    /// The least time until another login may be tried.
    pub(super) fn login_interval(&self) -> Duration {
        self.config.login_interval
    }

    fn current(&self) -> Option<Arc<Session>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn log_in(&self, logins: &mut Logins) -> Result<Arc<Session>, NoSession> {
        if let Some(last) = logins.last.as_ref().filter(|last| Instant::now() < last.next) {
            return Err(last.too_early());
        }
        // Before the login, so that a caller that goes away in the middle of it has used it up.
        let interval = self.config.login_interval;
        let known = logins.last.take().and_then(|attempt| attempt.outcome?.err());
        let attempt = logins.last.insert(Attempt { next: Instant::now() + interval, outcome: None });
        let metrics = self.http.metrics();
        let (cause, refused) = match login(&self.http, &self.config, &mut logins.clock).await {
            Login::Token { token, instance } => {
                let lifetime = self.config.session_lifetime.saturating_sub(self.config.renew_before);
                let (renew_at, worked) = (Instant::now() + lifetime, Arc::default());
                let session = Arc::new(Session { token, instance, renew_at, worked });
                attempt.outcome = Some(Ok(session.clone()));
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(session.clone());
                metrics.login("ok");
                tracing::info!(instance = %session.instance, "logged in to salesforce");
                return Ok(session);
            }
            Login::Refused(cause) => (cause, true),
            Login::Later(cause) => (cause, false),
        };
        metrics.login(if refused { "refused" } else { "failed" });
        // From now on: those who waited for this one need not try it again.
        attempt.next = Instant::now() + if refused { interval * REFUSED_INTERVALS } else { interval };
        attempt.outcome = Some(Err(cause.clone()));
        if refused {
            tracing::error!(%cause, "salesforce refused the login");
            return Err(NoSession::Refused(cause));
        }
        // An outage is news once.
        let login_url = &self.config.login_url;
        if known.as_ref() == Some(&cause) {
            tracing::debug!(%cause, %login_url, "no login to salesforce");
        } else {
            tracing::warn!(%cause, %login_url, "no login to salesforce");
        }
        Err(NoSession::Later(cause))
    }
}

impl Attempt {
    /// Why there is no session, and no login yet.
    fn too_early(&self) -> NoSession {
        match &self.outcome {
            Some(Err(cause)) => NoSession::Later(cause.clone()),
            Some(Ok(session)) if !session.worked.load(Ordering::Relaxed) => {
                NoSession::Refused(Cause::new("the org refuses the session that it has just given"))
            }
            _ => NoSession::Later(Cause::new("the last login was less than salesforce.login_interval ago")),
        }
    }
}

impl Session {
    /// The org has taken a call with it.
    pub(super) fn works(&self) {
        self.worked.store(true, Ordering::Relaxed);
    }
}
