//! The producer of the dead letters: idempotent, acks=all, and patient.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::OwnedHeaders,
    producer::{FutureProducer, FutureRecord, Producer as _},
};
use tracing::warn;

use super::{
    client::{Clients, producer_queue},
    denial::mend,
    log::Quiet,
    token::Pass,
};
use crate::{
    config::TooLarge,
    pipeline::dead_letter::{DeadLetter, DeadLetterError, DeadLetters},
    record::{Header, Record, Timestamp},
};

type Producer = FutureProducer<Quiet>;

pub struct KafkaDeadLetters {
    config: ClientConfig,
    topic: String,
    queue_bytes: usize,
    producer: Arc<Mutex<Arc<Producer>>>,
    clients: Clients,
    too_large: TooLarge,
}

/// Between two attempts at a broker that does not take a letter now.
const BACKOFF: Duration = Duration::from_secs(1);
/// How long a topic may be unknown: a broker that starts, or a topic that is made anew, is known a little later.
const UNKNOWN: Duration = Duration::from_secs(60);
/// Between two looks at a queue that is full of earlier letters.
const QUEUE_FULL: Duration = Duration::from_millis(20);

impl KafkaDeadLetters {
    /// `max_bytes`: the largest message that the topic takes.
    pub fn new(clients: &Clients, topic: &str, max_bytes: usize, too_large: TooLarge) -> KafkaResult<Self> {
        let mut config = clients.producer(max_bytes);
        if too_large == TooLarge::Reference {
            // A topic refuses a batch as a whole: its word is to be about one letter.
            config.set("batch.num.messages", "1");
        }
        let queue_bytes = producer_queue(max_bytes);
        let producer = Arc::new(Mutex::new(Arc::new(new_producer(&config, clients)?)));
        tokio::spawn(show_tokens(clients.pass(), Arc::downgrade(&producer)));
        Ok(Self { config, topic: topic.to_owned(), queue_bytes, too_large, producer, clients: clients.clone() })
    }

    /// What the producer may hold in memory.
    pub fn queue_bytes(&self) -> usize {
        self.queue_bytes
    }

    fn producer(&self) -> Arc<Producer> {
        current(&self.producer)
    }

    /// After a fatal error a producer takes nothing any more. The first letter that sees it builds the next one, unless
    /// that would fail as well.
    fn replace(&self, failed: &Arc<Producer>, code: RDKafkaErrorCode, why: &str) -> Result<(), String> {
        if is_permanent(code) {
            return Err(format!("{why}; {}", mend(code)));
        }
        let mut producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&producer, failed) {
            warn!(error = why, "the producer of the dead letters has failed, building another");
            *producer = Arc::new(new_producer(&self.config, &self.clients).map_err(|error| error.to_string())?);
        }
        Ok(())
    }

    async fn send(&self, producer: &Producer, record: &Record, timestamp: bool) -> KafkaResult<()> {
        loop {
            let headers = headers(&record.headers, record.timestamp.filter(|_| !timestamp).map(Timestamp::millis));
            let mut letter: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(&self.topic).headers(headers);
            letter.key = record.key.as_deref();
            letter.payload = record.value.as_deref();
            letter.timestamp = record.timestamp.filter(|_| timestamp).map(Timestamp::millis);
            match producer.send_result(letter) {
                Ok(delivery) => {
                    return match delivery.await {
                        Ok(Ok(_)) => Ok(()),
                        Ok(Err((error, _))) => Err(error),
                        Err(_) => Err(KafkaError::Canceled),
                    };
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    tokio::time::sleep(QUEUE_FULL).await;
                }
                Err((error, _)) => return Err(error),
            }
        }
    }
}

fn new_producer(config: &ClientConfig, clients: &Clients) -> KafkaResult<Producer> {
    let producer: Producer = config.create_with_context(Quiet)?;
    clients.pass().show(producer.client());
    Ok(producer)
}

fn current(producer: &Mutex<Arc<Producer>>) -> Arc<Producer> {
    producer.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// A producer that has nothing to send keeps its connections, and renews them with the newest token.
async fn show_tokens(mut pass: Pass, producer: Weak<Mutex<Arc<Producer>>>) {
    loop {
        pass.newer().await;
        let Some(producer) = producer.upgrade() else { return };
        pass.show(current(&producer).client());
    }
}

impl DeadLetters for KafkaDeadLetters {
    async fn deliver(&self, letter: &DeadLetter) -> Result<(), DeadLetterError> {
        let mut timestamp = true;
        let mut unknown: Option<Instant> = None;
        let mut record = Cow::Borrowed(&letter.record);
        loop {
            let producer = self.producer();
            let Err(error) = self.send(&producer, &record, timestamp).await else { return Ok(()) };
            let topic = || self.topic.clone();
            if let Some((code, why)) = producer.client().fatal_error() {
                self.replace(&producer, code, &why)
                    .map_err(|message| DeadLetterError::Refused { topic: topic(), message })?;
                tokio::time::sleep(BACKOFF).await;
                continue;
            }
            match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                    let bytes = record.bytes();
                    match reference(&record).filter(|_| self.too_large == TooLarge::Reference) {
                        Some(smaller) => {
                            let (position, topic) = (&record.position, &self.topic);
                            warn!(%position, bytes, topic, "dead letter larger than its topic takes, its value stays behind");
                            record = Cow::Owned(smaller);
                            continue;
                        }
                        None => return Err(DeadLetterError::TooLarge { topic: topic(), bytes }),
                    }
                }
                Some(RDKafkaErrorCode::InvalidTimestamp) if timestamp => {
                    timestamp = false;
                    continue;
                }
                Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition)
                    if unknown.get_or_insert_with(Instant::now).elapsed() < UNKNOWN =>
                {
                    warn!(topic = self.topic, %error, "the dead-letter topic is not known now, trying again");
                }
                Some(code) if is_permanent(code) => {
                    return Err(DeadLetterError::Refused { topic: topic(), message: error.to_string() });
                }
                _ => warn!(%error, "dead letter not taken, trying again"),
            }
            tokio::time::sleep(BACKOFF).await;
        }
    }
}

/// The letter without its value; `None` if it has none. The record itself still lies where the letter's headers say.
fn reference(record: &Record) -> Option<Record> {
    let bytes = record.value.as_ref()?.len();
    let mut headers = record.headers.clone();
    headers.push(Header { name: Record::LEFT_BEHIND.to_owned(), value: Some(bytes.to_string().into()) });
    Some(Record { value: None, headers, ..record.clone() })
}

/// What no repetition mends.
fn is_permanent(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::UnknownTopic
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::InvalidTopic
            | RDKafkaErrorCode::InvalidRecord
            | RDKafkaErrorCode::InvalidMessage
            | RDKafkaErrorCode::InvalidMessageSize
            | RDKafkaErrorCode::InvalidTimestamp
            | RDKafkaErrorCode::PolicyViolation
            | RDKafkaErrorCode::UnsupportedFeature
    )
}

fn headers(headers: &[Header], timestamp: Option<i64>) -> OwnedHeaders {
    let known = headers.iter().fold(OwnedHeaders::new_with_capacity(headers.len() + 1), |known, header| {
        known.insert(rdkafka::message::Header { key: &header.name, value: header.value.as_deref() })
    });
    match timestamp {
        Some(millis) => {
            known.insert(rdkafka::message::Header { key: "sobjectd.timestamp", value: Some(&millis.to_string()) })
        }
        None => known,
    }
}
