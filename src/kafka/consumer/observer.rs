//! The consumer's reports of itself, for metrics, health and the status page. Kafka's client knows none of these:
//! the daemon implements the trait by them.

use std::{fmt, sync::Arc, time::SystemTime};

use crate::record::AssignmentChange;

/// Receives what happens to the consumer. The methods are called on its threads and must not block.
pub trait ConsumerObserver: fmt::Debug + Send + Sync + 'static {
    /// The group has given or taken at least one partition.
    fn rebalanced(&self, change: AssignmentChange);

    /// A commit was answered.
    fn committed(&self, succeeded: bool);

    /// The number of records of a partition that are not settled; `None` when the partition is not owned any more.
    fn lag(&self, topic: &str, partition: i32, records: Option<i64>);

    /// Records of a partition were deleted before they were read.
    fn offsets_lost(&self, topic: &str, partition: i32, records: u64);

    /// All open transactions that reading waits for now.
    fn open_transactions(&self, open: Vec<OpenTransaction>);

    /// The consumer waits for the cluster until the guard is dropped.
    fn waiting(&self, why: &str) -> WaitGuard;
}

pub(super) type Observer = Arc<dyn ConsumerObserver>;

/// Ends a wait when it is dropped.
#[must_use]
pub struct WaitGuard(#[expect(dead_code, reason = "it is only dropped")] Box<dyn Send>);

/// A transaction of a producer that is open: nothing of its partition from its first record on can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTransaction {
    pub topic: String,
    pub partition: i32,
    /// The offset of its first record.
    pub offset: i64,
    /// The number of offsets from that one on.
    pub records: i64,
    /// The time at which it was seen first.
    pub since: SystemTime,
}

impl WaitGuard {
    /// Drops `guard` when the wait ends.
    pub fn new(guard: impl Send + 'static) -> Self {
        Self(Box::new(guard))
    }
}

impl fmt::Debug for WaitGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WaitGuard")
    }
}

/// Ignores everything.
#[cfg(test)]
#[derive(Debug)]
pub(super) struct NoObserver;

#[cfg(test)]
impl ConsumerObserver for NoObserver {
    fn rebalanced(&self, _: AssignmentChange) {}

    fn committed(&self, _: bool) {}

    fn lag(&self, _: &str, _: i32, _: Option<i64>) {}

    fn offsets_lost(&self, _: &str, _: i32, _: u64) {}

    fn open_transactions(&self, _: Vec<OpenTransaction>) {}

    fn waiting(&self, _: &str) -> WaitGuard {
        WaitGuard::new(())
    }
}
