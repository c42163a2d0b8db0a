//! Lists of partitions, in the form that librdkafka takes and returns.

use std::{collections::BTreeSet, sync::Arc};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::KafkaResult,
};

use super::offsets::{CommitOffset, Mark, TopicPartition};

/// The partitions of a list. `elements` panics on an empty list (rust-rdkafka#681), and a cooperative rebalance brings
/// empty ones.
pub(super) fn partitions(list: &TopicPartitionList) -> Vec<TopicPartition> {
    if list.count() == 0 {
        return Vec::new();
    }
    list.elements().iter().map(|element| (Arc::from(element.topic()), element.partition())).collect()
}

/// A list of partitions without offsets.
pub(super) fn list_of<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (topic, partition) in partitions {
        list.add_partition(topic, *partition);
    }
    list
}

/// A list of partitions with the offset and the leader epoch from which each is read on, but without their marks.
pub(super) fn list_of_offsets<'a>(
    offsets: impl IntoIterator<Item = &'a CommitOffset>,
) -> KafkaResult<TopicPartitionList> {
    let (mut list, mut epochs) = (TopicPartitionList::new(), Vec::new());
    for CommitOffset { at: (topic, partition), next, .. } in offsets {
        list.add_partition_offset(topic, *partition, Offset::Offset(next.offset))?;
        epochs.push(next.leader_epoch);
    }
    kafka_ffi::set_leader_epochs(&mut list, &epochs);
    Ok(list)
}

/// A list of partitions with offsets, leader epochs and marks, to be committed.
pub(super) fn list_to_commit(offsets: &[CommitOffset]) -> KafkaResult<TopicPartitionList> {
    let list = list_of_offsets(offsets)?;
    for CommitOffset { at: (topic, partition), mark, .. } in offsets {
        if *mark != Mark::None
            && let Some(mut element) = list.find_partition(topic, *partition)
        {
            element.set_metadata(mark.to_string());
        }
    }
    Ok(list)
}

/// The partitions of `list` that are assigned to the consumer: no other can be unassigned.
pub(super) fn assigned_of<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    list: &TopicPartitionList,
) -> KafkaResult<TopicPartitionList> {
    let assigned: BTreeSet<_> = partitions(&consumer.assignment()?).into_iter().collect();
    Ok(list_of(partitions(list).iter().filter(|at| assigned.contains(*at))))
}
