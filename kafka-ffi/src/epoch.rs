//! Leader epochs (KIP-320): how often a partition had changed its leader when a record was appended. An offset by itself
//! does not say that what stood before it is still what was read; an offset with the epoch of the record before it does.

use rdkafka::{
    bindings::{
        rd_kafka_message_leader_epoch, rd_kafka_topic_partition_get_leader_epoch,
        rd_kafka_topic_partition_set_leader_epoch, rd_kafka_topic_partition_t,
    },
    message::BorrowedMessage,
    topic_partition_list::TopicPartitionList,
};

/// The leader epoch of a record; `None` where the broker or the record's format has none.
#[expect(unsafe_code, reason = "the binding has no safe call")]
pub fn leader_epoch(message: &BorrowedMessage<'_>) -> Option<i32> {
    // SAFETY: the message is alive for the whole call, which reads a number of it.
    known(unsafe { rd_kafka_message_leader_epoch(message.ptr()) })
}

/// The leader epoch of each element, in the order of [`TopicPartitionList::elements`].
#[expect(unsafe_code, reason = "the binding has no safe call")]
pub fn leader_epochs(list: &TopicPartitionList) -> Vec<Option<i32>> {
    // SAFETY: the element is one of the list's, which is borrowed for the whole call.
    let epoch = |element| known(unsafe { rd_kafka_topic_partition_get_leader_epoch(element) });
    (0..list.count()).map(|index| epoch(element(list, index))).collect()
}

/// Sets the leader epoch of each element, in the order of [`TopicPartitionList::elements`]. `None` leaves an element as
/// it is.
///
/// # Panics
/// Where there is not one epoch for each element.
#[expect(unsafe_code, reason = "the binding has no safe call")]
pub fn set_leader_epochs(list: &mut TopicPartitionList, epochs: &[Option<i32>]) {
    assert_eq!(list.count(), epochs.len(), "one epoch for each element");
    for (index, epoch) in epochs.iter().enumerate() {
        if let Some(epoch) = epoch {
            // SAFETY: the element is one of the list's, which nothing else has while it is borrowed mutably.
            unsafe { rd_kafka_topic_partition_set_leader_epoch(element(list, index), *epoch) };
        }
    }
}

/// librdkafka says -1 where there is none.
pub(crate) fn known(epoch: i32) -> Option<i32> {
    (epoch >= 0).then_some(epoch)
}

/// An element of a list: `index` is below its count.
#[expect(unsafe_code, reason = "the binding has no safe call")]
fn element(list: &TopicPartitionList, index: usize) -> *mut rd_kafka_topic_partition_t {
    assert!(index < list.count(), "the list has such an element");
    // SAFETY: a list's elements are an array of `cnt` elements, which is what `count` says.
    unsafe { (*list.ptr()).elems.add(index) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_stay_with_their_elements() {
        let mut list = TopicPartitionList::new();
        for partition in 0..3 {
            list.add_partition("t", partition);
        }
        assert_eq!(leader_epochs(&list), [None; 3]);
        set_leader_epochs(&mut list, &[Some(7), None, Some(0)]);
        assert_eq!(leader_epochs(&list), [Some(7), None, Some(0)]);
        assert_eq!(leader_epochs(&list.clone()), [Some(7), None, Some(0)]);
        assert!(leader_epochs(&TopicPartitionList::new()).is_empty());
    }
}
