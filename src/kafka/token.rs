//! The token of `[kafka.oauth]`, for all clients alike.
//!
//! A task fetches the next one at four fifths of a token's life. Whoever uses a client shows it the newest one first,
//! and again whenever there is a newer one: librdkafka would ask for it in a callback that an admin client never
//! serves. An expired token is shown to nobody.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use kafka_token::Token;
use rdkafka::{ClientContext, client::Client};
use secrecy::ExposeSecret as _;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, info, warn};

use super::oidc::{Endpoint, Issued, OauthConfigError, TokenError};
use crate::config::KafkaOauth;

/// Where tokens come from, and the newest one.
pub(super) struct Tokens {
    source: Arc<Source>,
    /// Fetches the next one.
    task: OnceLock<AbortOnDropHandle<()>>,
}

struct Source {
    endpoint: Endpoint,
    newest: watch::Sender<Option<Arc<Shown>>>,
    extensions: Vec<(String, String)>,
}

struct Shown {
    issued: Issued,
    extensions: Vec<(String, String)>,
}

/// What one client has seen of the tokens.
pub(super) struct Pass(Option<watch::Receiver<Option<Arc<Shown>>>>);

const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const MAX_BACKOFF: Duration = Duration::from_secs(30);

impl Tokens {
    /// `None` without `[kafka.oauth]`.
    pub(super) fn new(config: &KafkaOauth) -> Result<Option<Self>, OauthConfigError> {
        let Some(endpoint) = Endpoint::new(config)? else { return Ok(None) };
        let extensions = config.extensions.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let source = Source { endpoint, newest: watch::Sender::new(None), extensions };
        Ok(Some(Self { source: Arc::new(source), task: OnceLock::new() }))
    }

    /// Asks once for the first token. From then on there is always a next one.
    pub(super) async fn first(&self) -> Result<(), TokenError> {
        if self.task.get().is_none() {
            let wait = self.source.fetch().await?;
            let source = self.source.clone();
            self.task
                .get_or_init(|| AbortOnDropHandle::new(tokio::spawn(async move { source.keep_fresh(wait).await })));
        }
        Ok(())
    }

    pub(super) fn pass(&self) -> Pass {
        let mut newest = self.source.newest.subscribe();
        newest.mark_changed();
        Pass(Some(newest))
    }
}

impl Source {
    /// Returns how long the token is used before the next one is fetched.
    async fn fetch(&self) -> Result<Duration, TokenError> {
        let issued = self.endpoint.fetch().await?;
        let life = issued.expires.duration_since(issued.since).unwrap_or_default();
        info!(principal = issued.principal, ?life, "token for kafka");
        self.newest.send_replace(Some(Arc::new(Shown { issued, extensions: self.extensions.clone() })));
        Ok(life * 4 / 5)
    }

    async fn keep_fresh(&self, mut wait: Duration) {
        let mut backoff = FIRST_BACKOFF;
        loop {
            tokio::time::sleep(wait).await;
            wait = match self.fetch().await {
                Ok(wait) => {
                    backoff = FIRST_BACKOFF;
                    wait
                }
                Err(error) => {
                    warn!(%error, "no new token for kafka, trying again");
                    let wait = backoff;
                    backoff = (backoff * 2).min(MAX_BACKOFF);
                    wait
                }
            };
        }
    }
}

impl Pass {
    /// Of a client that needs no token.
    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Gives the newest token to `client`, if it has not seen it yet.
    pub(super) fn show<C: ClientContext>(&mut self, client: &Client<C>) {
        let Some(newest) = &mut self.0 else { return };
        if !newest.has_changed().unwrap_or(false) {
            return;
        }
        let Some(shown) = newest.borrow_and_update().clone() else { return };
        let Shown { issued, extensions } = &*shown;
        if issued.expires <= SystemTime::now() {
            debug!("the token has expired, it is not used");
            return;
        }
        let (value, principal) = (issued.value.expose_secret(), issued.principal.as_str());
        if let Err(error) = kafka_token::set(client, Token { value, principal, expires: issued.expires, extensions }) {
            warn!(error, "librdkafka does not take the token");
        }
    }

    /// Returns when there is a token that has not been shown; never without tokens.
    pub(super) async fn newer(&mut self) {
        if let Some(newest) = &mut self.0
            && newest.changed().await.is_ok()
        {
            return newest.mark_changed();
        }
        std::future::pending::<()>().await;
    }
}
