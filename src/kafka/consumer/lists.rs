//! Lists of partitions, as librdkafka takes and gives them.

use std::{collections::BTreeSet, sync::Arc};

use rdkafka::{
    TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::KafkaResult,
};

use super::commit::TopicPartition;

/// `elements` panics on an empty list (rust-rdkafka#681), and a cooperative rebalance brings some.
pub(super) fn partitions(list: &TopicPartitionList) -> Vec<TopicPartition> {
    if list.count() == 0 {
        return Vec::new();
    }
    list.elements().iter().map(|element| (Arc::from(element.topic()), element.partition())).collect()
}

/// Without offsets.
pub(super) fn list_of<'a>(partitions: impl IntoIterator<Item = &'a TopicPartition>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (topic, partition) in partitions {
        list.add_partition(topic, *partition);
    }
    list
}

/// Those of `list` that are assigned to the consumer: no other can be given back.
pub(super) fn held_of<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    list: &TopicPartitionList,
) -> KafkaResult<TopicPartitionList> {
    let held: BTreeSet<_> = partitions(&consumer.assignment()?).into_iter().collect();
    Ok(list_of(partitions(list).iter().filter(|at| held.contains(*at))))
}
