//! What the suites stand on: a real broker, an org, the daemon as a child process, and clients that nobody here wrote.

mod attended;
mod broker;
mod config;
mod daemon;
mod event;
pub(crate) mod kcat;
mod metrics;
mod openssl;
pub(crate) mod org;
mod proxy;
pub(crate) mod python;
mod record;
mod registry;
mod rig;
mod terminator;
mod transaction;
mod wait;

pub(crate) use attended::Attended;
pub(crate) use broker::{Broker, broker, secured, unique};
pub(crate) use config::{Config, config_file};
pub(crate) use daemon::Daemon;
pub(crate) use metrics::Metrics;
pub(crate) use openssl::{Authority, key_pair, openssl};
pub(crate) use org::Seeded;
pub(crate) use proxy::Proxy;
pub(crate) use record::{Read, Record, bytes, delete, record, upsert};
pub(crate) use registry::{FakeRegistry, Serialized, registry};
pub(crate) use rig::{OBJECT, Rig};
pub(crate) use terminator::Terminator;
pub(crate) use transaction::Transaction;
pub(crate) use wait::until;

/// One of the tests that load the machine, at a time.
pub(crate) async fn alone() -> tokio::sync::SemaphorePermit<'static> {
    static HEAVY: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(1);
    HEAVY.acquire().await.unwrap()
}
