//! When the next offset of each owned partition is committed.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::offsets::{AssignedOffsets, CommitOffset, Mark, TopicPartition};
use crate::runtime::progress::Progress;

/// An owned partition is committed at least this often, or three times in the length of a lease, also when its offset
/// has not moved: only then is it known that this process still owns it.
const UNCHANGED: Duration = Duration::from_secs(3);

#[derive(Debug)]
pub(super) struct CommitSchedule {
    /// The interval for a partition whose offset has moved.
    moved: Duration,
    /// The interval for a partition whose offset has not moved.
    unchanged: Duration,
    /// The offset that was committed last for each partition, and when that commit was sent.
    committed: BTreeMap<TopicPartition, (i64, Instant)>,
}

impl CommitSchedule {
    pub(super) fn new(commit_interval: Duration, lease: Duration) -> Self {
        Self { moved: commit_interval, unchanged: UNCHANGED.min(lease / 3), committed: BTreeMap::new() }
    }

    /// The longest time between two looks at what is due.
    pub(super) fn interval(&self) -> Duration {
        self.moved.min(self.unchanged)
    }

    /// The offsets that are to be committed now.
    pub(super) fn due(&mut self, assigned: &AssignedOffsets) -> Vec<CommitOffset> {
        let assigned = assigned.lock();
        self.committed.retain(|at, _| assigned.contains_key(at));
        let next = |(at, progress): (&TopicPartition, &Arc<Progress>)| {
            let offset = CommitOffset::new(at, progress.next(), Mark::None);
            self.is_due(&offset).then_some(offset)
        };
        assigned.iter().filter_map(next).collect()
    }

    fn is_due(&self, offset: &CommitOffset) -> bool {
        let Some((last, sent)) = self.committed.get(&offset.at) else { return true };
        let interval = if *last == offset.next.offset { self.unchanged } else { self.moved };
        sent.elapsed() >= interval
    }

    /// Notes a commit that has succeeded.
    pub(super) fn committed(&mut self, offsets: Vec<CommitOffset>, sent: Instant) {
        self.committed.extend(offsets.into_iter().map(|offset| (offset.at, (offset.next.offset, sent))));
    }

    /// Makes these partitions due at once, if they come back.
    pub(super) fn forget(&mut self, offsets: &[CommitOffset]) {
        self.committed.retain(|at, _| offsets.iter().all(|offset| offset.at != *at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_that_moves_is_due_sooner_than_one_that_does_not() {
        let assigned = AssignedOffsets::default();
        let at: TopicPartition = (Arc::from("t"), 0);
        let progress = Arc::new(Progress::new(7));
        assigned.lock().insert(at.clone(), progress.clone());
        let mut schedule = CommitSchedule::new(Duration::from_millis(1), Duration::from_secs(60));
        let due = schedule.due(&assigned);
        assert_eq!(due, [CommitOffset::new(&at, 7, Mark::None)], "it was never committed");
        let longer_ago_than_moved = Instant::now().checked_sub(Duration::from_millis(2)).unwrap();
        schedule.committed(due, longer_ago_than_moved);
        assert!(schedule.due(&assigned).is_empty(), "it has not moved");
        progress.settled(7);
        let due = schedule.due(&assigned);
        assert_eq!(due[0].next.offset, 8);
        schedule.forget(&due);
        assert_eq!(schedule.due(&assigned), due);
    }
}
