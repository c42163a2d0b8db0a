//! What the suites stand on: a real broker, an org, the daemon as a child process, and clients of other projects.

mod broker;
mod config;
mod daemon;
mod event;
pub(crate) mod kcat;
mod managed_server;
mod metrics;
mod openssl;
pub(crate) mod org;
mod output;
mod proxy;
pub(crate) mod python;
mod record;
mod registry;
mod test_bed;
mod tls_proxy;
mod transaction;
mod wait;

pub(crate) use broker::{Broker, broker, killable, secured, unique};
pub(crate) use config::{Config, config_file};
pub(crate) use daemon::Daemon;
pub(crate) use managed_server::ManagedServer;
pub(crate) use metrics::Metrics;
pub(crate) use openssl::{Authority, key_pair, openssl};
pub(crate) use org::Seeded;
pub(crate) use output::output;
pub(crate) use proxy::Proxy;
pub(crate) use record::{Read, Record, bytes, delete, record, upsert};
pub(crate) use registry::{FakeRegistry, Serialized, registry};
pub(crate) use test_bed::{OBJECT, TestBed};
pub(crate) use tls_proxy::TlsProxy;
pub(crate) use transaction::Transaction;
pub(crate) use wait::{now_ms, side_by_side, until};

/// A permit for a test that loads the machine: one at a time has it.
pub(crate) async fn exclusive() -> tokio::sync::SemaphorePermit<'static> {
    static HEAVY: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(1);
    HEAVY.acquire().await.unwrap()
}
