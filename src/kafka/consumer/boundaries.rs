//! Where many partitions begin or end, in one question for each broker.

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

use super::commit::TopicPartition;
use crate::{
    kafka::client::{Clients, error_context::Ear},
    runtime::progress::NextOffset,
};

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// What is known of the partitions that were asked for. Those that are missing are to be asked for again.
pub(super) type Boundaries = BTreeMap<TopicPartition, NextOffset>;

/// Where each partition begins ([`Offset::Beginning`]) or ends ([`Offset::End`]), which Kafka asks for as if they were
/// times. The end is that of what can be read, unless the client reads what is uncommitted as well. Where the answers of
/// some partitions are errors, librdkafka gives back that of none: then each topic is asked for by itself, until
/// `deadline`.
pub(super) fn ask<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partitions: &[(TopicPartition, Offset)],
    deadline: Instant,
) -> KafkaResult<Boundaries> {
    let error = match ask_once(consumer, partitions) {
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
    for partitions in topics.into_values() {
        if Instant::now() >= deadline {
            break;
        }
        match ask_once(consumer, &partitions) {
            Ok(boundaries) => known.extend(boundaries),
            Err(error) => {
                debug!(%error, topic = %partitions[0].0.0, "where its partitions begin and end is not known now");
            }
        }
    }
    Ok(known)
}

fn ask_once<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partitions: &[(TopicPartition, Offset)],
) -> KafkaResult<Boundaries> {
    if partitions.is_empty() {
        return Ok(Boundaries::new());
    }
    let mut asked = TopicPartitionList::with_capacity(partitions.len());
    for ((topic, partition), side) in partitions {
        asked.add_partition_offset(topic, *partition, *side)?;
    }
    let answered = consumer.offsets_for_times(asked, TIMEOUT)?;
    let epochs = kafka_ffi::leader_epochs(&answered);
    let known = answered.elements().into_iter().zip(epochs).filter_map(|(element, leader_epoch)| {
        let Offset::Offset(offset) = element.offset() else { return None };
        Some(((Arc::from(element.topic()), element.partition()), NextOffset { offset, leader_epoch }))
    });
    Ok(known.collect())
}

/// No topic would be answered.
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

/// The topics among `topics` that are not there. Asked by a client of its own: an answer with all topics makes a consumer
/// look at its subscription, which is no time for it in a rebalance, and a question for a topic that is not there makes
/// it ask again and again.
pub(super) fn missing_topics(clients: &Clients, topics: &BTreeSet<Arc<str>>) -> KafkaResult<BTreeSet<Arc<str>>> {
    let client: BaseConsumer<Ear> = clients.admin().create_with_context(Ear::default())?;
    clients.pass().show(client.client());
    let metadata = client.fetch_metadata(None, TIMEOUT)?;
    let there: BTreeSet<_> = metadata.topics().iter().map(rdkafka::metadata::MetadataTopic::name).collect();
    Ok(topics.iter().filter(|topic| !there.contains(&***topic)).cloned().collect())
}
