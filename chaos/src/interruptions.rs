//! Interruptions of the work on a partition, which `replica_log` reads from the logs of the replicas.
//!
//! | in the log | interrupted |
//! |---|---|
//! | a replica is killed | its partitions: assigned and not yet revoked, or revoked and perhaps not drained yet |
//! | `revoked` with `lost` | the partitions in the line |
//! | `drain_aborted` | the partition in the line |
//! | a drain that was cut short, or could not commit | all |
//! | `revoked`, while the partitions of a topic change | the partitions in the line |
//! | a replica that the group has removed for good | all |
//!
//! A drain that ends and commits is not an interruption. A call that a member had on the wire when it lost a partition
//! may be applied after the next owner's first changes. A member that was suspended meanwhile (SIGSTOP) had sent it
//! before that: when it wakes up, its lease is over.

/// A topic and a partition of it.
pub(crate) type TopicPartition = (String, i32);

/// An interruption of the work on some partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interruption {
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    /// The partitions; `None`: all of them.
    pub partitions: Option<Vec<TopicPartition>>,
    /// The time, from and to in milliseconds since the epoch, in which its member may have sent calls that are applied
    /// after the next owner's first change; `None`: all of its calls were applied before.
    pub wire_ms: Option<(u64, u64)>,
}

impl Interruption {
    /// Whether it interrupted the work on this partition.
    pub(crate) fn hits(&self, partition: &TopicPartition) -> bool {
        self.partitions.as_ref().is_none_or(|partitions| partitions.contains(partition))
    }
}

/// The time, from and to in milliseconds since the epoch, in which a replica was suspended (SIGSTOP).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Suspension {
    pub from_ms: u64,
    pub to_ms: u64,
}

/// How long after its wake-up a replica may still learn what it has lost.
const AWAKE_MS: u64 = 5_000;

impl Suspension {
    /// The calls of its replica that may be applied late were sent before the suspension.
    pub(crate) fn limit_late_calls(self, interruption: &mut Interruption) {
        if (self.from_ms..self.to_ms + AWAKE_MS).contains(&interruption.at_ms) {
            interruption.wire_ms = interruption.wire_ms.map(|_| (self.from_ms, self.from_ms));
        }
    }
}
