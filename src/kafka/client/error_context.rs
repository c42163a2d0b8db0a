//! Captures what librdkafka reports of brokers that it does not reach: the error of a request says only that there was
//! no answer.

use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
};
use tracing::debug;

use super::{StartError, error_hints::is_access_denied};

/// The context of a client that asks questions. It logs at DEBUG only: the consumer's context logs the same.
#[derive(Debug, Default)]
pub(crate) struct ErrorCapture(Mutex<Captured>);

#[derive(Debug, Default)]
struct Captured {
    denial: Option<String>,
    last: Option<String>,
}

/// The time without an event after which the queue counts as empty.
const QUIET: Duration = Duration::from_millis(20);
/// The number of events after which a poll ends: far more than one request causes.
const MOST: usize = 100;

impl ErrorCapture {
    /// Polls the client's event queue so that its error callbacks run; nothing else polls this client.
    pub(crate) fn poll_events(client: &BaseConsumer<Self>) {
        for _ in 0..MOST {
            if client.poll(QUIET).is_none() {
                return;
            }
        }
    }

    /// Says why `client` has had no answer but `error`.
    pub(crate) fn last_error(&self, client: &BaseConsumer<Self>, error: &KafkaError) -> StartError {
        Self::poll_events(client);
        let mut captured = self.0.lock();
        match (captured.denial.take(), captured.last.take()) {
            (Some(denial), _) => StartError::Denied(format!("kafka.properties: a broker denies access: {denial}")),
            (None, Some(last)) => StartError::Unreachable(format!("{error}: {last}")),
            (None, None) => StartError::Unreachable(error.to_string()),
        }
    }
}

impl ConsumerContext for ErrorCapture {}

impl ClientContext for ErrorCapture {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(facility, "librdkafka: {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let mut captured = self.0.lock();
        if is_access_denied(&error, reason) {
            captured.denial = Some(reason.to_owned());
        }
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            captured.last = Some(reason.to_owned());
        }
    }
}
