//! The parents of rows, which Salesforce locks while it writes a row: two calls at once with children of one parent
//! would fail each other with `UNABLE_TO_LOCK_ROW`.
//!
//! A parent is held by the call that has rows of it, by the groups that are pinned, which no row out of a queue may
//! overtake, and by its own backoff if another writer locks it again and again.

use super::{
    identities::{ByHash, KeyHash},
    ids::{ParentIndex, ParentKind, QueueIndex},
    list::List,
    moment::Moment,
    slab::Slab,
};

/// A parent that a row names.
#[derive(Debug, Default)]
pub(super) struct Parent {
    pub(super) hash: KeyHash,
    /// The number of rows that name the parent.
    pub(super) rows: usize,
    /// The number of these that are on the wire, and the number of those in pinned groups.
    pub(super) sent: usize,
    pub(super) pinned: usize,
    /// The number of backoffs of the parent that have not ended.
    pub(super) resting: usize,
    /// The ready rows, by their queues. No entry is empty.
    pub(super) ready: Vec<Children>,
}

/// The ready rows of one parent and queue.
#[derive(Debug)]
pub(super) struct Children {
    pub(super) queue: QueueIndex,
    pub(super) rows: List,
    pub(super) bytes: usize,
}

#[derive(Debug, Default)]
pub(super) struct Parents {
    by_hash: ByHash<ParentIndex>,
    pub(super) all: Slab<ParentKind, Parent>,
}

/// A reason to send no other row of a parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    Sent,
    Pinned,
    Resting,
}

/// The time at which the oldest of some rows came, and its order among rows of that time.
pub(super) type Arrival = (Moment, u64);

impl Parent {
    pub(super) fn is_held(&self) -> bool {
        self.sent + self.pinned + self.resting > 0
    }

    pub(super) fn children_mut(&mut self, queue: QueueIndex) -> Option<&mut Children> {
        self.ready.iter_mut().find(|children| children.queue == queue)
    }

    pub(super) fn holds(&mut self, hold: Hold) -> &mut usize {
        match hold {
            Hold::Sent => &mut self.sent,
            Hold::Pinned => &mut self.pinned,
            Hold::Resting => &mut self.resting,
        }
    }
}

impl Parents {
    /// Counts a row of the parent of this hash. Returns the parent, a new one if there was none.
    pub(super) fn enter(&mut self, hash: KeyHash) -> ParentIndex {
        let Self { by_hash, all } = self;
        let index = *by_hash.entry(hash).or_insert_with(|| all.insert(Parent { hash, ..Parent::default() }));
        if let Some(parent) = all.get_mut(index) {
            parent.rows += 1;
        }
        index
    }

    /// Counts a row less.
    pub(super) fn leave(&mut self, index: ParentIndex) {
        if let Some(parent) = self.all.get_mut(index) {
            parent.rows = parent.rows.saturating_sub(1);
        }
        self.drop_unused(index);
    }

    pub(super) fn drop_unused(&mut self, index: ParentIndex) {
        let Some(parent) = self.all.get(index) else { return };
        if parent.rows == 0 && !parent.is_held() {
            self.by_hash.remove(&parent.hash);
            self.all.remove(index);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns whether the two tables agree.
    #[cfg(test)]
    pub(super) fn agree(&self) -> bool {
        let named = |(index, parent): (ParentIndex, &Parent)| self.by_hash.get(&parent.hash) == Some(&index);
        self.by_hash.len() == self.all.len() && self.all.iter().all(named)
    }
}
