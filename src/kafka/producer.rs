//! A producer that waits for the brokers without end: idempotent, acks=all, built anew after a fatal error, when it
//! sends again what was not confirmed. It does not know what its messages mean.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rdkafka::{
    ClientConfig,
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    message::OwnedHeaders,
    producer::{FutureProducer, FutureRecord, Producer as _},
};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::warn;

use super::client::{BATCH, Clients, error_hints::fatal_hint, log::LoggingContext, producer_queue, token::TokenFeed};
use crate::record::{Header, headers_bytes};

/// A message to produce.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    pub topic: &'a str,
    /// The partition; `None` if the key decides.
    pub partition: Option<i32>,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [Header],
    /// The timestamp in milliseconds since 1970; `None` for the time of sending.
    pub timestamp: Option<i64>,
}

/// The topic will never take the message as it is.
#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    #[error("the topic takes no message of {bytes} bytes")]
    TooLarge { bytes: usize },
    #[error("the topic does not take the message's timestamp")]
    InvalidTimestamp,
    #[error("{0}")]
    Permanent(String),
}

/// Limits of the sizes of messages.
#[derive(Debug, Clone, Copy)]
pub struct MessageSizes {
    /// The largest message that there can be, in bytes.
    pub largest: usize,
    /// The largest batch that the topic takes, in bytes; `None` where the cluster does not say.
    pub batch: Option<usize>,
}

pub struct Producer {
    config: ClientConfig,
    current: Arc<Mutex<Arc<Client>>>,
    clients: Clients,
    /// The size up to which messages may share a batch, in bytes.
    batch: usize,
    queue: QueueSpace,
}

/// A producer of librdkafka.
struct Client {
    producer: FutureProducer<LoggingContext>,
    /// Whether each message has a batch of its own, so that a rejected batch is one message's own fault.
    alone: bool,
}

/// Space for messages until they are confirmed, in order of arrival. A message that has space here finds space in
/// librdkafka's queue as well, which only counts values.
struct QueueSpace {
    units: Semaphore,
    all: u32,
}

/// The time between two attempts at a broker that does not take a message now.
const BACKOFF: Duration = Duration::from_secs(1);
/// The time for which a topic may be unknown: a broker that starts, or a topic that is created again, is known a little
/// later.
const UNKNOWN: Duration = Duration::from_secs(60);
/// An attempt that takes longer has met brokers that were away.
const OUTAGE: Duration = Duration::from_secs(5);

impl Producer {
    pub fn new(clients: &Clients, sizes: MessageSizes) -> KafkaResult<Self> {
        let config = clients.producer(sizes.largest, sizes.batch);
        let batch = config.get(BATCH).and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
        let client = Client::new(&config, clients, sizes.batch.is_none())?;
        let current = Arc::new(Mutex::new(Arc::new(client)));
        tokio::spawn(feed_tokens(clients.token_feed(), Arc::downgrade(&current)));
        let queue = QueueSpace::new(producer_queue(sizes.largest));
        Ok(Self { config, current, clients: clients.clone(), batch, queue })
    }

    /// Waits for space for a message that takes this number of bytes until it is confirmed, in order of arrival. To be
    /// held while it is sent.
    pub async fn reserve(&self, bytes: usize) -> SemaphorePermit<'_> {
        self.queue.reserve(bytes).await
    }

    /// Returns when the message is durable (acks=all), however long that takes.
    pub async fn send(&self, message: &Message<'_>) -> Result<(), ProduceError> {
        let topic = message.topic;
        let mut unknown_since: Option<Instant> = None;
        loop {
            let client = self.current.lock().clone();
            let begun = Instant::now();
            let Err(error) = client.send(message).await else { return Ok(()) };
            // Brokers that were away meanwhile may not know their topics yet.
            if begun.elapsed() > OUTAGE {
                unknown_since = None;
            }
            if let Some((code, why)) = client.producer.client().fatal_error() {
                self.replace(&client, code, &why)?;
                tokio::time::sleep(BACKOFF).await;
                continue;
            }
            match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                    let bytes = message.bytes();
                    if bytes >= self.batch || client.alone {
                        return Err(ProduceError::TooLarge { bytes });
                    }
                    self.separate(&client)?;
                    continue;
                }
                Some(RDKafkaErrorCode::InvalidTimestamp) if message.timestamp.is_some() => {
                    return Err(ProduceError::InvalidTimestamp);
                }
                Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition)
                    if unknown_since.get_or_insert_with(Instant::now).elapsed() < UNKNOWN =>
                {
                    warn!(event = "produce_topic_unknown", topic, %error, "the topic is not known now, trying again");
                }
                Some(code) if is_permanent(code) => return Err(ProduceError::Permanent(error.to_string())),
                _ => {
                    unknown_since = None;
                    warn!(event = "produce_retried", topic, %error, "message not taken, trying again");
                }
            }
            tokio::time::sleep(BACKOFF).await;
        }
    }

    /// Replaces a client after a fatal error, when it takes nothing any more. The first message that meets the error
    /// builds the next one, unless that would fail as well.
    fn replace(&self, failed: &Arc<Client>, code: RDKafkaErrorCode, why: &str) -> Result<(), ProduceError> {
        if is_permanent(code) {
            return Err(ProduceError::Permanent(format!("{why}; {}", fatal_hint(code))));
        }
        let mut current = self.current.lock();
        if Arc::ptr_eq(&current, failed) {
            warn!(event = "producer_replaced", error = why, "the producer has failed, building another");
            *current = self.build(failed.alone)?;
        }
        Ok(())
    }

    /// Gives each message a batch of its own from now on. The first message of a rejected batch builds the client for
    /// it: the topic takes less than it did at the start.
    fn separate(&self, rejected: &Arc<Client>) -> Result<(), ProduceError> {
        let mut current = self.current.lock();
        if Arc::ptr_eq(&current, rejected) {
            *current = self.build(true)?;
        }
        Ok(())
    }

    fn build(&self, alone: bool) -> Result<Arc<Client>, ProduceError> {
        let client = Client::new(&self.config, &self.clients, alone);
        client.map(Arc::new).map_err(|error| ProduceError::Permanent(error.to_string()))
    }
}

impl Message<'_> {
    /// Returns the size of key, value and headers, in bytes.
    fn bytes(&self) -> usize {
        self.key.map_or(0, <[u8]>::len) + self.value.map_or(0, <[u8]>::len) + headers_bytes(self.headers)
    }
}

impl Client {
    fn new(config: &ClientConfig, clients: &Clients, alone: bool) -> KafkaResult<Self> {
        let mut config = config.clone();
        if alone {
            config.set("batch.num.messages", "1");
        }
        let producer: FutureProducer<LoggingContext> = config.create_with_context(LoggingContext)?;
        clients.token_feed().apply_to(producer.client());
        Ok(Self { producer, alone })
    }

    async fn send(&self, message: &Message<'_>) -> KafkaResult<()> {
        let mut headers = OwnedHeaders::new_with_capacity(message.headers.len());
        for Header { name, value } in message.headers {
            headers = headers.insert(rdkafka::message::Header { key: name, value: value.as_deref() });
        }
        let mut record: FutureRecord<'_, [u8], [u8]> = FutureRecord::to(message.topic).headers(headers);
        record.partition = message.partition;
        record.key = message.key;
        record.payload = message.value;
        record.timestamp = message.timestamp;
        match self.producer.send_result(record) {
            Ok(delivery) => match delivery.await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err((error, _))) => Err(error),
                Err(_) => Err(KafkaError::Canceled),
            },
            Err((error, _)) => Err(error),
        }
    }
}

impl QueueSpace {
    const UNIT: usize = 1024;

    fn new(bytes: usize) -> Self {
        let all = u32::try_from(bytes / Self::UNIT).unwrap_or(u32::MAX).max(1);
        Self { units: Semaphore::new(all as usize), all }
    }

    /// Waits for space for a message of this size in bytes; one that is larger than all of it passes alone.
    async fn reserve(&self, bytes: usize) -> SemaphorePermit<'_> {
        let units = u32::try_from(bytes / Self::UNIT + 1).unwrap_or(u32::MAX).min(self.all);
        match self.units.acquire_many(units).await {
            Ok(permit) => permit,
            // The semaphore is never closed.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Gives each new token to the producer: one that has nothing to send keeps its connections, and renews them with the
/// newest token.
async fn feed_tokens(mut tokens: TokenFeed, current: Weak<Mutex<Arc<Client>>>) {
    loop {
        tokens.newer().await;
        let Some(current) = current.upgrade() else { return };
        let client = current.lock().clone();
        tokens.apply_to(client.producer.client());
    }
}

/// Whether no repetition helps.
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

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn messages_get_space_in_the_order_in_which_they_came() {
        let space = QueueSpace::new(10 * 1024);
        let first = space.reserve(6 * 1024).now_or_never().unwrap();
        let mut large = std::pin::pin!(space.reserve(1 << 30));
        assert!(large.as_mut().now_or_never().is_none());
        assert!(space.reserve(1).now_or_never().is_none(), "no message passes one that waits");
        drop(first);
        let alone = large.now_or_never().unwrap();
        assert!(space.reserve(1).now_or_never().is_none(), "a message that is larger than all of the space is alone");
        drop(alone);
        assert!(space.reserve(1).now_or_never().is_some());
    }
}
