//! The owners of the partitions that are assigned to this process: one task for each, which is drained when its
//! partition is revoked, and aborted when it is lost.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{
    lanes::LaneEnd,
    offsets::{CommitOffset, Mark, TopicPartition},
};
use crate::runtime::{lease::Lease, progress::Progress};

/// The task that owns a partition.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) task: JoinHandle<LaneEnd>,
    pub(super) draining: CancellationToken,
    pub(super) progress: Arc<Progress>,
    /// The time until which records of the partition's last owner that are in flight may still arrive.
    pub(super) hold_until: Instant,
}

/// All owners, by their partitions.
#[derive(Debug)]
pub(super) struct Owners {
    running: Mutex<BTreeMap<TopicPartition, Owner>>,
    runtime: Handle,
    lease: Lease,
}

/// The reason for which owners end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The owners are drained, and aborted at the deadline.
    Drain { deadline: Instant },
    /// Another member may own their partitions already: they are aborted at once.
    Lost,
}

impl Owners {
    pub(super) fn new(lease: Lease, runtime: Handle) -> Self {
        Self { running: Mutex::default(), runtime, lease }
    }

    pub(super) fn insert(&self, at: &TopicPartition, owner: Owner) {
        self.running.lock().insert(at.clone(), owner);
    }

    pub(super) fn contains(&self, at: &TopicPartition) -> bool {
        self.running.lock().contains_key(at)
    }

    pub(super) fn partitions(&self) -> Vec<TopicPartition> {
        self.running.lock().keys().cloned().collect()
    }

    pub(super) fn count(&self) -> usize {
        self.running.lock().len()
    }

    /// Ends the owners of `partitions`, and returns what they have settled. Blocks until they have ended.
    pub(super) fn end(&self, partitions: &[TopicPartition], ending: Ending) -> Vec<CommitOffset> {
        let ended: Vec<_> = {
            let mut running = self.running.lock();
            partitions.iter().filter_map(|at| running.remove(at).map(|owner| (at.clone(), owner))).collect()
        };
        for (_, owner) in &ended {
            owner.draining.cancel();
        }
        ended.into_iter().map(|(at, owner)| self.end_one(at, owner, ending)).collect()
    }

    fn end_one(&self, at: TopicPartition, mut owner: Owner, ending: Ending) -> CommitOffset {
        let left = match ending {
            Ending::Drain { deadline } => deadline.saturating_duration_since(Instant::now()),
            Ending::Lost => Duration::ZERO,
        };
        let ended = self.runtime.block_on(async { tokio::time::timeout(left, &mut owner.task).await });
        if ended.is_err() {
            // Its calls run on to their end, and settle nothing.
            owner.task.abort();
            drop(self.runtime.block_on(owner.task));
            // What has not been sent yet must not be: the partition soon has another owner.
            self.lease.lapse();
            if ending != Ending::Lost {
                warn!(
                    event = "drain_aborted", topic = %at.0, partition = at.1,
                    "drain timed out, in-flight records are abandoned and will be repeated"
                );
            }
        }
        let is_drained = matches!(ended, Ok(Ok(LaneEnd::Drained))) && owner.hold_until <= Instant::now();
        let mark = if is_drained { Mark::Drained } else { Mark::None };
        CommitOffset { at, next: owner.progress.next(), mark }
    }
}
