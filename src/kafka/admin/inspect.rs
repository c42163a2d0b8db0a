//! Questions about the group and the dead-letter topic that change nothing.

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

use super::topics::Topics;
use crate::{
    config::DeadLetter,
    kafka::client::{Clients, StartError, log::Quiet},
};

/// For each question.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(200);

/// Why the group's offsets are not known.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct GroupError(KafkaError);

impl GroupError {
    /// A person must mend it.
    pub fn is_denied(&self) -> bool {
        matches!(
            self.0.rdkafka_error_code(),
            Some(RDKafkaErrorCode::GroupAuthorizationFailed | RDKafkaErrorCode::TopicAuthorizationFailed)
        )
    }
}

/// What the group has committed.
#[derive(Debug, Default)]
pub struct Committed {
    /// Of how many partitions it was asked.
    pub all: usize,
    /// In how many of them it has an offset.
    pub known: usize,
    /// Where that is an offset which the partition does not have, any more or at all.
    pub lost: Vec<OutOfRange>,
}

/// A committed offset at which nothing can be read.
#[derive(Debug, thiserror::Error)]
#[error("{topic}[{partition}]: offset {offset} is committed, and the partition has {low} to {high}")]
pub struct OutOfRange {
    topic: String,
    partition: i32,
    offset: i64,
    low: i64,
    high: i64,
}

/// In which of the partitions the group has a committed offset, and whether reading can go on there. Does not join.
pub async fn committed(clients: &Clients, topics: &BTreeMap<String, i32>) -> Result<Committed, GroupError> {
    let mut asked = TopicPartitionList::new();
    for (topic, count) in topics {
        asked.add_partition_range(topic, 0, count - 1);
    }
    let all = asked.count();
    if all == 0 {
        return Ok(Committed::default());
    }
    let mut config = clients.consumer().clone();
    // The end is the high watermark: what is committed may lie behind the begin of a transaction.
    config.set("isolation.level", "read_uncommitted");
    let consumer: BaseConsumer<Quiet> = config.create_with_context(Quiet).map_err(GroupError)?;
    clients.pass().show(consumer.client());
    let looked = tokio::task::spawn_blocking(move || {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match look(&consumer, &asked) {
                // A cluster that is young, or has moved the group, knows better in a moment.
                Err(error) if is_moving(&error) && Instant::now() < deadline => std::thread::park_timeout(AGAIN),
                looked => return looked,
            }
        }
    });
    let committed = looked.await.unwrap_or(Err(KafkaError::Canceled)).map_err(GroupError)?;
    Ok(Committed { all, ..committed })
}

fn look(consumer: &BaseConsumer<Quiet>, asked: &TopicPartitionList) -> KafkaResult<Committed> {
    let list = consumer.committed_offsets(asked.clone(), PATIENCE)?;
    let mut known = Vec::new();
    for partition in list.elements() {
        partition.error()?;
        if let Offset::Offset(offset) = partition.offset() {
            known.push((partition.topic().to_owned(), partition.partition(), offset));
        }
    }
    let mut committed = Committed { known: known.len(), ..Committed::default() };
    if known.is_empty() {
        return Ok(committed);
    }
    let ends = |end: Offset| {
        let mut asked = TopicPartitionList::with_capacity(known.len());
        for (topic, partition, _) in &known {
            // As times, the ends are the earliest and the latest that there are.
            asked.add_partition_offset(topic, *partition, end)?;
        }
        consumer.offsets_for_times(asked, PATIENCE)
    };
    let (lows, highs) = (ends(Offset::Beginning)?, ends(Offset::End)?);
    for (topic, partition, offset) in known {
        let of = |ends: &TopicPartitionList| match ends.find_partition(&topic, partition)?.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        if let (Some(low), Some(high)) = (of(&lows), of(&highs))
            && !(low..=high).contains(&offset)
        {
            committed.lost.push(OutOfRange { topic, partition, offset, low, high });
        }
    }
    Ok(committed)
}

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

/// Makes the clients that the daemon makes of the configuration, and drops them: librdkafka looks at some combinations
/// of properties only then. An error says what it does not take.
pub fn clients_fit(clients: &Clients, letters: bool) -> KafkaResult<()> {
    let _consumer: BaseConsumer<Quiet> = clients.consumer().create_with_context(Quiet)?;
    if letters {
        let _producer: FutureProducer<Quiet> = clients.producer(0, None).create_with_context(Quiet)?;
    }
    Ok(())
}

/// A dead-letter topic as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Letters {
    /// It can be created.
    Missing,
    There {
        /// The largest message that it takes, and that the topics of the routes take.
        max_bytes: usize,
        inputs: usize,
        compacted: bool,
    },
}

impl Topics {
    /// What the dead-letter topic is, or that it could be created. `inputs` are the topics of the routes.
    pub async fn letters(&self, config: &DeadLetter, name: &str, inputs: &[&str]) -> Result<Letters, StartError> {
        if !self.partitions.contains_key(name) {
            return self.create(config, name, inputs, true).await.map(|_| Letters::Missing);
        }
        let letters = self.described(&[name]).await.pop().unwrap_or_default();
        let inputs = self.max_message_bytes(inputs).await.unwrap_or(0);
        let max_bytes = letters.max_message_bytes.unwrap_or(usize::MAX);
        Ok(Letters::There { max_bytes, inputs, compacted: letters.compacted })
    }
}
