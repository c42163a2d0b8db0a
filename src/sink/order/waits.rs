use std::collections::BTreeMap;

use super::{
    ids::{CallIndex, GroupIndex, LaneIndex, ParentIndex, RowIndex},
    moment::Moment,
    scope::Scope,
};

/// A wait for a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// The backoff of a row.
    Row(RowIndex),
    /// The backoff or the hold of a group.
    Group(GroupIndex),
    /// The backoff of a parent that another writer locks.
    Parent(ParentIndex),
    /// The backoff of a valve's probe.
    Probe(Scope),
    /// The time at which the next probe may begin while many valves are closed.
    NextProbe,
    /// The time from which on a call takes long.
    LongCall(CallIndex),
    /// The time until a drain is checked for progress.
    DrainCheck(LaneIndex),
}

/// The end of a wait: its time, and a number that no other wait has.
pub(super) type Due = (Moment, u64);

/// All waits, by their ends.
#[derive(Debug, Default)]
pub(super) struct Waits(BTreeMap<Due, Wait>);

impl Waits {
    pub(super) fn insert(&mut self, due: Due, wait: Wait) {
        self.0.insert(due, wait);
    }

    pub(super) fn remove(&mut self, due: Due) {
        self.0.remove(&due);
    }

    pub(super) fn next(&self) -> Option<Moment> {
        self.0.first_key_value().map(|((at, _), _)| *at)
    }

    /// Removes and returns the first wait that has ended.
    pub(super) fn pop(&mut self, now: Moment) -> Option<Wait> {
        let first = self.0.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    #[cfg(test)]
    pub(super) fn get(&self, due: Due) -> Option<Wait> {
        self.0.get(&due).copied()
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (Due, Wait)> {
        self.0.iter().map(|(due, wait)| (*due, *wait))
    }
}
