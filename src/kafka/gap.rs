//! Records that were deleted before they were read, with `kafka.on_lost_offsets = "earliest"`.
//!
//! librdkafka refuses to seek in this state. So the partition is drained, which settles and commits all that lies before
//! the gap; then the offset behind the gap is committed; then the partition is given back and taken again from there. All
//! of it runs on the poll thread, between two polls, so that no rebalance comes in between.

use std::time::{Duration, Instant};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaResult,
};
use tracing::{error, info, warn};

use super::{commit::TopicPartition, rebalance::Context};

/// What is missing of a partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    /// The offset that was to be read.
    pub(super) next: i64,
    /// The earliest one that is there.
    pub(super) low: i64,
}

/// For one commit. If it fails there is another one after the next poll: a rebalance may be under way.
const COMMIT: Duration = Duration::from_secs(5);

impl Context {
    /// A lane has met a gap, and reads nothing more.
    pub(super) fn met(&self, at: TopicPartition, gap: Gap) {
        self.gaps().insert(at, gap);
    }

    /// Gets past the gaps that lanes have met.
    pub(super) fn pass_gaps(&self, consumer: &BaseConsumer<Self>) {
        let gaps: Vec<_> = self.gaps().iter().map(|(at, gap)| (at.clone(), *gap)).collect();
        for (at, gap) in gaps {
            self.end(std::slice::from_ref(&at), false);
            if self.commit(vec![(at.clone(), gap.low)], Instant::now() + COMMIT).is_err() {
                warn!(topic = %at.0, partition = at.1, "the offset behind the lost ones is not committed, trying again");
                continue;
            }
            self.gaps().remove(&at);
            self.lost(&at, u64::try_from(gap.low - gap.next).unwrap_or_default());
            match self.take_again(consumer, &at, gap.low) {
                Ok(Ok(())) => info!(topic = %at.0, partition = at.1, offset = gap.low, "reading goes on"),
                Ok(Err(reason)) => self.cannot_pass(&at, &reason),
                Err(error) => self.cannot_pass(&at, &error.to_string()),
            }
        }
    }

    fn take_again(
        &self,
        consumer: &BaseConsumer<Self>,
        at: &TopicPartition,
        offset: i64,
    ) -> KafkaResult<Result<(), String>> {
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition_offset(&at.0, at.1, Offset::Offset(offset))?;
        consumer.incremental_unassign(&list)?;
        if let Err(reason) = self.start(at, offset) {
            return Ok(Err(reason));
        }
        consumer.incremental_assign(&list)?;
        Ok(Ok(()))
    }

    fn cannot_pass(&self, at: &TopicPartition, reason: &str) {
        error!(topic = %at.0, partition = at.1, reason, "no way past the lost offsets");
        self.stop(format!("{}[{}]: no way past the lost offsets: {reason}", at.0, at.1));
    }
}
