//! The session: one for all callers, renewed by one of them, and never by a storm of logins.
//!
//! Invariants: logins keep the distance that [`Pacing`] says, whichever caller asks and however the last one ended; a
//! session that the org refused is not offered again. A login whose session the org refused at once, and whose interval
//! is not over, is not an outage: an operator must act.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use parking_lot::RwLock;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{sync::Mutex, time::Instant};
use url::Url;

use super::{
    super::http::client::Http,
    clock::Clock,
    login::{Login, login},
    pacing::Pacing,
};
use crate::{
    config,
    record::{Cause, LoginResult},
};

#[derive(Debug)]
pub(crate) struct Auth {
    config: config::Salesforce,
    http: Http,
    current: RwLock<Option<Arc<Session>>>,
    /// The state of logins; locked during one.
    logins: Mutex<Logins>,
}

#[derive(Debug)]
struct Logins {
    /// The result of the last login; `None` before it, and where its caller went away.
    last: Option<Result<Arc<Session>, Cause>>,
    pacing: Pacing,
    clock: Clock,
}

/// A token, and where it is good.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) token: SecretString,
    pub(crate) instance: Url,
    /// The time at which its login began.
    began: Instant,
    renew_at: Instant,
    /// The org has taken a call with it.
    worked: Arc<AtomicBool>,
}

/// A session cannot be had now.
#[derive(Debug)]
pub(crate) enum NoSession {
    /// An operator must fix it.
    Refused(Cause),
    Later(Cause),
}

impl Auth {
    pub(crate) fn new(config: config::Salesforce, http: Http) -> Self {
        let pacing = Pacing::new(config.login_interval);
        let logins = Mutex::new(Logins { last: None, pacing, clock: Clock::default() });
        Self { config, http, current: RwLock::new(None), logins }
    }

    /// The session that calls are to carry. Logs in where there is none, or where it is near its end.
    pub(crate) async fn session(&self) -> Result<Arc<Session>, NoSession> {
        let current = self.current();
        match current {
            Some(session) if Instant::now() < session.renew_at => Ok(session),
            // It still works: one caller logs in for the next session, and a failed login can be repeated until this one ends.
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

    /// The org did not know this session. If it is still the current one, no call carries it any more.
    pub(crate) fn invalidate(&self, refused: &Arc<Session>) {
        let mut current = self.current.write();
        // What is shared is the session's, also where it is to be renewed.
        if current.as_ref().is_some_and(|session| Arc::ptr_eq(&session.worked, &refused.worked)) {
            *current = None;
        }
    }

    /// The next call logs in anew, with the secrets as they are then. Until that has brought a token, the old one is
    /// used.
    pub(crate) fn renew(&self) {
        let mut current = self.current.write();
        *current = current.take().map(|session| {
            let Session { token, instance, began, worked, .. } = &*session;
            let (token, instance, worked) = (token.clone(), instance.clone(), worked.clone());
            Arc::new(Session { token, instance, began: *began, renew_at: Instant::now(), worked })
        });
    }

    /// The least time until another login may be tried.
    pub(crate) fn login_interval(&self) -> Duration {
        self.config.login_interval
    }

    /// The length of the token that calls carry now: one that is a JWT has a few kilobytes.
    pub(crate) fn token_len(&self) -> usize {
        self.current().map_or(0, |session| session.token.expose_secret().len())
    }

    fn current(&self) -> Option<Arc<Session>> {
        self.current.read().clone()
    }

    async fn log_in(&self, logins: &mut Logins) -> Result<Arc<Session>, NoSession> {
        let now = Instant::now();
        if let Some(Ok(session)) = &logins.last
            && !session.has_worked()
        {
            let began = session.began;
            logins.pacing.failed(began);
        }
        if !logins.pacing.allows(now) {
            return Err(too_early(logins.last.as_ref()));
        }
        // Before the login, so that a caller that goes away in the middle of it has used it up.
        logins.pacing.begun(now);
        let known = logins.last.take().and_then(Result::err);
        let observer = self.http.observer();
        let (cause, refused) = match login(&self.http, &self.config, &mut logins.clock).await {
            Login::Token { token, instance } => {
                let lifetime = self.config.session_lifetime.saturating_sub(self.config.renew_before);
                let (renew_at, worked) = (Instant::now() + lifetime, Arc::default());
                let session = Arc::new(Session { token, instance, began: now, renew_at, worked });
                logins.last = Some(Ok(session.clone()));
                *self.current.write() = Some(session.clone());
                observer.login(LoginResult::Ok);
                tracing::info!(event = "salesforce_login", instance = %session.instance, "logged in to salesforce");
                return Ok(session);
            }
            Login::Refused(cause) => (cause, true),
            Login::Later(cause) => (cause, false),
        };
        observer.login(if refused { LoginResult::Refused } else { LoginResult::Failed });
        // From now on: those who waited for this one need not try it again.
        let now = Instant::now();
        if refused {
            logins.pacing.refused(now);
        } else {
            logins.pacing.failed(now);
        }
        logins.last = Some(Err(cause.clone()));
        if refused {
            tracing::error!(event = "salesforce_login_refused", %cause, "salesforce refused the login");
            return Err(NoSession::Refused(cause));
        }
        // An outage is news once.
        let login_url = &self.config.login_url;
        if known.as_ref() == Some(&cause) {
            tracing::debug!(event = "salesforce_login_failed", %cause, %login_url, "the login to salesforce has failed, trying again");
        } else {
            tracing::warn!(event = "salesforce_login_failed", %cause, %login_url, "the login to salesforce has failed, trying again");
        }
        Err(NoSession::Later(cause))
    }
}

/// The reason why there is neither a session nor a login yet.
fn too_early(last: Option<&Result<Arc<Session>, Cause>>) -> NoSession {
    match last {
        Some(Err(cause)) => NoSession::Later(cause.clone()),
        Some(Ok(session)) if !session.has_worked() => {
            NoSession::Refused(Cause::new("the org refuses the session that it has just given"))
        }
        _ => NoSession::Later(Cause::new("the last login was less than salesforce.login_interval ago")),
    }
}

impl Session {
    fn has_worked(&self) -> bool {
        self.worked.load(Ordering::Relaxed)
    }

    /// The org has taken a call with it.
    pub(crate) fn works(&self) {
        self.worked.store(true, Ordering::Relaxed);
    }
}
