//! The producer of the dead letters: idempotent, acks=all, and patient.

use std::{
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientConfig,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::OwnedHeaders,
    producer::{FutureProducer, FutureRecord, Producer as _},
};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::warn;

use crate::{
    config::TooLarge,
    kafka::client::{BATCH, Clients, error_hints::mend, log::Quiet, producer_queue, token::Pass},
    record::{Header, Record, Timestamp},
    sink::dead_letter::{DeadLetter, DeadLetterError, DeadLetters, Rejected},
};

/// A producer of librdkafka.
struct Producer {
    client: FutureProducer<Quiet>,
    /// Each letter has a batch of its own, so that a refused batch is one letter's own fault.
    alone: bool,
}

pub struct KafkaDeadLetters {
    config: ClientConfig,
    topic: String,
    too_large: TooLarge,
    producer: Arc<Mutex<Arc<Producer>>>,
    clients: Clients,
    /// Letters up to this size may share a batch, in bytes.
    batch: usize,
    room: Room,
}

/// How large letters may be.
#[derive(Debug, Clone, Copy)]
pub struct LetterSizes {
    /// The largest letter that there can be, in bytes.
    pub largest: usize,
    /// The largest batch that the topic takes, in bytes; `None` where the cluster does not say.
    pub topic: Option<usize>,
}

/// Room for letters between their rejection and their confirmation, in order of arrival. A letter that has room finds
/// room in the producer's queue as well, which only counts values.
struct Room {
    units: Semaphore,
    all: u32,
}

/// Between two attempts at a broker that does not take a letter now.
const BACKOFF: Duration = Duration::from_secs(1);
/// How long a topic may be unknown: a broker that starts, or a topic that is made anew, is known a little later.
const UNKNOWN: Duration = Duration::from_secs(60);
/// An attempt that takes longer has met brokers that were away.
const OUTAGE: Duration = Duration::from_secs(5);
const TIMESTAMP: &str = "sobjectd.timestamp";

impl KafkaDeadLetters {
    pub fn new(clients: &Clients, topic: &str, sizes: LetterSizes, too_large: TooLarge) -> KafkaResult<Self> {
        let config = clients.producer(sizes.largest, sizes.topic);
        let batch = config.get(BATCH).and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
        let producer = Producer::new(&config, clients, sizes.topic.is_none())?;
        let producer = Arc::new(Mutex::new(Arc::new(producer)));
        tokio::spawn(show_tokens(clients.pass(), Arc::downgrade(&producer)));
        let (topic, clients, room) = (topic.to_owned(), clients.clone(), Room::new(producer_queue(sizes.largest)));
        Ok(Self { config, topic, too_large, producer, clients, batch, room })
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
            warn!(
                event = "dead_letter_producer_replaced",
                error = why,
                "the producer of the dead letters has failed, building another"
            );
            *producer = self.build(failed.alone)?;
        }
        Ok(())
    }

    /// Gives each letter a batch of its own from now on. The first letter of a refused batch builds the producer for
    /// it: the topic takes less than it did at the start.
    fn separate(&self, refused: &Arc<Producer>) -> Result<(), String> {
        let mut producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&producer, refused) {
            *producer = self.build(true)?;
        }
        Ok(())
    }

    fn build(&self, alone: bool) -> Result<Arc<Producer>, String> {
        Producer::new(&self.config, &self.clients, alone).map(Arc::new).map_err(|error| error.to_string())
    }

    async fn send(&self, producer: &Producer, record: &Record, timestamp: bool) -> KafkaResult<()> {
        let headers = headers(&record.headers, record.timestamp.filter(|_| !timestamp).map(Timestamp::millis));
        let mut letter: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(&self.topic).headers(headers);
        letter.key = record.key.as_deref();
        letter.payload = record.value.as_deref();
        letter.timestamp = record.timestamp.filter(|_| timestamp).map(Timestamp::millis);
        match producer.client.send_result(letter) {
            Ok(delivery) => match delivery.await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err((error, _))) => Err(error),
                Err(_) => Err(KafkaError::Canceled),
            },
            Err((error, _)) => Err(error),
        }
    }

    /// What is to be sent in place of a letter that the topic does not take.
    fn smaller(&self, letter: &DeadLetter, refused: &Arc<Producer>) -> Result<Option<DeadLetter>, DeadLetterError> {
        let (record, topic) = (&letter.record, || self.topic.clone());
        let bytes = record.bytes();
        if bytes < self.batch && !refused.alone {
            self.separate(refused).map_err(|message| DeadLetterError::Refused { topic: topic(), message })?;
            return Ok(None);
        }
        let smaller = letter.smaller().filter(|_| self.too_large == TooLarge::Reference);
        let Some((smaller, part)) = smaller else { return Err(DeadLetterError::TooLarge { topic: topic(), bytes }) };
        warn!(
            event = "dead_letter_too_large",
            position = %record.position,
            bytes,
            topic = self.topic,
            part,
            "dead letter larger than its topic takes, a part of it stays behind"
        );
        Ok(Some(smaller))
    }
}

impl Room {
    const UNIT: usize = 1024;

    fn new(bytes: usize) -> Self {
        let all = u32::try_from(bytes / Self::UNIT).unwrap_or(u32::MAX).max(1);
        Self { units: Semaphore::new(all as usize), all }
    }

    /// Waits for room for a letter of this size in bytes; one that is larger than all of it passes alone.
    async fn take(&self, bytes: usize) -> SemaphorePermit<'_> {
        let units = u32::try_from(bytes / Self::UNIT + 1).unwrap_or(u32::MAX).min(self.all);
        match self.units.acquire_many(units).await {
            Ok(permit) => permit,
            // The semaphore is never closed.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Producer {
    fn new(config: &ClientConfig, clients: &Clients, alone: bool) -> KafkaResult<Self> {
        let mut config = config.clone();
        if alone {
            config.set("batch.num.messages", "1");
        }
        let client: FutureProducer<Quiet> = config.create_with_context(Quiet)?;
        clients.pass().show(client.client());
        Ok(Self { client, alone })
    }
}

fn current(producer: &Mutex<Arc<Producer>>) -> Arc<Producer> {
    producer.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// A producer that has nothing to send keeps its connections, and renews them with the newest token.
async fn show_tokens(mut pass: Pass, producer: Weak<Mutex<Arc<Producer>>>) {
    loop {
        pass.newer().await;
        let Some(producer) = producer.upgrade() else { return };
        pass.show(current(&producer).client.client());
    }
}

impl DeadLetters for KafkaDeadLetters {
    async fn deliver(&self, rejected: Rejected<'_>) -> Result<(), DeadLetterError> {
        let topic = || self.topic.clone();
        if self.too_large == TooLarge::Stop && rejected.record.excess.parts().next().is_some() {
            return Err(DeadLetterError::TooLarge { topic: topic(), bytes: rejected.record.whole_bytes() });
        }
        let _room = self.room.take(rejected.bytes()).await;
        let mut letter = rejected.letter();
        let mut timestamp = true;
        let mut unknown: Option<Instant> = None;
        loop {
            let producer = self.producer();
            let begun = Instant::now();
            let Err(error) = self.send(&producer, &letter.record, timestamp).await else { return Ok(()) };
            // Brokers that were away meanwhile may not know their topics yet.
            if begun.elapsed() > OUTAGE {
                unknown = None;
            }
            if let Some((code, why)) = producer.client.client().fatal_error() {
                self.replace(&producer, code, &why)
                    .map_err(|message| DeadLetterError::Refused { topic: topic(), message })?;
                tokio::time::sleep(BACKOFF).await;
                continue;
            }
            match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                    letter = self.smaller(&letter, &producer)?.unwrap_or(letter);
                    continue;
                }
                Some(RDKafkaErrorCode::InvalidTimestamp) if timestamp => {
                    timestamp = false;
                    continue;
                }
                Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition)
                    if unknown.get_or_insert_with(Instant::now).elapsed() < UNKNOWN =>
                {
                    warn!(
                        event = "dead_letter_topic_unknown", topic = self.topic, %error,
                        "the dead-letter topic is not known now, trying again"
                    );
                }
                Some(code) if is_permanent(code) => {
                    return Err(DeadLetterError::Refused { topic: topic(), message: error.to_string() });
                }
                _ => {
                    unknown = None;
                    warn!(event = "dead_letter_retried", %error, "dead letter not taken, trying again");
                }
            }
            tokio::time::sleep(BACKOFF).await;
        }
    }
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

/// `timestamp` in milliseconds, where it cannot be the letter's own. That of an earlier letter of the record stays.
fn headers(headers: &[Header], timestamp: Option<i64>) -> OwnedHeaders {
    let known = headers.iter().fold(OwnedHeaders::new_with_capacity(headers.len() + 1), |known, header| {
        known.insert(rdkafka::message::Header { key: &header.name, value: header.value.as_deref() })
    });
    match timestamp.filter(|_| headers.iter().all(|header| header.name != TIMESTAMP)) {
        Some(millis) => known.insert(rdkafka::message::Header { key: TIMESTAMP, value: Some(&millis.to_string()) }),
        None => known,
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn letters_have_room_in_the_order_in_which_they_came() {
        let room = Room::new(10 * 1024);
        let first = room.take(6 * 1024).now_or_never().unwrap();
        let mut large = std::pin::pin!(room.take(1 << 30));
        assert!(large.as_mut().now_or_never().is_none());
        assert!(room.take(1).now_or_never().is_none(), "no letter passes one that waits");
        drop(first);
        let alone = large.now_or_never().unwrap();
        assert!(room.take(1).now_or_never().is_none(), "a letter that is larger than all of the room is alone");
        drop(alone);
        assert!(room.take(1).now_or_never().is_some());
    }
}
