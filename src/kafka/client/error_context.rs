//! What librdkafka says of brokers that it does not reach: its answers say only that there was none.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
};
use tracing::debug;

use super::{StartError, error_hints::is_refusal};

/// The context of a client that asks questions, and says nothing aloud: the consumer says the same.
#[derive(Debug, Default)]
pub(crate) struct Ear(Mutex<Heard>);

#[derive(Debug, Default)]
struct Heard {
    refusal: Option<String>,
    last: Option<String>,
}

/// After such a pause it has said what it had to.
const QUIET: Duration = Duration::from_millis(20);
/// Far more than it says in one question.
const MOST: usize = 100;

impl Ear {
    /// Hears what waits in the queue of `client`, which nobody else reads. It goes on talking.
    pub(crate) fn listen(client: &BaseConsumer<Self>) {
        for _ in 0..MOST {
            if client.poll(QUIET).is_none() {
                return;
            }
        }
    }

    /// Why `client` has had no answer but `error`.
    pub(crate) fn hear(&self, client: &BaseConsumer<Self>, error: &KafkaError) -> StartError {
        Self::listen(client);
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (heard.refusal.take(), heard.last.take()) {
            (Some(refusal), _) => {
                StartError::Refused(format!("kafka.properties: a broker does not let us in: {refusal}"))
            }
            (None, Some(last)) => StartError::Unreachable(format!("{error}: {last}")),
            (None, None) => StartError::Unreachable(error.to_string()),
        }
    }
}

impl ConsumerContext for Ear {}

impl ClientContext for Ear {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        debug!(facility, "librdkafka: {message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_refusal(&error, reason) {
            heard.refusal = Some(reason.to_owned());
        }
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            heard.last = Some(reason.to_owned());
        }
    }
}
