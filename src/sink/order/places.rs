use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::{
    ids::{ParentIndex, PlaceIndex, PlaceKind},
    list::List,
    moment::Moment,
    parents::Arrival,
    slab::Slab,
};
use crate::record::BatchKey;

/// The rows that may share a call: those of one [`BatchKey`].
#[derive(Debug)]
pub(super) struct Place {
    pub(super) key: BatchKey,
    /// The number of rows of the place, in any state.
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
pub(super) struct Places {
    by_key: HashMap<BatchKey, PlaceIndex>,
    pub(super) all: Slab<PlaceKind, Place>,
    by_due: BTreeSet<(Moment, PlaceIndex)>,
    /// Places that had no row when they were put here.
    idle: VecDeque<PlaceIndex>,
}

/// The most places without a row that are kept.
const MOST_IDLE: usize = 64;

impl Places {
    /// Counts a row of the place of this key. Returns the place, a new one if there was none.
    pub(super) fn enter(&mut self, key: BatchKey) -> PlaceIndex {
        let Self { by_key, all, .. } = self;
        let index = *by_key.entry(key).or_insert_with_key(|key| {
            let (alone, families) = (List::default(), BTreeMap::new());
            all.insert(Place { key: key.clone(), rows: 0, alone, families, ready: 0, bytes: 0, due: None })
        });
        self.enter_again(index)
    }

    /// Counts a row more in a place that is there.
    pub(super) fn enter_again(&mut self, index: PlaceIndex) -> PlaceIndex {
        if let Some(place) = self.all.get_mut(index) {
            place.rows += 1;
        }
        index
    }

    /// Counts a row less.
    pub(super) fn leave(&mut self, index: PlaceIndex) {
        let Some(place) = self.all.get_mut(index) else { return };
        place.rows = place.rows.saturating_sub(1);
        if place.rows == 0 && !self.idle.contains(&index) {
            self.idle.push_back(index);
        }
        while self.idle.len() > MOST_IDLE {
            let oldest = self.idle.pop_front();
            let Some((oldest, place)) = oldest.and_then(|oldest| Some((oldest, self.all.get(oldest)?))) else {
                continue;
            };
            if place.rows == 0 {
                self.by_key.remove(&place.key);
                self.all.remove(oldest);
            }
        }
    }

    pub(super) fn key(&self, index: PlaceIndex) -> Option<&BatchKey> {
        self.all.get(index).map(|place| &place.key)
    }

    /// Sets the time at which the next call of a place is due.
    pub(super) fn set_due(&mut self, index: PlaceIndex, due: Option<Moment>) {
        let Some(place) = self.all.get_mut(index) else { return };
        if place.due == due {
            return;
        }
        if let Some(before) = std::mem::replace(&mut place.due, due) {
            self.by_due.remove(&(before, index));
        }
        if let Some(due) = due {
            self.by_due.insert((due, index));
        }
    }

    /// The time of the call that is due first, and its place.
    pub(super) fn first(&self) -> Option<(Moment, PlaceIndex)> {
        self.by_due.first().copied()
    }

    /// Returns whether the tables agree.
    #[cfg(test)]
    pub(super) fn agree(&self) -> bool {
        let due =
            |(index, place): (PlaceIndex, &Place)| place.due.is_none_or(|due| self.by_due.contains(&(due, index)));
        let known = self.by_key.len() == self.all.len();
        known
            && self.all.iter().filter(|(_, place)| place.due.is_some()).count() == self.by_due.len()
            && self.all.iter().all(due)
    }
}
