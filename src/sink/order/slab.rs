//! A table whose entries have an index for use inside of the core, and an id with a generation for use outside.
//!
//! An [`Index`] has four bytes, also as an `Option`, and is valid as long as the tables agree, which the audit checks.
//! What leaves the core is an [`Id`]: an answer or a settled letter that comes back late must not hit the entry that
//! has taken the place of the one it means.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, num::NonZeroU32};

use crate::mutation::{self, Mutation};

/// The place of an entry in its table.
pub(crate) struct Index<K>(NonZeroU32, PhantomData<fn() -> K>);

/// The index of an entry, and the generation that tells it from other entries of that index.
pub(crate) struct Id<T> {
    index: Index<T>,
    generation: u32,
}

/// A table of entries `T`, with indices of kind `K`.
#[derive(Debug)]
pub(super) struct Slab<K, T> {
    slots: Vec<Slot<T>>,
    free: Vec<Index<K>>,
}

#[derive(Debug)]
struct Slot<T> {
    /// The generation of the entry that is here, or that comes next.
    generation: u32,
    entry: Option<T>,
}

impl<T> Index<T> {
    fn new(position: usize) -> Self {
        let number = u32::try_from(position + 1).ok().and_then(NonZeroU32::new);
        Self(number.unwrap_or(NonZeroU32::MAX), PhantomData)
    }

    fn position(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl<K, T> Default for Slab<K, T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new() }
    }
}

impl<K, T> Slab<K, T> {
    pub(super) fn insert(&mut self, entry: T) -> Index<K> {
        let index = self.free.pop().unwrap_or_else(|| {
            if self.slots.len() == self.slots.capacity() {
                // Not by doubling: memory is counted by the row.
                self.slots.reserve_exact(64.max(self.slots.len() / 16));
            }
            self.slots.push(Slot { generation: 0, entry: None });
            Index::new(self.slots.len() - 1)
        });
        if let Some(slot) = self.slots.get_mut(index.position()) {
            slot.entry = Some(entry);
        }
        index
    }

    pub(super) fn get(&self, index: Index<K>) -> Option<&T> {
        self.slots.get(index.position())?.entry.as_ref()
    }

    pub(super) fn get_mut(&mut self, index: Index<K>) -> Option<&mut T> {
        self.slots.get_mut(index.position())?.entry.as_mut()
    }

    pub(super) fn remove(&mut self, index: Index<K>) -> Option<T> {
        let slot = self.slots.get_mut(index.position())?;
        let entry = slot.entry.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(index);
        Some(entry)
    }

    /// Returns the id of an entry.
    pub(super) fn id(&self, index: Index<K>) -> Id<K> {
        let generation = self.slots.get(index.position()).map_or(0, |slot| slot.generation);
        Id { index, generation }
    }

    /// Returns the index of an id; `None` once its entry is gone, also if there is another one now.
    pub(super) fn find(&self, id: Id<K>) -> Option<Index<K>> {
        let slot = self.slots.get(id.index.position())?;
        let is_same = slot.generation == id.generation || mutation::on(Mutation::Aba);
        (is_same && slot.entry.is_some()).then_some(id.index)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Index<K>, &T)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(position, slot)| Some((Index::new(position), slot.entry.as_ref()?)))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().filter_map(|slot| slot.entry.as_mut())
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Clone for Index<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Index<T> {}

impl<T> PartialEq for Index<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Index<T> {}

impl<T> PartialOrd for Index<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Index<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<T> hash::Hash for Index<T> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<T> fmt::Debug for Index<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.position())
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && self.generation == other.generation
    }
}

impl<T> Eq for Id<T> {}

impl<T> hash::Hash for Id<T> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        (self.index, self.generation).hash(state);
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}.{}", self.index, self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_does_not_name_the_entry_that_has_taken_its_place() {
        let mut slab = Slab::<(), _>::default();
        let first = slab.insert("first");
        let id = slab.id(first);
        assert_eq!(slab.find(id), Some(first));
        assert_eq!(slab.remove(first), Some("first"));
        assert!(slab.find(id).is_none() && slab.get(first).is_none() && slab.remove(first).is_none());
        let second = slab.insert("second");
        assert_eq!(second, first, "the place is used again");
        assert!(slab.find(id).is_none() && slab.find(slab.id(second)).is_some());
        assert_eq!((slab.len(), slab.iter().count()), (1, 1));
    }

    #[test]
    fn an_index_takes_four_bytes_also_where_there_is_none() {
        assert_eq!((size_of::<Option<Index<String>>>(), size_of::<Id<String>>()), (4, 8));
    }
}
