//! Records that were deleted before they were read, with `kafka.on_lost_offsets = "earliest"`.
//!
//! librdkafka cannot seek in this state. So the lane waits until all that it has read before the gap is settled; then
//! the poll thread ends it and commits the offset after the gap; then, one poll later, the partition is unassigned and
//! assigned again from there. That poll serves a rebalance which may be waiting: to unassign a partition would answer
//! it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rdkafka::{
    consumer::{BaseConsumer, Consumer as _, RebalanceProtocol},
    error::KafkaError,
};
use tracing::{error, info, warn};

use super::{
    lists::list_of,
    offsets::{CommitOffset, Mark, TopicPartition},
    rebalance::RebalanceContext,
};

/// The gaps that lanes have met and the poll thread has not passed yet.
#[derive(Debug, Default)]
pub(super) struct LostOffsets(Mutex<BTreeMap<TopicPartition, Gap>>);

/// A gap in the offsets of a partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    /// The offset that was to be read next.
    pub(super) next: i64,
    /// The earliest offset that exists.
    pub(super) low: i64,
    pub(super) state: GapState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GapState {
    /// The lane reads nothing more.
    Met,
    /// The lane has ended, and the offset after the gap is committed.
    Committed,
}

/// Reading cannot go on after a gap.
#[derive(Debug, thiserror::Error)]
enum PassError {
    /// An eager assignor unassigns nothing but the whole assignment.
    #[error("not with an eager assignor while it runs: the next start reads on")]
    Eager,
    #[error(transparent)]
    Kafka(#[from] KafkaError),
}

/// The time for one commit. If it fails there is another one after the next poll: a rebalance may be under way.
const COMMIT: Duration = Duration::from_secs(5);

impl LostOffsets {
    pub(super) fn insert(&self, at: TopicPartition, gap: Gap) {
        self.0.lock().insert(at, gap);
    }

    /// Forgets the gaps of partitions that are revoked.
    pub(super) fn forget(&self, partitions: &[TopicPartition]) {
        self.0.lock().retain(|at, _| !partitions.contains(at));
    }

    fn in_state(&self, state: GapState) -> Vec<(TopicPartition, Gap)> {
        let gaps = self.0.lock();
        gaps.iter().filter(|(_, gap)| gap.state == state).map(|(at, gap)| (at.clone(), *gap)).collect()
    }

    /// Makes reading go on after the gaps that lanes have met. To be called between two polls.
    pub(super) fn pass(&self, context: &RebalanceContext, consumer: &BaseConsumer<RebalanceContext>) {
        let (committed, met) = (self.in_state(GapState::Committed), self.in_state(GapState::Met));
        for (at, gap) in committed {
            if context.is_stopping() {
                return;
            }
            self.forget(std::slice::from_ref(&at));
            match reassign(context, consumer, &at, gap.low) {
                Ok(()) => info!(
                    event = "lost_offsets_passed", topic = %at.0, partition = at.1, offset = gap.low,
                    "reading goes on"
                ),
                Err(reason) => {
                    error!(
                        event = "lost_offsets_not_passed", topic = %at.0, partition = at.1, %reason,
                        "reading cannot go on after the lost offsets"
                    );
                    context.stop.now(format!("{}[{}]: no way past the lost offsets: {reason}", at.0, at.1));
                }
            }
        }
        if met.is_empty() || context.is_stopping() {
            return;
        }
        let partitions: Vec<_> = met.iter().map(|(at, _)| at.clone()).collect();
        context.drain(&partitions);
        for (at, gap) in met {
            let offset = CommitOffset::new(&at, gap.low, Mark::None);
            if context.commit(vec![offset], Instant::now() + COMMIT).is_err() {
                warn!(
                    event = "lost_offsets_commit_failed", topic = %at.0, partition = at.1,
                    "the offset after the lost ones is not committed, trying again"
                );
                continue;
            }
            let lost = u64::try_from(gap.low - gap.next).unwrap_or_default();
            context.observer.offsets_lost(&at.0, at.1, lost);
            self.insert(at, Gap { state: GapState::Committed, ..gap });
        }
    }
}

/// Unassigns a partition, and assigns it again from `offset` on.
fn reassign(
    context: &RebalanceContext,
    consumer: &BaseConsumer<RebalanceContext>,
    at: &TopicPartition,
    offset: i64,
) -> Result<(), PassError> {
    if matches!(consumer.rebalance_protocol(), RebalanceProtocol::Eager) {
        return Err(PassError::Eager);
    }
    consumer.incremental_unassign(&list_of([at]))?;
    // It was drained here, so that nothing of it is in flight.
    context.add(consumer, &[CommitOffset::new(at, offset, Mark::Drained)])?;
    Ok(())
}
