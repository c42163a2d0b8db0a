//! Inspects the group and the dead-letter topic, and changes nothing.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    producer::FutureProducer,
};

use super::topics::{DeadLetterTopic, Topics};
use crate::kafka::{
    client::{Clients, StartError, log::LoggingContext},
    consumer::{boundaries, offsets::TopicPartition},
};

/// The time-out of one request, and of all attempts.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The time between two attempts.
const RETRY: Duration = Duration::from_millis(200);

/// The group's offsets are not known.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct GroupError(KafkaError);

impl GroupError {
    /// Whether an operator must allow something.
    pub fn is_denied(&self) -> bool {
        matches!(
            self.0.rdkafka_error_code(),
            Some(RDKafkaErrorCode::GroupAuthorizationFailed | RDKafkaErrorCode::TopicAuthorizationFailed)
        )
    }
}

/// The committed offsets of the group.
#[derive(Debug, Default)]
pub struct Committed {
    /// The number of partitions that were asked for.
    pub all: usize,
    /// The number of them that have a committed offset.
    pub known: usize,
    /// The committed offsets at which nothing can be read.
    pub lost: Vec<OutOfRange>,
    /// The number of committed offsets of which it is not known whether they can be read: the broker does not say where
    /// their partitions begin and end.
    pub unanswered: usize,
}

/// A committed offset that the partition does not have, any more or at all.
#[derive(Debug, thiserror::Error)]
#[error("{topic}[{partition}]: offset {offset} is committed, and the partition has {low} to {high}")]
pub struct OutOfRange {
    topic: String,
    partition: i32,
    offset: i64,
    low: i64,
    high: i64,
}

/// Fetches which of the partitions have a committed offset, and whether reading can go on there. Does not join the
/// group.
pub async fn fetch_committed(clients: &Clients, topics: &BTreeMap<String, i32>) -> Result<Committed, GroupError> {
    let mut asked = TopicPartitionList::new();
    for (topic, count) in topics {
        asked.add_partition_range(topic, 0, count - 1);
    }
    let all = asked.count();
    if all == 0 {
        return Ok(Committed::default());
    }
    let mut config = clients.consumer().clone();
    // The end is the high watermark: a committed offset may lie after the begin of a transaction.
    config.set("isolation.level", "read_uncommitted");
    let consumer: BaseConsumer<LoggingContext> = config.create_with_context(LoggingContext).map_err(GroupError)?;
    clients.token_feed().apply_to(consumer.client());
    let fetched = tokio::task::spawn_blocking(move || {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            match compare(&consumer, &asked) {
                // A cluster that is young, or has moved the group, knows better in a moment.
                Err(error) if is_moving(&error) && Instant::now() < deadline => std::thread::park_timeout(RETRY),
                compared => return compared,
            }
        }
    });
    let committed = fetched.await.unwrap_or(Err(KafkaError::Canceled)).map_err(GroupError)?;
    Ok(Committed { all, ..committed })
}

/// Compares the committed offsets with the beginnings and ends of their partitions.
fn compare(consumer: &BaseConsumer<LoggingContext>, asked: &TopicPartitionList) -> KafkaResult<Committed> {
    let list = consumer.committed_offsets(asked.clone(), TIMEOUT)?;
    let mut known: Vec<(TopicPartition, i64)> = Vec::new();
    for partition in list.elements() {
        partition.error()?;
        if let Offset::Offset(offset) = partition.offset() {
            known.push(((partition.topic().into(), partition.partition()), offset));
        }
    }
    let fetch = |side: Offset| {
        let asked: Vec<_> = known.iter().map(|(at, _)| (at.clone(), side)).collect();
        boundaries::fetch(consumer, &asked, TIMEOUT, Instant::now() + TIMEOUT)
    };
    let (lows, highs) = (fetch(Offset::Beginning)?, fetch(Offset::End)?);
    let mut committed = Committed { known: known.len(), ..Committed::default() };
    for (at, offset) in known {
        let (Some(low), Some(high)) = (lows.get(&at), highs.get(&at)) else {
            committed.unanswered += 1;
            continue;
        };
        let (low, high) = (low.offset, high.offset);
        if !(low..=high).contains(&offset) {
            committed.lost.push(OutOfRange { topic: at.0.to_string(), partition: at.1, offset, low, high });
        }
    }
    Ok(committed)
}

/// Whether the group has no coordinator at this moment.
fn is_moving(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::CoordinatorLoadInProgress
        )
    )
}

/// Creates the clients that the daemon creates of the configuration, and drops them: librdkafka checks some
/// combinations of properties only then. An error says what it does not accept.
pub fn check_clients(clients: &Clients, with_producer: bool) -> KafkaResult<()> {
    let _consumer: BaseConsumer<LoggingContext> = clients.consumer().create_with_context(LoggingContext)?;
    if with_producer {
        let _producer: FutureProducer<LoggingContext> =
            clients.producer(0, None).create_with_context(LoggingContext)?;
    }
    Ok(())
}

/// The state of the dead-letter topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeadLetterTopicState {
    /// The topic does not exist, and can be created.
    Missing,
    Exists {
        /// The largest message that it takes, in bytes.
        max_bytes: usize,
        /// The largest message that the topics of the routes take, in bytes.
        inputs: usize,
        is_compacted: bool,
    },
}

impl DeadLetterTopicState {
    /// Inspects the dead-letter topic, or asks whether it could be created.
    pub async fn inspect(topics: &Topics, topic: DeadLetterTopic<'_>) -> Result<Self, StartError> {
        if !topics.partitions.contains_key(topic.name) {
            return topics.create(topic, true).await.map(|_| Self::Missing);
        }
        let config = topics.describe(&[topic.name]).await.pop().unwrap_or_default();
        let inputs = topics.max_message_bytes(topic.inputs).await.unwrap_or(0);
        let max_bytes = config.max_message_bytes.unwrap_or(usize::MAX);
        Ok(Self::Exists { max_bytes, inputs, is_compacted: config.is_compacted })
    }
}
