use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::{
    ids::{ParentIndex, QueueIndex, QueueKind},
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
    /// Counts a row of the queue of this key. Returns the queue, a new one if there was none.
    pub(super) fn enter(&mut self, key: BatchKey) -> QueueIndex {
        let Self { by_key, all, .. } = self;
        let index = *by_key.entry(key).or_insert_with_key(|key| {
            let (alone, families) = (List::default(), BTreeMap::new());
            all.insert(BatchQueue { key: key.clone(), rows: 0, alone, families, ready: 0, bytes: 0, due: None })
        });
        self.enter_again(index)
    }

    /// Counts a row more in a queue that is there.
    pub(super) fn enter_again(&mut self, index: QueueIndex) -> QueueIndex {
        if let Some(queue) = self.all.get_mut(index) {
            queue.rows += 1;
        }
        index
    }

    /// Counts a row less.
    pub(super) fn leave(&mut self, index: QueueIndex) {
        let Some(queue) = self.all.get_mut(index) else { return };
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
                self.by_key.remove(&queue.key);
                self.all.remove(oldest);
            }
        }
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

    /// The time of the call that is due first, and its queue.
    pub(super) fn first(&self) -> Option<(Moment, QueueIndex)> {
        self.by_due.first().copied()
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
