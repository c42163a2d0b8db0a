//! Maps librdkafka's log levels to ours. A broker that is down loses no data, so it is not an ERROR.

use rdkafka::{ClientContext, config::RDKafkaLogLevel, consumer::ConsumerContext, error::KafkaError};
use tracing::{debug, warn};

use super::error_hints::is_access_denied;

/// The context of a client that only logs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LoggingContext;

impl ConsumerContext for LoggingContext {}

impl ClientContext for LoggingContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        log_error(&error, reason);
    }
}

/// Logs an error of a client. librdkafka goes on by itself, but a denial needs an operator.
pub(crate) fn log_error(error: &KafkaError, reason: &str) {
    if is_access_denied(error, reason) {
        warn!(event = "kafka_access_denied", reason, "a broker denies access: check kafka.properties and kafka.oauth");
    } else {
        debug!(%error, reason, "kafka client");
    }
}

/// Logs a line of librdkafka's.
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    if level as i32 <= RDKafkaLogLevel::Warning as i32 {
        warn!(event = "librdkafka", facility, "librdkafka: {message}");
    } else {
        debug!(facility, "librdkafka: {message}");
    }
}
