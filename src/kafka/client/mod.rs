//! The parts that all Kafka clients of the daemon share: configuration, tokens, logs, and what their errors
//! mean.

pub(crate) mod error_context;
pub(crate) mod error_hints;
pub(crate) mod log;
mod oidc;
mod settings;
mod start_error;
pub(crate) mod token;

pub use settings::{Clients, FETCH_BYTES, KafkaConfigError, QUEUED_BYTES, QUEUED_MESSAGES, producer_queue};
pub use start_error::StartError;

pub(crate) use oidc::TokenError;
pub(crate) use settings::BATCH;
