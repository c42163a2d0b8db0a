//! Where a consumer stands in one partition. rdkafka asks for all that is assigned, which is too much for a question
//! that each partition has again and again.

use rdkafka::{
    Offset, TopicPartitionList,
    bindings::{rd_kafka_position, rd_kafka_resp_err_t},
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
};

use crate::epoch::leader_epochs;

/// The offset after the last message that a queue of the partition has given out or passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub offset: i64,
    /// Of that message; `None` where it is not known.
    pub leader_epoch: Option<i32>,
}

/// What librdkafka calls the position. It moves where a queue is polled: for a record that the poll returns, and for a
/// control record (the marker of a transaction), which it does not return. `None` while nothing was polled since the
/// partition was assigned, or where the partition is not known.
#[expect(unsafe_code, reason = "the binding asks for all that is assigned")]
pub fn position<C: ConsumerContext>(consumer: &BaseConsumer<C>, topic: &str, partition: i32) -> Option<Position> {
    let mut asked = TopicPartitionList::with_capacity(1);
    asked.add_partition(topic, partition);
    // SAFETY: the client and the list are alive for the whole call, which looks at the partition under its lock, writes
    // into the list's own element, and keeps nothing of it.
    let error = unsafe { rd_kafka_position(consumer.client().native_ptr(), asked.ptr()) };
    if error != rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return None;
    }
    let element = asked.elements_for_topic(topic).pop()?;
    match element.offset() {
        Offset::Offset(offset) if element.error().is_ok() => {
            Some(Position { offset, leader_epoch: leader_epochs(&asked).pop().flatten() })
        }
        _ => None,
    }
}
