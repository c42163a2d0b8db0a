//! The schemas of the registry by their ids. A schema never changes, so that it is fetched once, for the first record
//! that needs it, and cached.
//!
//! | the registry answers | what happens |
//! |---|---|
//! | a schema | it is compiled and cached, also if it does not compile |
//! | it does not have this id (404) | the request is repeated for `missing_wait`, since a replica may lag; then the record is rejected, and the id is asked for again only after a while |
//! | anything else, or nothing | all records that need this schema wait, and the request is repeated |

mod client;
mod error;
mod observer;
mod redirect;

use std::{sync::Arc, time::Duration};

use futures::FutureExt as _;
use moka::future::Cache;
use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::{error, warn};

use self::{
    client::{Client, Failure},
    observer::Observer,
};
pub use self::{
    error::RegistryError,
    observer::{RegistryObserver, RegistryWait},
};
use super::{FormatError, Schema, frame::SchemaId};
use crate::{config, runtime::backoff::Backoff};

/// The schemas of all routes.
#[derive(Debug)]
pub struct Registry {
    client: Client,
    backoff: Backoff,
    schemas: Cache<SchemaId, Arc<Schema>>,
    missing: Cache<SchemaId, String>,
    missing_wait: Duration,
    /// The last time at which the wait for an id ended without a schema.
    last_missing: Mutex<Option<Instant>>,
    observer: Observer,
}

/// The limit of the texts of cached schemas, in bytes: far more than one daemon needs.
const MAX_CACHED: u64 = 16 * 1024 * 1024;
/// How long an id counts as missing after the wait for it. During that time the daemon waits for no other id, either:
/// with a wrong format every record of a topic may name another id.
const MISSING: Duration = Duration::from_secs(30);
/// The longest pause between two requests for an id that a replica may not have yet.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

impl Registry {
    /// Creates the client. It sends no request yet.
    ///
    /// # Errors
    ///
    /// A secret cannot be read, or the options of TLS are not valid.
    pub fn new(
        config: &config::SchemaRegistry,
        retry: &config::Retry,
        observer: Arc<dyn RegistryObserver>,
    ) -> Result<Self, RegistryError> {
        Ok(Self {
            client: Client::new(config, observer.clone())?,
            backoff: Backoff::of(retry),
            schemas: Cache::builder()
                .max_capacity(MAX_CACHED)
                .weigher(|_, schema: &Arc<Schema>| schema.weight())
                .build(),
            missing: Cache::builder().max_capacity(10_000).time_to_live(MISSING).build(),
            missing_wait: config.missing_wait,
            last_missing: Mutex::default(),
            observer,
        })
    }

    /// Returns the URL that answers as a registry.
    ///
    /// # Errors
    ///
    /// Why no URL does, and whether an operator must act.
    pub async fn answers(&self) -> Result<String, (String, bool)> {
        self.client.answers().await
    }

    /// Returns the schema of this id, if it is cached.
    pub(super) fn known(&self, id: SchemaId) -> Option<Arc<Schema>> {
        // A look-up that is not ready at once waits for the cache's housekeeping. The caller then fetches the schema.
        self.schemas.get(&id).now_or_never().flatten()
    }

    /// Returns the schema of this id, and waits for it without a limit. Dropping the future cancels the wait.
    ///
    /// # Errors
    ///
    /// The registry does not have the schema.
    pub(super) async fn schema(&self, id: SchemaId) -> Result<Arc<Schema>, FormatError> {
        let mut attempt = 0;
        let mut waiting: Option<Box<dyn RegistryWait>> = None;
        let mut absent_since = None;
        loop {
            if let Some(why) = self.missing.get(&id).await {
                return Err(FormatError::new(why));
            }
            let failure = match self.schemas.try_get_with(id, self.look_up(id)).await {
                Ok(schema) => return Ok(schema),
                Err(failure) => failure,
            };
            match &*failure {
                Failure::Missing(why) => {
                    self.missing.insert(id, why.clone()).await;
                    continue;
                }
                Failure::Absent(why) => {
                    let is_first = absent_since.is_none();
                    let since = *absent_since.get_or_insert_with(Instant::now);
                    let Some(left) = self.wait_for_absent(since) else {
                        self.missing.insert(id, why.clone()).await;
                        continue;
                    };
                    if is_first {
                        warn!(
                            event = "schema_absent", %id, cause = why,
                            "schema id not in the registry; a replica may lag, retrying until schema_registry.missing_wait"
                        );
                    }
                    self.wait_because(&mut waiting, why);
                    tokio::time::sleep(self.backoff.wait(attempt).min(LONGEST_PAUSE).min(left)).await;
                    attempt += 1;
                    continue;
                }
                Failure::Later(cause) => {
                    warn!(
                        event = "schema_registry_unavailable", %id, cause,
                        "schema registry does not answer; records that need this schema wait"
                    );
                    self.wait_because(&mut waiting, cause);
                }
                Failure::Denied(cause) => {
                    error!(
                        event = "schema_registry_refused", %id, cause,
                        "schema registry refuses the request; records that need this schema wait: check schema_registry's credentials"
                    );
                    self.wait_because(&mut waiting, cause);
                }
            }
            tokio::time::sleep(self.backoff.wait(attempt)).await;
            attempt += 1;
        }
    }

    /// Reports that records wait for the registry, or that the reason has changed.
    fn wait_because(&self, waiting: &mut Option<Box<dyn RegistryWait>>, why: &str) {
        match waiting {
            Some(wait) => wait.goes_on(why),
            None => *waiting = Some(self.observer.waiting(why)),
        }
    }

    /// Returns how much longer an id that is absent since `since` is asked for, or `None` to give up.
    fn wait_for_absent(&self, since: Instant) -> Option<Duration> {
        let mut last_missing = self.last_missing.lock();
        if last_missing.is_some_and(|at| at.elapsed() < MISSING) {
            return None;
        }
        let left = self.missing_wait.checked_sub(since.elapsed()).filter(|left| !left.is_zero());
        if left.is_none() && !self.missing_wait.is_zero() {
            *last_missing = Some(Instant::now());
        }
        left
    }

    async fn look_up(&self, id: SchemaId) -> Result<Arc<Schema>, Failure> {
        let registered = self.client.schema(id).await?;
        // A schema may be large and slow to compile: use a thread that other tasks do not need.
        let compiled = tokio::task::spawn_blocking(move || Schema::compile(&registered)).await;
        compiled.map(Arc::new).map_err(|error| Failure::Later(error.to_string()))
    }
}
