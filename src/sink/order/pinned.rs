//! Rows that must be sent exactly as grouped: retries of whole calls, halves, single rows; and calls.

use super::{
    hints::Trust,
    ids::{PlaceIndex, QueueIndex, RowIndex, TrialIndex},
    moment::Moment,
    scope::Scope,
    waits::Due,
};
use crate::record::Suspicion;

/// Rows that are sent together, and without any other row.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) queue: QueueIndex,
    pub(super) rows: Vec<RowIndex>,
    pub(super) past: GroupHistory,
    /// The valve, if the one row of the group is its probe.
    pub(super) probe: Option<Scope>,
    /// The end of the backoff or the hold; `None` if the group waits for a permit only, or for its place.
    pub(super) due: Option<Due>,
}

/// The findings of earlier calls about a group.
#[derive(Debug, Clone, Default)]
pub(super) struct GroupHistory {
    pub(super) failures: Failures,
    pub(super) trust: Trust,
    /// The trial whose rows wait for the result of the group.
    pub(super) witness: Option<TrialLink>,
}

/// Connects a group that goes first with the trial whose rows wait for its result. The group has it until its call has
/// shown something; both parts of a group that is divided have it. The trial has ended when no group and no call names
/// it.
#[derive(Debug, Clone)]
pub(super) struct TrialLink {
    pub(super) trial: TrialIndex,
    /// The field that the answer named: a refusal for another one says nothing of the rows that wait. Without a field
    /// any refusal counts.
    pub(super) field: Suspicion,
}

/// The wait of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Waits for a permit only.
    Permit,
    /// Waits for the end of a backoff.
    Backoff(Moment),
    /// Waits for the end of a hold.
    Hold(Moment),
    /// Waits until the place opens.
    Open,
}

/// A call on the wire.
#[derive(Debug)]
pub(super) struct Call {
    /// The parts, one today. An answer has a verdict for each row of each part.
    pub(super) parts: Vec<Group>,
    pub(super) place: PlaceIndex,
    pub(super) sent: Moment,
    /// The time from which on the call takes long.
    pub(super) long: Due,
}

/// The number of times that a call failed as a whole.
///
/// The org's trouble belongs to the org, not to a call: only a failure counts against a call after which more of the
/// other calls succeeded than failed. An org that refuses most of what it is sent is not well, whatever it takes in
/// between.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Failures {
    /// All failures. The backoff depends on their number.
    pub(super) times: u32,
    /// The failures that count against the call.
    pub(super) own: u32,
    /// The rows of the call that failed last.
    rows: usize,
    /// The results of all calls at the last failure.
    then: Option<CallCounts>,
}

/// The number of calls that were answered row by row, and of those that were not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CallCounts {
    pub(super) answered: u64,
    pub(super) failed: u64,
}

impl Failures {
    /// Counts a failure of a call of `rows` rows. Failures of larger calls do not count against a row that has failed
    /// alone.
    pub(super) fn failed(mut self, now: CallCounts, rows: usize) -> Self {
        if rows == 1 && self.rows > 1 {
            self.own = 0;
        }
        self.rows = rows;
        self.times = self.times.saturating_add(1);
        self.then = Some(now);
        self
    }

    /// Counts a failure that is not held against the call: no session, quota or lease.
    pub(super) fn not_counted(mut self) -> Self {
        self.times = self.times.saturating_add(1);
        self
    }

    /// Counts the last failure against the call, if since then more of the other calls succeeded than failed.
    pub(super) fn judge(&mut self, now: CallCounts) {
        if self.then.take().is_some_and(|then| now.answered - then.answered > now.failed - then.failed) {
            self.own = self.own.saturating_add(1);
        }
    }

    /// Returns whether the call that failed last had several rows.
    pub(super) fn in_company(&self) -> bool {
        self.rows > 1
    }
}

impl GroupHistory {
    /// The past of a half of `rows` rows. It keeps all but one of the failures that count, so that a half that fails is
    /// soon divided again. A row that is alone begins with none.
    pub(super) fn of_half(&self, rows: usize) -> Self {
        let own = if rows > 1 { self.failures.own.saturating_sub(1) } else { 0 };
        Self { failures: Failures { own, ..Failures::default() }, trust: self.trust, witness: None }
    }
}
