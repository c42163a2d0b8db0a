//! What clients and flows both stand on: how a part stops the daemon, who may write, how far a partition is settled, and
//! how an HTTP client is set up. Imports nothing of the project but its configuration.

pub mod backoff;
pub(crate) mod http_client;
pub mod lease;
pub mod progress;
pub mod stop;
