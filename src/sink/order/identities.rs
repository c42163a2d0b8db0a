//! The order of the changes of each identity, over all lanes and routes.
//!
//! An identity is named by a keyed 64-bit hash of its folded key. Two identities with the same hash wait for each
//! other: that costs time, never the order.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

use super::{
    cost::Cost,
    ids::{IdentityIndex, IdentityKind, RowIndex},
    list::Chain,
    row::{Row, Rows},
    slab::Slab,
};

/// A keyed hash of an identity's key, or of a parent's.
pub(crate) type KeyHash = u64;

/// A map by a hash, which need not be hashed again.
pub(super) type ByHash<T> = HashMap<KeyHash, T, BuildHasherDefault<Unhashed>>;

/// Returns the hash that it is given.
#[derive(Debug, Default)]
pub(super) struct Unhashed(u64);

impl Hasher for Unhashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}

/// Names a job that holds identities. There are no such jobs yet; bulk jobs will be.
pub(super) type JobId = u32;

/// An identity with a change that has not ended, or that a job holds.
#[derive(Debug, Default)]
pub(super) struct Identity {
    hash: KeyHash,
    /// The changes. The first one may be sent, unless a job holds the identity.
    pub(super) chain: Chain,
    /// The share of the budget that these rows hold.
    pub(super) cost: Cost,
    pub(super) holder: Holder,
}

/// What may change the record of an identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Holder {
    /// The first row of its chain.
    #[default]
    Rows,
    /// A job: the rows wait for its end.
    Job(JobId),
}

#[derive(Debug, Default)]
pub(super) struct Identities {
    by_hash: ByHash<IdentityIndex>,
    pub(super) all: Slab<IdentityKind, Identity>,
}

impl Identities {
    /// The number of identities with a change in flight.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns the identity of this hash, a new one if there is none.
    pub(super) fn of_hash(&mut self, hash: KeyHash) -> IdentityIndex {
        let Self { by_hash, all } = self;
        *by_hash.entry(hash).or_insert_with(|| all.insert(Identity { hash, ..Identity::default() }))
    }

    /// Appends a change. Returns whether it may go at once.
    pub(super) fn enter(&mut self, rows: &mut Rows, identity: IdentityIndex, row: RowIndex) -> bool {
        let cost = rows.get(row).map(Row::cost).unwrap_or_default();
        let Some(entry) = self.all.get_mut(identity) else { return true };
        let is_first = entry.chain.is_empty() && entry.holder == Holder::Rows;
        entry.chain.push_back(rows, row);
        entry.cost += cost;
        is_first
    }

    /// Takes a change out. Returns the next one, if that may go now.
    pub(super) fn leave(&mut self, rows: &mut Rows, identity: IdentityIndex, row: RowIndex) -> Option<RowIndex> {
        let cost = rows.get(row).map(Row::cost).unwrap_or_default();
        let entry = self.all.get_mut(identity)?;
        let was_first = entry.chain.first() == Some(row);
        entry.chain.remove(rows, row);
        entry.cost = entry.cost.less(cost);
        let next = entry.chain.first();
        let is_held = entry.holder != Holder::Rows;
        self.drop_unused(identity);
        if was_first && !is_held { next } else { None }
    }

    /// Subtracts the cost that a change has given back before its end.
    pub(super) fn has_less(&mut self, identity: IdentityIndex, cost: Cost) {
        if let Some(entry) = self.all.get_mut(identity) {
            entry.cost = entry.cost.less(cost);
        }
    }

    /// Gives an identity to a job, if no change of it is in flight. Returns whether it did.
    #[cfg_attr(not(test), expect(dead_code, reason = "room for bulk jobs"))]
    pub(super) fn hold(&mut self, hash: KeyHash, job: JobId) -> bool {
        let identity = self.of_hash(hash);
        match self.all.get_mut(identity) {
            Some(entry) if entry.chain.is_empty() && entry.holder == Holder::Rows => {
                entry.holder = Holder::Job(job);
                true
            }
            _ => false,
        }
    }

    /// Takes an identity from the job that holds it. Returns the change that may go now, if there is one.
    #[cfg_attr(not(test), expect(dead_code, reason = "room for bulk jobs"))]
    pub(super) fn release(&mut self, hash: KeyHash, job: JobId) -> Option<RowIndex> {
        let identity = *self.by_hash.get(&hash)?;
        let entry = self.all.get_mut(identity)?;
        if entry.holder != Holder::Job(job) {
            return None;
        }
        entry.holder = Holder::Rows;
        let next = entry.chain.first();
        self.drop_unused(identity);
        next
    }

    fn drop_unused(&mut self, identity: IdentityIndex) {
        let Some(entry) = self.all.get(identity) else { return };
        if entry.chain.is_empty() && entry.holder == Holder::Rows {
            self.by_hash.remove(&entry.hash);
            self.all.remove(identity);
        }
    }

    /// Returns whether the two tables agree.
    #[cfg(test)]
    pub(super) fn agree(&self) -> bool {
        let named = |(index, identity): (IdentityIndex, &Identity)| self.by_hash.get(&identity.hash) == Some(&index);
        self.by_hash.len() == self.all.len() && self.all.iter().all(named)
    }
}
