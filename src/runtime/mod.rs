//! The parts that clients and flows both use: how a part stops the daemon, whether this process may write, how far a
//! partition is settled, and the options of HTTP clients. Imports nothing of the project but its configuration.

pub mod backoff;
pub(crate) mod http_client;
pub mod lease;
pub mod progress;
pub mod stop;
