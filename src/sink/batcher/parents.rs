//! Whose children are being written. Salesforce locks a row's parent while it writes the row: two calls with children
//! of one parent would fail each other with `UNABLE_TO_LOCK_ROW`.
//!
//! A parent is held by the call that has rows of it, and by the groups that are pinned: nothing out of the queues may
//! overtake these. Where somebody else locks it again and again, it rests for a backoff, and a call takes fewer of its
//! rows, and in the end one.
//!
//! Invariant: a parent is in the map exactly as long as a row of it is on the wire or pinned, or it rests.

use std::collections::HashMap;

use crate::{
    record::{GateKey, RetryKind, Verdict},
    sink::ticket::Ticket,
};

#[derive(Debug)]
pub(super) struct Parents {
    full: usize,
    held: HashMap<GateKey, Held>,
    contended: HashMap<GateKey, Contended>,
    /// Counts what was learnt.
    clock: u64,
}

/// By how many rows, and backoffs.
#[derive(Debug, Default)]
struct Held {
    sent: usize,
    pinned: usize,
    resting: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// By a call.
    Sent,
    /// By a group that waits for its turn.
    Pinned,
    /// By a backoff. What is pinned has one of its own, and does not care.
    Resting,
}

/// Locked by somebody else.
#[derive(Debug)]
struct Contended {
    /// Of one call.
    rows: usize,
    /// Calls one after the other that found it locked.
    times: u32,
    /// When something was last learnt of it.
    at: u64,
}

/// How many parents are remembered as contended; the one that was met longest ago is forgotten for another.
const MAX_CONTENDED: usize = 1_000;

pub(super) fn of(rows: &[Ticket]) -> impl Iterator<Item = &GateKey> {
    rows.iter().filter_map(|ticket| ticket.command.parent.as_ref())
}

impl Parents {
    /// `full`: the rows of a call.
    pub(super) fn new(full: usize) -> Self {
        Self { full, held: HashMap::new(), contended: HashMap::new(), clock: 0 }
    }

    /// Whether any is held at all.
    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(super) fn is_held(&self, parent: &GateKey) -> bool {
        self.held.contains_key(parent)
    }

    pub(super) fn is_sent(&self, parent: &GateKey) -> bool {
        self.held.get(parent).is_some_and(|held| held.sent > 0)
    }

    /// One more. Whether nobody held the parent before.
    pub(super) fn hold(&mut self, parent: &GateKey, hold: Hold) -> bool {
        let before = self.held.len();
        *self.held.entry(parent.clone()).or_default().by(hold) += 1;
        self.held.len() > before
    }

    /// One less. Whether nobody holds the parent any more.
    pub(super) fn release(&mut self, parent: &GateKey, hold: Hold) -> bool {
        let Some(count) = self.held.get_mut(parent) else { return false };
        *count.by(hold) -= 1;
        let free = count.sent + count.pinned + count.resting == 0;
        if free {
            self.held.remove(parent);
        }
        free
    }

    /// How many rows of this parent a call takes.
    pub(super) fn rows(&self, parent: &GateKey) -> usize {
        self.contended.get(parent).map_or(self.full, |contended| contended.rows)
    }

    /// What a call has shown of the parents of its rows. Those that are to rest, and how often they have.
    pub(super) fn learn(&mut self, rows: &[Ticket], verdicts: &[Verdict]) -> Vec<(GateKey, u32)> {
        let mut seen: HashMap<&GateKey, (bool, bool)> = HashMap::new();
        for (ticket, verdict) in rows.iter().zip(verdicts) {
            let Some(parent) = &ticket.command.parent else { continue };
            let (locked, written) = seen.entry(parent).or_default();
            *locked |= matches!(verdict, Verdict::Retry { kind: RetryKind::Backoff, .. });
            *written |= matches!(verdict, Verdict::Written { .. });
        }
        let mut resting = Vec::new();
        for (parent, (locked, written)) in seen {
            if locked {
                // Once is nothing: most locks are gone at the next attempt.
                let before = self.locked(parent);
                resting.extend(before.checked_sub(1).map(|times| (parent.clone(), times)));
            } else if written {
                self.written(parent);
            }
        }
        resting
    }

    /// How often it was so before.
    fn locked(&mut self, parent: &GateKey) -> u32 {
        self.clock += 1;
        if self.contended.len() == MAX_CONTENDED && !self.contended.contains_key(parent) {
            let oldest = self.contended.iter().min_by_key(|(_, contended)| contended.at);
            if let Some(oldest) = oldest.map(|(parent, _)| parent.clone()) {
                self.contended.remove(&oldest);
            }
        }
        let fresh = Contended { rows: self.full, times: 0, at: 0 };
        let contended = self.contended.entry(parent.clone()).or_insert(fresh);
        let before = contended.times;
        if before > 0 {
            contended.rows = (contended.rows / 4).max(1);
        }
        (contended.times, contended.at) = (before + 1, self.clock);
        before
    }

    fn written(&mut self, parent: &GateKey) {
        let Some(contended) = self.contended.get_mut(parent) else { return };
        (contended.rows, contended.times) = (contended.rows * 2, 0);
        if contended.rows >= self.full {
            self.contended.remove(parent);
        }
    }
}

impl Held {
    fn by(&mut self, hold: Hold) -> &mut usize {
        match hold {
            Hold::Sent => &mut self.sent,
            Hold::Pinned => &mut self.pinned,
            Hold::Resting => &mut self.resting,
        }
    }
}
