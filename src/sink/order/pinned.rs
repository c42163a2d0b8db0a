//! Rows that must be sent exactly as grouped: retries of whole calls, halves, single rows; and calls.

use super::{
    hints::Trust,
    ids::{PlaceIndex, RouteIndex, RowIndex, TrialIndex},
    waits::Due,
};
use crate::record::Suspicion;

/// Rows that go together, whatever else is waiting.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) place: PlaceIndex,
    pub(super) rows: Vec<RowIndex>,
    pub(super) past: Past,
    /// Its one row is the probe of this route's breaker.
    pub(super) probe: Option<RouteIndex>,
    /// When its backoff or its hold ends; `None` while it only waits for a permit.
    pub(super) due: Option<Due>,
}

/// What earlier calls leave to a group.
#[derive(Debug, Clone, Default)]
pub(super) struct Past {
    pub(super) failures: Failures,
    pub(super) trust: Trust,
    /// Other rows wait for what comes of it.
    pub(super) witness: Option<Witness>,
}

/// A call that goes first has it until something is found; each part of a call that is divided has its own. The trial
/// has ended when no group and no call names it.
#[derive(Debug, Clone)]
pub(super) struct Witness {
    pub(super) trial: TrialIndex,
    /// A row that is refused for another field speaks for no other one. Without a field any refusal counts.
    pub(super) field: Suspicion,
}

/// A call on the wire.
#[derive(Debug)]
pub(super) struct Call {
    /// One today: an answer has a verdict for each row of each part.
    pub(super) parts: Vec<Group>,
}

/// How often a call failed as a whole.
///
/// The org's trouble belongs to the org, not to a call: only a failure counts against a call after which more of the other
/// calls succeeded than failed. An org that refuses most of what it is sent is not well, whatever it takes in between.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Failures {
    /// All of them: the backoff goes by these.
    pub(super) times: u32,
    /// Those that count against the call.
    pub(super) own: u32,
    /// Of the call that failed last.
    rows: usize,
    /// How the other calls had fared at the last failure.
    then: Option<Tally>,
}

/// How many calls were answered row by row, and how many were not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) answered: u64,
    pub(super) failed: u64,
}

impl Failures {
    /// Counts a failure of a call of `rows` rows. What a row did in company does not count against it once it was left
    /// alone.
    pub(super) fn failed(mut self, now: Tally, rows: usize) -> Self {
        if rows == 1 && self.rows > 1 {
            self.own = 0;
        }
        self.rows = rows;
        self.times = self.times.saturating_add(1);
        self.then = Some(now);
        self
    }

    /// Counts a failure while no call was taken.
    pub(super) fn barred(mut self) -> Self {
        self.times = self.times.saturating_add(1);
        self
    }

    /// Looks, before the call is repeated, at how the others have fared since it failed.
    pub(super) fn judge(&mut self, now: Tally) {
        if self.then.take().is_some_and(|then| now.answered - then.answered > now.failed - then.failed) {
            self.own = self.own.saturating_add(1);
        }
    }

    pub(super) fn in_company(&self) -> bool {
        self.rows > 1
    }
}

impl Past {
    /// What a half of `rows` rows begins with. The larger the group, the less each half has to prove again: only a row
    /// that is alone starts afresh.
    pub(super) fn of_half(&self, rows: usize) -> Self {
        let own = if rows > 1 { self.failures.own.saturating_sub(1) } else { 0 };
        Self { failures: Failures { own, ..Failures::default() }, trust: self.trust, witness: None }
    }
}
