//! The beginnings and ends of many partitions, in one request to each broker.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
};
use tracing::debug;

use super::offsets::TopicPartition;
use crate::{
    kafka::client::{Clients, error_context::ErrorCapture},
    runtime::progress::NextOffset,
};

/// The longest time that one request may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(3);

/// The offsets of the partitions that were answered. Those that are missing are to be requested again.
pub(crate) type Boundaries = BTreeMap<TopicPartition, NextOffset>;

/// Fetches where each partition begins ([`Offset::Beginning`]) or ends ([`Offset::End`]), which Kafka's protocol asks
/// for as if they were times. The end is that of what can be read, unless the client reads what is uncommitted as well.
/// Where the answers of some partitions are errors, librdkafka returns the answers of none: then each topic is asked
/// for by itself, until `deadline`. One request takes at most `timeout`.
pub(crate) fn fetch<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partitions: &[(TopicPartition, Offset)],
    timeout: Duration,
    deadline: Instant,
) -> KafkaResult<Boundaries> {
    let error = match fetch_once(consumer, partitions, timeout) {
        Ok(boundaries) => return Ok(boundaries),
        Err(error) => error,
    };
    let mut topics: BTreeMap<&str, Vec<(TopicPartition, Offset)>> = BTreeMap::new();
    for (at, side) in partitions {
        topics.entry(&at.0).or_default().push((at.clone(), *side));
    }
    if topics.len() < 2 || is_of_the_cluster(&error) {
        return Err(error);
    }
    let mut known = Boundaries::new();
    for (topic, partitions) in topics {
        if Instant::now() >= deadline {
            break;
        }
        match fetch_once(consumer, &partitions, timeout) {
            Ok(boundaries) => known.extend(boundaries),
            Err(error) => debug!(%error, topic, "where its partitions begin and end is not known now"),
        }
    }
    Ok(known)
}

fn fetch_once<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partitions: &[(TopicPartition, Offset)],
    timeout: Duration,
) -> KafkaResult<Boundaries> {
    if partitions.is_empty() {
        return Ok(Boundaries::new());
    }
    let mut asked = TopicPartitionList::with_capacity(partitions.len());
    for ((topic, partition), side) in partitions {
        asked.add_partition_offset(topic, *partition, *side)?;
    }
    let answered = consumer.offsets_for_times(asked, timeout)?;
    let epochs = kafka_ffi::leader_epochs(&answered);
    let known = answered.elements().into_iter().zip(epochs).filter_map(|(element, leader_epoch)| {
        let Offset::Offset(offset) = element.offset() else { return None };
        Some(((Arc::from(element.topic()), element.partition()), NextOffset { offset, leader_epoch }))
    });
    Ok(known.collect())
}

/// Whether an error says that no topic would be answered.
fn is_of_the_cluster(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::Authentication
        )
    )
}

/// The topics among `topics` that do not exist. A client of its own asks: an answer with all topics makes a consumer
/// look at its subscription, which must not happen in a rebalance, and a question for a topic that does not exist makes
/// it ask again and again.
pub(super) fn missing_topics(clients: &Clients, topics: &BTreeSet<Arc<str>>) -> KafkaResult<BTreeSet<Arc<str>>> {
    let client: BaseConsumer<ErrorCapture> = clients.admin().create_with_context(ErrorCapture::default())?;
    clients.token_feed().apply_to(client.client());
    let metadata = client.fetch_metadata(None, TIMEOUT)?;
    let existing: BTreeSet<_> = metadata.topics().iter().map(rdkafka::metadata::MetadataTopic::name).collect();
    Ok(topics.iter().filter(|topic| !existing.contains(&***topic)).cloned().collect())
}
