//! What librdkafka's fetcher of a partition must have done before a lane reads it.

use std::time::{Duration, Instant};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::KafkaResult,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::commit::{Next, TopicPartition};

/// How long a fetcher may take to stop.
const STOP: Duration = Duration::from_secs(5);
/// How long fetchers may take to start, where others have to stop first.
const START: Duration = Duration::from_secs(5);
/// Between two looks.
const AGAIN: Duration = Duration::from_millis(5);

/// Waits until nothing is left of an earlier assignment of the partition: its position would be taken for the new one's.
/// Gives up, and says false, when that takes long.
pub(super) fn stopped<C: ConsumerContext>(consumer: &BaseConsumer<C>, (topic, partition): &TopicPartition) -> bool {
    let deadline = Instant::now() + STOP;
    while kafka_ffi::position(consumer, topic, *partition).is_some() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::park_timeout(AGAIN);
    }
    true
}

/// Makes librdkafka check, for partitions that were just assigned, whether what stands before their offsets is still
/// what was read there: after an unclean leader election it may not be. No record of them is to be polled before.
///
/// The group keeps a leader epoch beside each offset, and librdkafka asks the partition's leader where that epoch ended,
/// but only when it learns of a newer epoch while it fetches, or at a seek; where a fetcher starts with an epoch, it
/// fetches at once (`rd_kafka_toppar_fetch_start`, 2.12). So each partition is sought to where it is. What was fetched
/// until then is outdated, and no poll returns it. A partition that does not hold what was read gives the same error as
/// lost offsets do.
pub(super) fn check_epochs<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    offsets: &[Next],
    cancel: &CancellationToken,
) {
    let has_epoch = |next: &&Next| next.from.leader_epoch.is_some() && next.from.offset > 0;
    let mut left: Vec<_> = offsets.iter().filter(has_epoch).collect();
    let deadline = Instant::now() + START;
    while !left.is_empty() && !cancel.is_cancelled() {
        match seek(consumer, &left) {
            Ok(refused) => left = refused,
            Err(error) => debug!(%error, "the leader epochs are not checked yet"),
        }
        if Instant::now() >= deadline {
            break;
        }
        if !left.is_empty() {
            std::thread::park_timeout(AGAIN);
        }
    }
    if !left.is_empty() && !cancel.is_cancelled() {
        let partitions: Vec<_> = left.iter().map(|next| &next.at).collect();
        // A truncation before this start would not be noticed.
        warn!(event = "leader_epochs_unchecked", ?partitions, "reading starts without a check of the leader epochs");
    }
}

/// Returns those that were refused: a fetcher that has not started cannot seek.
fn seek<'a, C: ConsumerContext>(consumer: &BaseConsumer<C>, offsets: &[&'a Next]) -> KafkaResult<Vec<&'a Next>> {
    const TIMEOUT: Duration = Duration::from_secs(1);
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for Next { at: (topic, partition), from, .. } in offsets {
        list.add_partition_offset(topic, *partition, Offset::Offset(from.offset))?;
    }
    let epochs: Vec<_> = offsets.iter().map(|next| next.from.leader_epoch).collect();
    kafka_ffi::set_leader_epochs(&mut list, &epochs);
    let sought = consumer.seek_partitions(list, TIMEOUT)?;
    let refused = sought.elements().into_iter().zip(offsets).filter(|(element, _)| element.error().is_err());
    let refused: Vec<_> = refused.map(|(_, next)| *next).collect();
    Ok(refused)
}
