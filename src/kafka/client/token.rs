//! The token of `[kafka.oauth]`, which all clients share.
//!
//! A task fetches the next one at four fifths of a token's life, by the wall clock: a monotonic one stands still while
//! the machine is suspended, and the token does not. It fetches one at once where secrets have changed, and where a
//! broker has denied the last one, which a rotation of keys can do to a token that is young. Each client is given the
//! newest token before it is used, and again whenever there is a newer one: librdkafka would ask for it in a callback
//! that an admin client never serves. An expired token is given to no client.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use kafka_ffi::Token;
use rdkafka::{ClientContext, client::Client};
use secrecy::ExposeSecret as _;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, info, warn};

use super::oidc::{Endpoint, Issued, OauthConfigError, TokenError};
use crate::{config::KafkaOauth, runtime::backoff::Backoff};

/// Fetches tokens, and keeps the newest one.
pub(crate) struct Tokens {
    provider: Arc<TokenProvider>,
    /// Fetches the next token in time.
    task: OnceLock<AbortOnDropHandle<()>>,
}

struct TokenProvider {
    endpoint: Endpoint,
    newest: watch::Sender<Option<Arc<CachedToken>>>,
    extensions: Vec<(String, String)>,
    /// Notified to fetch another token before the last one is old.
    renew: Notify,
    /// Notified when a broker has denied the last token.
    denied: Notify,
}

/// A token, as it is given to each client.
struct CachedToken {
    issued: Issued,
    extensions: Vec<(String, String)>,
}

/// Gives one client each new token. Without `[kafka.oauth]` there are none.
pub(crate) struct TokenFeed(Option<watch::Receiver<Option<Arc<CachedToken>>>>);

/// The waits between attempts to fetch a token.
const BACKOFF: Backoff = Backoff { initial: Duration::from_secs(1), max: Duration::from_secs(30) };
/// The time between two checks of the wall clock.
const TICK: Duration = Duration::from_secs(1);
/// The least time between two tokens that are fetched because of a denial.
const AFTER_DENIAL: Duration = Duration::from_secs(30);

impl Tokens {
    /// Makes the provider of tokens; `None` without `[kafka.oauth]`.
    pub(crate) fn new(config: &KafkaOauth) -> Result<Option<Self>, OauthConfigError> {
        let Some(endpoint) = Endpoint::new(config)? else { return Ok(None) };
        let extensions = config.extensions.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let (newest, renew, denied) = (watch::Sender::new(None), Notify::new(), Notify::new());
        let provider = TokenProvider { endpoint, newest, extensions, renew, denied };
        Ok(Some(Self { provider: Arc::new(provider), task: OnceLock::new() }))
    }

    /// Fetches the first token. From then on each next one is fetched in time.
    pub(crate) async fn first(&self) -> Result<(), TokenError> {
        if self.task.get().is_none() {
            let due = self.provider.fetch().await?;
            let provider = self.provider.clone();
            self.task
                .get_or_init(|| AbortOnDropHandle::new(tokio::spawn(async move { provider.keep_fresh(due).await })));
        }
        Ok(())
    }

    /// Fetches another token now.
    pub(crate) fn renew(&self) {
        self.provider.renew.notify_one();
    }

    /// Fetches another token, since a broker has denied a client of ours access.
    pub(crate) fn denied(&self) {
        self.provider.denied.notify_one();
    }

    pub(crate) fn feed(&self) -> TokenFeed {
        let mut newest = self.provider.newest.subscribe();
        newest.mark_changed();
        TokenFeed(Some(newest))
    }
}

impl TokenProvider {
    /// Fetches a token. Returns when the next one is to be fetched.
    async fn fetch(&self) -> Result<SystemTime, TokenError> {
        let issued = self.endpoint.fetch().await?;
        let life = issued.expires.duration_since(issued.since).unwrap_or_default();
        info!(event = "kafka_token_fetched", principal = issued.principal, ?life, "token for kafka");
        let due = issued.since + life * 4 / 5;
        self.newest.send_replace(Some(Arc::new(CachedToken { issued, extensions: self.extensions.clone() })));
        Ok(due)
    }

    async fn keep_fresh(&self, mut due: SystemTime) {
        let mut failures = 0_u32;
        let mut next_for_denial = Instant::now();
        loop {
            tokio::select! {
                () = until(due) => {}
                () = self.renew.notified() => info!(
                    event = "kafka_token_renewal_requested",
                    "fetching another token for kafka, as SIGHUP asks"
                ),
                () = self.is_denied(next_for_denial) => {
                    next_for_denial = Instant::now() + AFTER_DENIAL;
                    warn!(event = "kafka_token_denied", "a broker denies the token for kafka, fetching another");
                }
            }
            due = match self.fetch().await {
                Ok(due) => {
                    failures = 0;
                    due
                }
                Err(error) => {
                    warn!(event = "kafka_token_unavailable", %error, "no new token for kafka, trying again");
                    let due = SystemTime::now() + BACKOFF.wait(failures);
                    failures = failures.saturating_add(1);
                    due
                }
            };
        }
    }

    /// Waits for a denial by a broker, but not before `next`.
    async fn is_denied(&self, next: Instant) {
        tokio::time::sleep_until(next).await;
        self.denied.notified().await;
    }
}

/// Waits for a time of the wall clock, also if the machine is suspended until after it.
async fn until(due: SystemTime) {
    while let Ok(left) = due.duration_since(SystemTime::now()) {
        tokio::time::sleep(left.min(TICK)).await;
    }
}

impl TokenFeed {
    /// The feed of a client that needs no token.
    pub(crate) fn none() -> Self {
        Self(None)
    }

    /// Gives the newest token to `client`, if it does not have it yet.
    pub(crate) fn apply_to<C: ClientContext>(&mut self, client: &Client<C>) {
        let Some(newest) = &mut self.0 else { return };
        if !newest.has_changed().unwrap_or(false) {
            return;
        }
        let Some(cached) = newest.borrow_and_update().clone() else { return };
        let CachedToken { issued, extensions } = &*cached;
        if issued.expires <= SystemTime::now() {
            debug!("the token has expired, it is not used");
            return;
        }
        let (value, principal) = (issued.value.expose_secret(), issued.principal.as_str());
        if let Err(error) =
            kafka_ffi::set_token(client, Token { value, principal, expires: issued.expires, extensions })
        {
            warn!(event = "kafka_token_invalid", error, "librdkafka does not take the token");
        }
    }

    /// Returns when there is a token that the client does not have; never without tokens.
    pub(crate) async fn newer(&mut self) {
        if let Some(newest) = &mut self.0
            && newest.changed().await.is_ok()
        {
            return newest.mark_changed();
        }
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The runtime's clock jumps ahead here, and the wall clock does not.
    #[tokio::test(start_paused = true)]
    async fn a_token_is_due_by_the_wall_clock() {
        let due = SystemTime::now() + Duration::from_millis(50);
        until(due).await;
        assert!(SystemTime::now() >= due);
        until(SystemTime::now() - Duration::from_secs(3600)).await;
    }
}
