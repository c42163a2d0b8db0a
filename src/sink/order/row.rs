//! One record between its lane and its outcome.
//!
//! ```text
//!            the change before it has ended             granted                    an outcome that is durable
//! Queued ───────────────────────────────► Ready ──► Pinned ──► OnWire ──────────────────────────────► (removed)
//!                                           ▲         ▲          ├──► Settling ── letter durable ────► (removed)
//!                                           │         │          ├──► Held ── unknown_hold ─► Pinned
//!                                           └─────────┴──────────┴──► Backoff, Delayed, OnTrial, Stalled, Barred
//! ```

use std::time::Duration;

use super::{
    cost::Cost,
    ids::{
        CallIndex, GroupIndex, IdentityIndex, LaneIndex, ParentIndex, QueueIndex, RouteIndex, RowIndex, RowKind,
        TrialIndex,
    },
    moment::Moment,
    scope::Scope,
    slab::Slab,
};
use crate::record::{Cause, Command, Doubt, Identity as Target, Operation, Record, RetryKind, Verdict};

pub(super) type Rows = Slab<RowKind, Row>;

/// The neighbours of a row in an intrusive list.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Links {
    pub(super) before: Option<RowIndex>,
    pub(super) after: Option<RowIndex>,
}

/// The state of a row: what it waits for, and which list it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Is in no list, only while an event moves it from one to another.
    Unlisted,
    /// Waits for the end of an earlier change of its identity.
    Queued,
    /// May go with the next call of its queue.
    Ready,
    /// Waits for the end of a backoff of its own.
    Backoff,
    /// Waits for a permit, for a call of exactly this group.
    Pinned(GroupIndex),
    /// Waits for the end of the backoff of its group, which is pinned then.
    Delayed(GroupIndex),
    /// Waits for the end of `unknown_hold`: the result of its last attempt is unknown, and the org may still apply it.
    Held(GroupIndex),
    /// Waits for the result of other rows of its refused call, which go first.
    OnTrial(TrialIndex),
    /// Waits until the place opens, for a call of exactly this group.
    Barred(GroupIndex),
    /// Waits until a valve opens, or until it is the probe.
    Stalled(Scope),
    /// Waits for the answer of its call.
    OnWire(CallIndex),
    /// Waits until its dead letter is durable.
    Settling,
}

/// The contents of a row, which move to the call and come back with the answer.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) record: Record,
    pub(crate) decoded: Decoded,
}

/// What was made of a record: the change that it asks for, if it asks for one.
#[derive(Debug)]
pub(crate) enum Decoded {
    Command(Command),
    /// The record is rejected before it becomes a command.
    Rejected {
        operation: Option<Operation>,
        target: Option<Target>,
    },
}

/// A record from its submission to its end.
#[derive(Debug)]
pub(super) struct Row {
    /// The contents; `None` while a call or a dead letter has them, and once a detached row is held.
    pub(super) body: Option<Box<Body>>,
    pub(super) cold: Option<Box<RareData>>,
    /// The number of the record in the lane's FIFO.
    pub(super) number: u64,
    /// The time at which the record was read.
    pub(super) read: Moment,
    /// The time at which the row came to its list; during a backoff, the end of that.
    pub(super) since: Moment,
    /// Orders rows that have the same time, as they came.
    pub(super) order: u64,
    /// The neighbours in the FIFO of the identity.
    pub(super) chain: Links,
    /// The neighbours in the list of the state.
    pub(super) links: Links,
    /// The lane; `None` once it is gone, and the row is detached.
    pub(super) lane: Option<LaneIndex>,
    pub(super) route: RouteIndex,
    /// The identity; `None` for a plain insert.
    pub(super) identity: Option<IdentityIndex>,
    pub(super) parent: Option<ParentIndex>,
    /// The queue of the row's batch key; `None` if the record is rejected before it becomes a command.
    pub(super) queue: Option<QueueIndex>,
    pub(super) state: State,
    /// The bytes of the budget that the row holds, in KiB. It holds one row, too.
    pub(super) units: u32,
    /// The approximate bytes of the row in the body of a call.
    pub(super) bytes: u32,
    pub(super) attempts: u32,
    pub(super) retries: u16,
    /// The number of attempts that ended without a known result.
    pub(super) unknowns: u8,
    /// The number of those that count against the row: the org said so of the row, or its answer was too long.
    pub(super) own_unknowns: u16,
    pub(super) isolated_times: u8,
    pub(super) deleted_times: u8,
    pub(super) flags: Flags,
}

/// The data that only few rows have, apart from [`Row`] so that this stays small.
#[derive(Debug, Default)]
pub(super) struct RareData {
    /// The cause for which the row's call failed last.
    pub(super) cause: Option<Cause>,
    /// The total backoff of the retries that the org asked for.
    pub(super) retry_waited: Duration,
    pub(super) missing_parent: Option<MissingParentWait>,
}

/// The wait of a row for a parent that the org does not have yet.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct MissingParentWait {
    /// The key among the rows that wait for a parent.
    pub(super) order: u64,
    /// The total backoff.
    pub(super) waited: Duration,
    pub(super) times: u32,
    /// The number of backoffs that ended early, since a record was written that may be the parent.
    pub(super) hints: u32,
    /// The row is expedited: this attempt is the last one.
    pub(super) is_last: bool,
}

/// What has happened to a row.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "what has happened, each by itself")]
pub(super) struct Flags {
    /// The row settles if its attempt has an outcome, and is abandoned otherwise: its lane closes, or is gone.
    pub(super) closing: bool,
    /// The row blocks others, and does not wait for a missing parent any longer.
    pub(super) expedited: bool,
    /// An attempt ended without a known result.
    pub(super) maybe_applied: bool,
    /// The daemon stops because of the row's last attempt: the row is not sent again.
    pub(super) is_last: bool,
    /// The last attempt was the probe of the route's breaker.
    pub(super) is_probe: bool,
    /// Fields that can be created and not updated were taken out of the row.
    pub(super) is_stripped: bool,
    /// The route has a breaker, and the org has said nothing of the row yet.
    pub(super) is_pending: bool,
    /// The row counts as stalled in the budget.
    pub(super) is_stalled: bool,
    /// The row has given its share of the budget back.
    pub(super) has_released: bool,
}

impl State {
    /// Returns whether a drain may abandon the row now: no attempt has taken, or can still take, effect.
    pub(super) fn can_close(self) -> bool {
        !matches!(self, Self::OnWire(_) | Self::Held(_) | Self::Settling)
    }
}

impl Body {
    pub(crate) fn command(&self) -> Option<&Command> {
        match &self.decoded {
            Decoded::Command(command) => Some(command),
            Decoded::Rejected { .. } => None,
        }
    }

    pub(super) fn command_mut(&mut self) -> Option<&mut Command> {
        match &mut self.decoded {
            Decoded::Command(command) => Some(command),
            Decoded::Rejected { .. } => None,
        }
    }
}

impl Row {
    /// The share of the budget that the row holds.
    pub(super) fn cost(&self) -> Cost {
        if self.flags.has_released { Cost::default() } else { Cost { rows: 1, units: self.units } }
    }

    pub(super) fn cold(&mut self) -> &mut RareData {
        self.cold.get_or_insert_default()
    }

    pub(super) fn missing_parent(&self) -> Option<&MissingParentWait> {
        self.cold.as_ref()?.missing_parent.as_ref()
    }

    /// The key by which rows of one list are ordered: the oldest one first.
    pub(super) fn arrival(&self) -> (Moment, u64) {
        (self.since, self.order)
    }

    /// Counts an attempt that has ended with this verdict.
    pub(super) fn attempted(&mut self, verdict: &Verdict) {
        if !matches!(verdict, Verdict::Retry { kind: RetryKind::NextCall, .. }) {
            self.attempts = self.attempts.saturating_add(1);
        }
        let (is_unknown, is_own) = match verdict {
            Verdict::Unknown { doubt, .. } => (true, matches!(doubt, Doubt::Row | Doubt::TooLong)),
            Verdict::Fatal(_) => (true, false),
            _ => (false, false),
        };
        self.flags.maybe_applied |= is_unknown;
        self.unknowns = self.unknowns.saturating_add(u8::from(is_unknown));
        self.own_unknowns = self.own_unknowns.saturating_add(u16::from(is_own));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_takes_at_most_128_bytes() {
        assert!(size_of::<Row>() <= 128, "{}", size_of::<Row>());
    }
}
