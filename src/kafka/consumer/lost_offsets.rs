//! Records that were deleted before they were read, with `kafka.on_lost_offsets = "earliest"`.
//!
//! librdkafka refuses to seek in this state. So the lane waits until all that it has read before the gap is settled;
//! then the poll thread ends it and commits the offset behind the gap; then, one poll later, the partition is given
//! back and taken again from there. That poll serves a rebalance which may be waiting: to give a partition back would
//! answer it.

use std::time::{Duration, Instant};

use rdkafka::{
    consumer::{BaseConsumer, Consumer as _, RebalanceProtocol},
    error::KafkaResult,
};
use tracing::{error, info, warn};

use super::{
    commit::{Next, TopicPartition},
    lists::list_of,
    rebalance::Context,
};

/// What is missing of a partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    /// The offset that was to be read.
    pub(super) next: i64,
    /// The earliest one that is there.
    pub(super) low: i64,
    /// `low` is committed.
    pub(super) passed: bool,
}

/// For one commit. If it fails there is another one after the next poll: a rebalance may be under way.
const COMMIT: Duration = Duration::from_secs(5);

impl Context {
    /// A lane has met a gap, and reads nothing more.
    pub(super) fn met(&self, at: TopicPartition, gap: Gap) {
        self.gaps().insert(at, gap);
    }

    /// Gets past the gaps that lanes have met. To be called between two polls.
    pub(super) fn pass_gaps(&self, consumer: &BaseConsumer<Self>) {
        let gaps: Vec<_> = self.gaps().iter().map(|(at, gap)| (at.clone(), *gap)).collect();
        let (passed, met): (Vec<_>, Vec<_>) = gaps.into_iter().partition(|(_, gap)| gap.passed);
        for (at, gap) in passed {
            if self.cancel.is_cancelled() {
                return;
            }
            self.gaps().remove(&at);
            match self.take_again(consumer, &at, gap.low) {
                Ok(Ok(())) => info!(
                    event = "lost_offsets_passed", topic = %at.0, partition = at.1, offset = gap.low,
                    "reading goes on"
                ),
                Ok(Err(reason)) => self.cannot_pass(&at, &reason),
                Err(error) => self.cannot_pass(&at, &error.to_string()),
            }
        }
        if met.is_empty() || self.cancel.is_cancelled() {
            return;
        }
        let partitions: Vec<_> = met.iter().map(|(at, _)| at.clone()).collect();
        self.end(&partitions, false);
        for (at, gap) in met {
            if self
                .commit(vec![Next { at: at.clone(), from: gap.low.into(), drained: false }], Instant::now() + COMMIT)
                .is_err()
            {
                warn!(
                    event = "lost_offsets_commit_failed", topic = %at.0, partition = at.1,
                    "the offset behind the lost ones is not committed, trying again"
                );
                continue;
            }
            self.lost(&at, u64::try_from(gap.low - gap.next).unwrap_or_default());
            self.gaps().insert(at, Gap { passed: true, ..gap });
        }
    }

    fn take_again(
        &self,
        consumer: &BaseConsumer<Self>,
        at: &TopicPartition,
        offset: i64,
    ) -> KafkaResult<Result<(), String>> {
        if matches!(consumer.rebalance_protocol(), RebalanceProtocol::Eager) {
            // It lets nothing go but the whole assignment.
            return Ok(Err("not with an eager assignor while it runs: the next start reads on".to_owned()));
        }
        consumer.incremental_unassign(&list_of([at]))?;
        // It was drained here, so that nothing of it is on its way.
        self.take(consumer, &[Next { at: at.clone(), from: offset.into(), drained: true }])?;
        Ok(Ok(()))
    }

    fn cannot_pass(&self, at: &TopicPartition, reason: &str) {
        error!(
            event = "lost_offsets_not_passed", topic = %at.0, partition = at.1, reason,
            "no way past the lost offsets"
        );
        self.stop(format!("{}[{}]: no way past the lost offsets: {reason}", at.0, at.1));
    }
}
