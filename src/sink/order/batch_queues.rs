use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::{
    ids::{ParentIndex, PlaceIndex, QueueIndex, QueueKind},
    list::List,
    moment::Moment,
    parents::Arrival,
    slab::Slab,
};
use crate::record::BatchKey;

/// The rows that may share a call: those of one [`BatchKey`].
#[derive(Debug)]
pub(super) struct BatchQueue {
    pub(super) key: BatchKey,
    pub(super) place: PlaceIndex,
    /// The number of rows of the queue, in any state.
    pub(super) rows: usize,
    /// The ready rows that have no parent.
    pub(super) alone: List,
    /// The free parents of ready rows, by the oldest of these.
    pub(super) families: BTreeMap<Arrival, ParentIndex>,
    /// The number of ready rows, and their bytes in a call. Rows of parents that are held do not count.
    pub(super) ready: usize,
    pub(super) bytes: usize,
    /// The time at which the next call is due, as in `by_due`.
    due: Option<Moment>,
}

#[derive(Debug, Default)]
pub(super) struct BatchQueues {
    by_key: HashMap<BatchKey, QueueIndex>,
    pub(super) all: Slab<QueueKind, BatchQueue>,
    by_due: BTreeSet<(Moment, QueueIndex)>,
    /// Queues that had no row when they were put here.
    idle: VecDeque<QueueIndex>,
}

/// The most queues without a row that are kept.
const MOST_IDLE: usize = 64;

impl BatchQueues {
    /// Counts a row of the queue of this key. `None` if there is no such queue.
    pub(super) fn enter(&mut self, key: &BatchKey) -> Option<QueueIndex> {
        let index = *self.by_key.get(key)?;
        Some(self.enter_again(index))
    }

    /// Makes a queue of this key, and counts a row of it.
    pub(super) fn make(&mut self, key: BatchKey, place: PlaceIndex) -> QueueIndex {
        let (alone, families) = (List::default(), BTreeMap::new());
        let queue = BatchQueue { key: key.clone(), place, rows: 0, alone, families, ready: 0, bytes: 0, due: None };
        let index = self.all.insert(queue);
        self.by_key.insert(key, index);
        self.enter_again(index)
    }

    /// Counts a row more in a queue that is there.
    pub(super) fn enter_again(&mut self, index: QueueIndex) -> QueueIndex {
        if let Some(queue) = self.all.get_mut(index) {
            queue.rows += 1;
        }
        index
    }

    /// Counts a row less. Returns the queues that are dropped, since they have had no row for long, with their places.
    pub(super) fn leave(&mut self, index: QueueIndex) -> Vec<(QueueIndex, PlaceIndex)> {
        let mut dropped = Vec::new();
        let Some(queue) = self.all.get_mut(index) else { return dropped };
        queue.rows = queue.rows.saturating_sub(1);
        if queue.rows == 0 && !self.idle.contains(&index) {
            self.idle.push_back(index);
        }
        while self.idle.len() > MOST_IDLE {
            let oldest = self.idle.pop_front();
            let Some((oldest, queue)) = oldest.and_then(|oldest| Some((oldest, self.all.get(oldest)?))) else {
                continue;
            };
            if queue.rows == 0 {
                dropped.push((oldest, queue.place));
                self.by_key.remove(&queue.key);
                self.all.remove(oldest);
            }
        }
        dropped
    }

    pub(super) fn key(&self, index: QueueIndex) -> Option<&BatchKey> {
        self.all.get(index).map(|queue| &queue.key)
    }

    /// Sets the time at which the next call of a queue is due.
    pub(super) fn set_due(&mut self, index: QueueIndex, due: Option<Moment>) {
        let Some(queue) = self.all.get_mut(index) else { return };
        if queue.due == due {
            return;
        }
        if let Some(before) = std::mem::replace(&mut queue.due, due) {
            self.by_due.remove(&(before, index));
        }
        if let Some(due) = due {
            self.by_due.insert((due, index));
        }
    }

    /// The queues with a call that is due or will be, the first one first.
    pub(super) fn by_due(&self) -> impl Iterator<Item = (Moment, QueueIndex)> {
        self.by_due.iter().copied()
    }

    /// Returns whether the tables agree.
    #[cfg(test)]
    pub(super) fn agree(&self) -> bool {
        let due =
            |(index, queue): (QueueIndex, &BatchQueue)| queue.due.is_none_or(|due| self.by_due.contains(&(due, index)));
        let known = self.by_key.len() == self.all.len();
        known
            && self.all.iter().filter(|(_, queue)| queue.due.is_some()).count() == self.by_due.len()
            && self.all.iter().all(due)
    }
}
