//! What librdkafka says, in the daemon's own levels: a broker that is away costs nothing, so it is no ERROR.

use rdkafka::{ClientContext, config::RDKafkaLogLevel, consumer::ConsumerContext, error::KafkaError};
use tracing::{debug, warn};

use super::error_hints::is_refusal;

/// For clients that need no more of their context.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quiet;

impl ConsumerContext for Quiet {}

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        failed(&error, reason);
    }
}

/// librdkafka goes on by itself, but a refusal is for a person to mend.
pub(crate) fn failed(error: &KafkaError, reason: &str) {
    if is_refusal(error, reason) {
        warn!(
            event = "kafka_access_denied",
            reason, "a broker does not let us in: look at kafka.properties and kafka.oauth"
        );
    } else {
        debug!(%error, reason, "kafka client");
    }
}

pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    if level as i32 <= RDKafkaLogLevel::Warning as i32 {
        warn!(event = "librdkafka", facility, "librdkafka: {message}");
    } else {
        debug!(facility, "librdkafka: {message}");
    }
}
