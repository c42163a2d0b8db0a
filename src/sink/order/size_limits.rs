//! The number of rows of an SObject that a call may have, if the org's triggers and flows bear no more.
//!
//! One call that fails as a whole transaction may do so for one bad row, which its halves find: nothing follows from
//! it. A second one, without one of that size that passed between the two, is a matter of size. From then on calls have
//! as many rows as the largest that passed meanwhile, or else a half. A size that keeps passing grows by an eighth, and
//! is forgotten once it is that of all other calls.
//!
//! An answer that is too long to be read is a matter of size as well. What follows from time-outs is in
//! [`super::pace`]; of the two sizes the smaller one counts.

use std::{collections::HashMap, time::Duration};

use super::pace::Pace;
use crate::record::{Action, ApiName, BatchKey, Doubt, RetryKind, Verdict};

/// The sizes of calls, by SObject and operation: at most four for each SObject of the routes.
#[derive(Debug)]
pub(super) struct Sizes {
    full: usize,
    /// The time that the org may take for a call.
    timeout: Duration,
    learnt: HashMap<(ApiName, Action), Size>,
    paces: HashMap<(ApiName, Action), Pace>,
}

#[derive(Debug)]
struct Size {
    /// The rows of a new call.
    rows: usize,
    /// The largest size that has passed. It is smaller than `rows` while these are tried.
    proven: usize,
    /// The rows of the call that failed since the last one of its size has passed; else 0.
    suspect: usize,
    /// The largest size that has passed since then.
    passed: usize,
    /// The number of consecutive calls of `rows` that passed, and the number of them after which the size grows.
    calm: u32,
    patience: u32,
    /// The number of calls that are formed before another one tries a larger size: the one that does may never be
    /// answered.
    tried: u32,
}

/// The first `patience`, which is doubled when growing was too early.
const PATIENCE: u32 = 8;
const MAX_PATIENCE: u32 = 64;

impl Sizes {
    /// `full`: the rows of a call as long as nothing else is known.
    pub(super) fn new(full: usize, timeout: Duration) -> Self {
        Self { full, timeout, learnt: HashMap::new(), paces: HashMap::new() }
    }

    /// The number of rows that a new call may have.
    pub(super) fn of(&self, key: &BatchKey) -> usize {
        if self.learnt.is_empty() {
            return self.in_time(key);
        }
        self.learnt.get(&place(key)).map_or(self.full, Size::next).min(self.in_time(key))
    }

    /// The number of rows that any call may have, also one that is repeated, so that it is answered in time.
    pub(super) fn in_time(&self, key: &BatchKey) -> usize {
        if self.paces.is_empty() {
            return self.full;
        }
        self.paces.get(&place(key)).map_or(self.full, |pace| pace.rows())
    }

    /// Notes the number of rows of a new call.
    pub(super) fn taken(&mut self, key: &BatchKey, rows: usize) {
        if self.learnt.is_empty() {
            return;
        }
        if let Some(size) = self.learnt.get_mut(&place(key)) {
            size.tried = if rows > size.proven { PATIENCE } else { size.tried.saturating_sub(1) };
        }
    }

    /// Learns from the verdicts of a call, and from the time that it took.
    pub(super) fn learn(&mut self, key: &BatchKey, verdicts: &[Verdict], took: Duration) {
        let rows = verdicts.len();
        let reached = verdicts.iter().filter(|verdict| reached_the_org(verdict)).count();
        if verdicts.iter().any(timed_out) {
            let before = self.paces.get(&place(key)).copied();
            self.paces.insert(place(key), Pace::after_timeout(before, rows));
        } else if verdicts.iter().any(is_too_large) {
            // A row that is alone fails for itself.
            if rows > 1 {
                self.learnt.entry(place(key)).or_insert_with(|| Size::new(self.full)).failed(rows);
            }
        } else if verdicts.iter().any(|verdict| matches!(verdict, Verdict::Written { .. }) && reached_the_org(verdict))
        {
            self.passed(key, reached, took);
        }
    }

    fn passed(&mut self, key: &BatchKey, rows: usize, took: Duration) {
        if self.learnt.is_empty() && self.paces.is_empty() {
            return;
        }
        let place = place(key);
        if let Some(pace) = self.paces.remove(&place)
            && let Some(pace) = pace.after_answer(rows, took, self.timeout, self.full)
        {
            self.paces.insert(place.clone(), pace);
        }
        let Some(size) = self.learnt.get_mut(&place) else { return };
        size.passed(rows);
        if size.rows >= self.full && size.suspect == 0 {
            self.learnt.remove(&place);
        }
    }
}

/// Returns whether a row was in the call that took its time: not one that a query did not find, or that was left out.
fn reached_the_org(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Written { id, created } => id.is_some() || *created,
        Verdict::Rejected(rejection) => rejection.cause.code.is_some(),
        Verdict::Retry { kind: RetryKind::NextCall, .. } => false,
        _ => true,
    }
}

impl Size {
    fn new(rows: usize) -> Self {
        Self { rows, proven: rows, suspect: 0, passed: 0, calm: 0, patience: PATIENCE, tried: 0 }
    }

    fn next(&self) -> usize {
        if self.tried > 0 { self.proven.min(self.rows) } else { self.rows }
    }

    fn failed(&mut self, rows: usize) {
        // It was sent before less was known to be enough, or is a part of the one that failed.
        if rows > self.rows || self.is_part(rows) {
            return;
        }
        self.calm = 0;
        if rows > self.proven {
            (self.rows, self.tried) = (self.proven, 0);
            self.patience = (self.patience * 2).min(MAX_PATIENCE);
        } else if self.suspect <= rows.div_ceil(2) {
            (self.suspect, self.passed) = (rows, 0);
        } else {
            let half = rows.div_ceil(2);
            // A half that is only hoped for is given up at once where it fails.
            (self.rows, self.suspect) = if self.passed > 0 { (self.passed, 0) } else { (half, half) };
            (self.proven, self.passed) = (self.rows, 0);
        }
    }

    fn passed(&mut self, rows: usize) {
        if self.is_part(rows) {
            self.passed = self.passed.max(rows);
            return;
        }
        self.suspect = 0;
        if rows < self.rows {
            return;
        }
        if rows > self.proven {
            (self.rows, self.proven, self.patience, self.tried) = (rows, rows, PATIENCE, 0);
        }
        self.calm += 1;
        if self.calm >= self.patience {
            self.calm = 0;
            self.rows += (self.rows / 8).max(1);
        }
    }

    /// Returns whether a call of this size can be a part of the one that failed.
    fn is_part(&self, rows: usize) -> bool {
        rows < self.suspect && rows <= self.suspect.div_ceil(2)
    }
}

/// Returns whether the call of this row took longer than the time-out.
pub(super) fn timed_out(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Unknown { doubt: Doubt::TimedOut, .. })
}

/// Returns whether fewer rows might have passed, or had an answer that can be read.
fn is_too_large(verdict: &Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Retry { kind: RetryKind::Smaller { suspicion: None }, .. }
            | Verdict::Unknown { doubt: Doubt::TooLong, .. }
    )
}

fn place(key: &BatchKey) -> (ApiName, Action) {
    (key.sobject.clone(), key.action)
}
