//! Parents that another writer locks again and again: a call takes fewer of their rows, and in the end one.

use std::collections::HashMap;

use super::identities::KeyHash;

/// The parents that are contended.
#[derive(Debug)]
pub(super) struct Contention {
    /// The rows of a call.
    full: usize,
    contended: HashMap<KeyHash, Contended>,
    /// Counts the changes of `contended`.
    clock: u64,
}

#[derive(Debug)]
struct Contended {
    /// The rows of one call.
    rows: usize,
    /// The number of consecutive calls that found the parent locked.
    times: u32,
    /// The value of `clock` when something was last learnt of the parent.
    at: u64,
}

/// The most parents that are remembered; the one that was seen longest ago is forgotten for another.
const MOST: usize = 1_000;

impl Contention {
    pub(super) fn new(full: usize) -> Self {
        Self { full, contended: HashMap::new(), clock: 0 }
    }

    /// The number of rows of this parent that a call takes.
    pub(super) fn rows(&self, parent: KeyHash) -> usize {
        self.contended.get(&parent).map_or(self.full, |contended| contended.rows)
    }

    /// Notes that a call has found the parent locked. Returns the number of consecutive calls before it that did so.
    pub(super) fn locked(&mut self, parent: KeyHash) -> u32 {
        self.clock += 1;
        if self.contended.len() >= MOST && !self.contended.contains_key(&parent) {
            let oldest = self.contended.iter().min_by_key(|(_, contended)| contended.at);
            if let Some(oldest) = oldest.map(|(parent, _)| *parent) {
                self.contended.remove(&oldest);
            }
        }
        let fresh = Contended { rows: self.full, times: 0, at: 0 };
        let contended = self.contended.entry(parent).or_insert(fresh);
        let before = contended.times;
        if before > 0 {
            contended.rows = (contended.rows / 4).max(1);
        }
        contended.times = before.saturating_add(1);
        contended.at = self.clock;
        before
    }

    /// Notes that a call has written rows of the parent.
    pub(super) fn written(&mut self, parent: KeyHash) {
        let Some(contended) = self.contended.get_mut(&parent) else { return };
        contended.rows = contended.rows.saturating_mul(2);
        contended.times = 0;
        if contended.rows >= self.full {
            self.contended.remove(&parent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_that_is_locked_twice_goes_in_smaller_parts_until_it_is_written() {
        let mut contention = Contention::new(200);
        assert_eq!((contention.locked(7), contention.rows(7)), (0, 200), "once is nothing");
        assert_eq!((contention.locked(7), contention.rows(7)), (1, 50));
        contention.written(7);
        assert_eq!((contention.rows(7), contention.rows(8)), (100, 200));
        contention.written(7);
        assert!(contention.contended.is_empty());
        for parent in 0..2_000 {
            contention.locked(parent);
        }
        assert_eq!(contention.contended.len(), MOST);
    }
}
