//! The org as one client: what the daemon and its checks ask of it.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use url::Url;

use super::{
    Observer,
    call::Calls,
    http::client::Http,
    org::{
        describe::{Describes, NoDescription},
        limiter::{CallPermit, Limiter},
        org_state::Pace,
        slots::CallKind,
        versions::Version,
    },
    rest::{resolve::Resolver, writer::Writer},
    session::{
        auth::{Auth, NoSession},
        grant, login,
    },
};
use crate::{
    config,
    record::{BatchKey, BatchRow, Cause, OrgAvailability, Refresh, SObject, Verdict},
    runtime::{backoff::Backoff, http_client::ClientError, lease::WritePermit},
};

/// The org that the daemon writes into.
#[derive(Debug)]
pub struct Salesforce {
    pub(super) calls: Arc<Calls>,
    limiter: Arc<Limiter>,
    describes: Arc<Describes>,
    writer: Writer,
    backoff: Backoff,
}

/// A login has given no session.
#[derive(Debug)]
pub enum NoLogin {
    /// An operator must fix it.
    Refused(Cause),
    /// The org, or the way to it.
    Later(Cause),
}

/// The client cannot be built of the configuration.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("salesforce.login_url: {0}")]
    Insecure(String),
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Salesforce {
    /// Makes no call yet.
    pub fn new(
        config: &config::Salesforce,
        retry: &config::Retry,
        cache: &config::Cache,
        observer: Arc<dyn Observer>,
    ) -> Result<Self, BuildError> {
        grant::install_crypto();
        login::check_scheme(&config.login_url, config.allow_insecure)
            .map_err(|insecure| BuildError::Insecure(insecure.to_string()))?;
        let http = Http::new(config, observer.clone())?;
        let auth = Auth::new(config.clone(), http.clone());
        let backoff = Backoff::of(retry);
        let pace = Pace { backoff, quota: config.quota.clone(), login_interval: config.login_interval };
        let limiter = Arc::new(Limiter::new(config.max_concurrent_requests, pace, observer.clone()));
        let calls = Arc::new(Calls::new(auth, limiter.clone(), http, config));
        let resolver = Resolver::new(cache, calls.clone(), observer);
        let describes = Arc::new(Describes::new(calls.clone(), config.describe_interval, backoff));
        Ok(Self {
            writer: Writer { calls: calls.clone(), resolver, describes: describes.clone() },
            describes,
            calls,
            limiter,
            backoff,
        })
    }

    /// Logs in, and waits for an org that is not there or throttles. An error says what an operator must fix. Cancelled
    /// by dropping it; `waits` receives the reason why it takes time.
    pub async fn login_at_start(&self, mut waits: impl FnMut(&Cause)) -> Result<(), Cause> {
        let mut failures = 0_u32;
        loop {
            match self.calls.auth.session().await {
                Ok(_) => return Ok(()),
                Err(NoSession::Refused(cause)) => return Err(cause),
                Err(NoSession::Later(cause)) => {
                    waits(&cause);
                    tokio::time::sleep(self.backoff.wait(failures).max(self.calls.auth.login_interval())).await;
                    failures = failures.saturating_add(1);
                }
            }
        }
    }

    /// Logs in once, and returns the address of the org.
    pub async fn login_once(&self) -> Result<Url, NoLogin> {
        match self.calls.auth.session().await {
            Ok(session) => Ok(session.instance.clone()),
            Err(NoSession::Refused(cause)) => Err(NoLogin::Refused(cause)),
            Err(NoSession::Later(cause)) => Err(NoLogin::Later(cause)),
        }
    }

    /// The daily API calls that are used, and that the org allows; `None` if it does not say.
    pub async fn usage(&self) -> Option<(u64, u64)> {
        self.probe().await;
        self.limiter.usage().map(|usage| (usage.used, usage.max))
    }

    /// The API versions that the org speaks, the oldest and the newest; `None` if it does not say. Asks without a
    /// session.
    pub async fn versions(&self) -> Option<(Version, Version)> {
        let versions = self.calls.versions().await?;
        Some((*versions.iter().min()?, *versions.iter().max()?))
    }

    /// The number of calls that the org has taken.
    pub fn answered_calls(&self) -> u64 {
        self.limiter.answered_calls()
    }

    /// Returns when the org has taken no call for `patience`. Only the time in which `counts` is true of its state
    /// counts.
    pub async fn wait_for_silence(&self, patience: Duration, counts: impl Fn(OrgAvailability) -> bool) {
        const STEP: Duration = Duration::from_millis(200);
        let availability = self.watch();
        let (mut left, mut answers) = (patience, self.answered_calls());
        while !left.is_zero() {
            let step = STEP.min(left);
            tokio::time::sleep(step).await;
            if self.answered_calls() != answers {
                (left, answers) = (patience, self.answered_calls());
            } else if counts(*availability.borrow()) {
                left -= step;
            }
        }
    }

    /// Makes the next call log in anew, since secrets have changed.
    pub fn renew_session(&self) {
        self.calls.auth.renew();
    }

    /// Forgets which record an external id led to. To be called when partitions are assigned: the member that had
    /// them before may have moved it.
    pub fn clear_cache(&self) {
        self.writer.resolver.cache.clear();
    }

    /// The number of record ids in the cache.
    #[cfg(test)]
    pub(super) fn cached_ids(&self) -> u64 {
        self.writer.resolver.cache.len()
    }

    /// Whether the org can be called, and each change of it.
    pub fn watch(&self) -> watch::Receiver<OrgAvailability> {
        self.limiter.watch()
    }

    /// Waits for a permit to make one attempt to write. Cancel-safe.
    pub async fn permit(&self) -> CallPermit {
        self.limiter.permit(CallKind::Write).await
    }

    /// Waits until the org has taken no calls for `patience`, from now on and without a break. Cancel-safe.
    pub async fn wait_for_outage(&self, patience: Duration) {
        self.limiter.wait_for_outage(patience).await;
    }

    /// Waits until the org answers that the calls of the day are used up, and does not have to be asked whether that
    /// is still so. Cancel-safe.
    pub async fn wait_for_exhausted_quota(&self) -> Cause {
        self.limiter.wait_for_exhausted_quota().await
    }

    /// Makes one attempt, under a permit of the caller: one verdict for each row, in their order.
    pub async fn write(&self, key: &BatchKey, rows: &[BatchRow<'_>], permit: &WritePermit) -> Vec<Verdict> {
        self.writer.write(key, rows, permit).await
    }

    /// Calls `GET /services/data/vNN`, which needs no more than a session, and says how many of the daily calls are
    /// used. What it learns is in the state of the org.
    pub async fn probe(&self) {
        self.calls.probe().await;
    }

    /// The SObject as the org describes it. Waits for the org, and while the description is refused, as long as it takes;
    /// an error says what an operator must fix.
    pub async fn describe(&self, sobject: &str, refresh: Refresh<'_>) -> Result<Arc<SObject>, Cause> {
        self.describes.describe(sobject, refresh).await
    }

    /// Returns the SObject as the org describes it. Waits for the org, and not for a description that is refused.
    pub async fn try_describe(&self, sobject: &str) -> Result<Arc<SObject>, NoDescription> {
        self.describes.try_describe(sobject, Refresh::IfUnknown).await
    }

    /// The number of descriptions that were received: what is kept of one is out of date when this has changed.
    pub fn describe_generation(&self) -> u64 {
        self.describes.generation()
    }
}
