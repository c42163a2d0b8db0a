//! The parents of rows, which Salesforce locks while it writes a row: two calls at once with children of one parent would
//! fail each other with `UNABLE_TO_LOCK_ROW`.
//!
//! A parent is held by the call that has rows of it, by the groups that are pinned, which no row out of a queue may
//! overtake, and by its own backoff where somebody else locks it again and again.

use std::collections::HashMap;

use super::{
    identities::KeyHash,
    ids::{ParentIndex, ParentKind, PlaceIndex},
    list::List,
    moment::Moment,
    slab::Slab,
};

#[derive(Debug, Default)]
pub(super) struct Parent {
    pub(super) hash: KeyHash,
    /// How many rows name it.
    pub(super) rows: usize,
    /// How many of these are on the wire, and how many in pinned groups.
    pub(super) sent: usize,
    pub(super) pinned: usize,
    /// How many backoffs of it are under way.
    pub(super) resting: usize,
    /// Its rows that are ready, by their places. Never empty ones.
    pub(super) ready: Vec<Children>,
}

/// The rows of one parent and place that are ready.
#[derive(Debug)]
pub(super) struct Children {
    pub(super) place: PlaceIndex,
    pub(super) rows: List,
    pub(super) bytes: usize,
}

#[derive(Debug, Default)]
pub(super) struct Parents {
    by_hash: HashMap<KeyHash, ParentIndex>,
    pub(super) all: Slab<ParentKind, Parent>,
}

/// The hold that a row's state has on its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    Sent,
    Pinned,
    Resting,
}

/// When the oldest of some rows came.
pub(super) type Arrival = (Moment, u64);

impl Parent {
    pub(super) fn is_held(&self) -> bool {
        self.sent + self.pinned + self.resting > 0
    }

    pub(super) fn children_mut(&mut self, place: PlaceIndex) -> Option<&mut Children> {
        self.ready.iter_mut().find(|children| children.place == place)
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
    /// The parent of this hash, for one row more.
    pub(super) fn enter(&mut self, hash: KeyHash) -> ParentIndex {
        let Self { by_hash, all } = self;
        let index = *by_hash.entry(hash).or_insert_with(|| all.insert(Parent { hash, ..Parent::default() }));
        if let Some(parent) = all.get_mut(index) {
            parent.rows += 1;
        }
        index
    }

    /// One row less.
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

    /// Whether the two tables agree.
    #[cfg(test)]
    pub(super) fn agree(&self) -> bool {
        let named = |(index, parent): (ParentIndex, &Parent)| self.by_hash.get(&parent.hash) == Some(&index);
        self.by_hash.len() == self.all.len() && self.all.iter().all(named)
    }
}
