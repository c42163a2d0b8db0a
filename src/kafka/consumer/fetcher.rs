//! Conditions on librdkafka's fetcher of a partition before a lane reads it.

use std::time::{Duration, Instant};

use rdkafka::{
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::KafkaResult,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    lists::list_of_offsets,
    offsets::{CommitOffset, TopicPartition},
};

/// The longest time that a fetcher may take to stop.
const STOP: Duration = Duration::from_secs(5);
/// The longest time that fetchers may take to start, where others have to stop first.
const START: Duration = Duration::from_secs(5);
/// The time between two checks.
const RETRY: Duration = Duration::from_millis(5);

/// Waits until nothing is left of an earlier assignment of the partition: its position would be taken for the new
/// one's. Returns false if that takes too long.
pub(super) fn has_stopped<C: ConsumerContext>(consumer: &BaseConsumer<C>, (topic, partition): &TopicPartition) -> bool {
    let deadline = Instant::now() + STOP;
    while kafka_ffi::position(consumer, topic, *partition).is_some() {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::park_timeout(RETRY);
    }
    true
}

/// Makes librdkafka check, for partitions that were just assigned, whether the records before their offsets are still
/// those that were read: after an unclean leader election they may not be. No record of these partitions is to be
/// polled before.
///
/// The group keeps a leader epoch beside each offset, and librdkafka asks the partition's leader where that epoch
/// ended, but only when it learns of a newer epoch while it fetches, or at a seek; where a fetcher starts with an
/// epoch, it fetches at once (`rd_kafka_toppar_fetch_start`, 2.12). So each partition is sought to where it is. What
/// was fetched until then is outdated, and no poll returns it. A partition that does not hold what was read gives the
/// same error as lost offsets do.
pub(super) fn check_epochs<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    offsets: &[CommitOffset],
    cancel: &CancellationToken,
) {
    let has_epoch = |offset: &&CommitOffset| offset.next.leader_epoch.is_some() && offset.next.offset > 0;
    let mut unchecked: Vec<_> = offsets.iter().filter(has_epoch).collect();
    let deadline = Instant::now() + START;
    while !unchecked.is_empty() && !cancel.is_cancelled() {
        match seek(consumer, &unchecked) {
            Ok(rejected) => unchecked = rejected,
            Err(error) => debug!(%error, "the leader epochs are not checked yet"),
        }
        if Instant::now() >= deadline {
            break;
        }
        if !unchecked.is_empty() {
            std::thread::park_timeout(RETRY);
        }
    }
    if !unchecked.is_empty() && !cancel.is_cancelled() {
        let partitions: Vec<_> = unchecked.iter().map(|offset| &offset.at).collect();
        // A truncation before this start would not be noticed.
        warn!(event = "leader_epochs_unchecked", ?partitions, "reading starts without a check of the leader epochs");
    }
}

/// Seeks each partition to its offset. Returns those whose seek failed: a fetcher that has not started cannot seek.
fn seek<'a, C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    offsets: &[&'a CommitOffset],
) -> KafkaResult<Vec<&'a CommitOffset>> {
    const TIMEOUT: Duration = Duration::from_secs(1);
    let sought = consumer.seek_partitions(list_of_offsets(offsets.iter().copied())?, TIMEOUT)?;
    let results = sought.elements().into_iter().zip(offsets);
    Ok(results.filter(|(element, _)| element.error().is_err()).map(|(_, offset)| *offset).collect())
}
