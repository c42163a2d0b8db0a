//! The schema registry: what a schema id stands for. A schema never changes, so that it is asked for once, by the record that
//! needs it first, and kept.
//!
//! | the registry says | what happens |
//! |---|---|
//! | a schema | it is compiled and kept, also if that fails |
//! | there is none of this id (404) | a replica may lag behind, and a producer only sends an id that there is: it is asked for again for `missing_wait`, then the record is rejected; the id is asked for again after a while |
//! | anything else, or nothing | all records that need this schema wait, and it is asked for again |

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
    /// When an id was waited for in vain.
    in_vain: Mutex<Option<Instant>>,
    observer: Observer,
}

/// Of the texts of schemas that are kept, in bytes: far more than one daemon meets.
const KEPT: u64 = 16 * 1024 * 1024;
/// How long an id is believed to be of no schema. So long no other id is waited for, either: a topic whose records are
/// not what their route says would wait for each of them.
const MISSING: Duration = Duration::from_secs(30);
/// The longest pause between two questions for an id that a replica may lack for a moment.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

impl Registry {
    /// Connects to no registry yet.
    pub fn new(
        config: &config::SchemaRegistry,
        retry: &config::Retry,
        observer: Arc<dyn RegistryObserver>,
    ) -> Result<Self, RegistryError> {
        Ok(Self {
            client: Client::new(config, observer.clone())?,
            backoff: Backoff::of(retry),
            schemas: Cache::builder().max_capacity(KEPT).weigher(|_, schema: &Arc<Schema>| schema.weight()).build(),
            missing: Cache::builder().max_capacity(10_000).time_to_live(MISSING).build(),
            missing_wait: config.missing_wait,
            in_vain: Mutex::default(),
            observer,
        })
    }

    /// The URL that answers as a registry; else why none does, and whether a person must mend it.
    pub async fn answers(&self) -> Result<String, (String, bool)> {
        self.client.answers().await
    }

    /// The schema of this id, if the registry has given it.
    pub(super) fn known(&self, id: SchemaId) -> Option<Arc<Schema>> {
        // A look-up that is not ready at once waits for the cache's own housekeeping: the slow way is right, too.
        self.schemas.get(&id).now_or_never().flatten()
    }

    /// The schema of this id, however long that takes. Cancelled by dropping it.
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

    /// Says what is waited for, or that the reason has changed.
    fn wait_because(&self, waiting: &mut Option<Box<dyn RegistryWait>>, why: &str) {
        match waiting {
            Some(wait) => wait.goes_on(why),
            None => *waiting = Some(self.observer.waiting(why)),
        }
    }

    /// How long an id that is absent since then may still be asked for; `None` where it is given up.
    fn wait_for_absent(&self, since: Instant) -> Option<Duration> {
        let mut in_vain = self.in_vain.lock();
        if in_vain.is_some_and(|at| at.elapsed() < MISSING) {
            return None;
        }
        let left = self.missing_wait.checked_sub(since.elapsed()).filter(|left| !left.is_zero());
        if left.is_none() && !self.missing_wait.is_zero() {
            *in_vain = Some(Instant::now());
        }
        left
    }

    async fn look_up(&self, id: SchemaId) -> Result<Arc<Schema>, Failure> {
        let registered = self.client.schema(id).await?;
        // It may be large and hard to compile: not on a thread that other tasks need.
        let compiled = tokio::task::spawn_blocking(move || Schema::compile(&registered)).await;
        compiled.map(Arc::new).map_err(|error| Failure::Later(error.to_string()))
    }
}
