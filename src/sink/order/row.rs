//! One record between its lane and its outcome.
//!
//! ```text
//!            the change before it has ended             granted                    an outcome that is durable
//! Queued ───────────────────────────────► Ready ──► Pinned ──► OnWire ──────────────────────────────► (removed)
//!                                           ▲         ▲          ├──► Settling ── letter durable ────► (removed)
//!                                           │         │          ├──► Held ── unknown_hold ─► Pinned
//!                                           └─────────┴──────────┴──► Backoff, Delayed, OnTrial, Stalled
//! ```

use std::time::Duration;

use super::{
    cost::Cost,
    ids::{
        CallIndex, GroupIndex, IdentityIndex, LaneIndex, ParentIndex, PlaceIndex, RouteIndex, RowIndex, RowKind,
        TrialIndex,
    },
    moment::Moment,
    slab::Slab,
};
use crate::record::{Cause, Command, Doubt, Identity as Target, Operation, Record, RetryKind, Verdict};

pub(super) type Rows = Slab<RowKind, Row>;

/// The neighbours of a row in a list that runs through the rows themselves.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Links {
    pub(super) before: Option<RowIndex>,
    pub(super) after: Option<RowIndex>,
}

/// How far a row has come, and what holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// In no list: on its way into the first one, or out of the last one.
    Loose,
    /// An earlier change of its identity has not ended.
    Queued,
    /// It may go with the next call of its place.
    Ready,
    /// It waits for a time of its own.
    Backoff,
    /// It goes with a call of exactly this group, as soon as there is a permit.
    Pinned(GroupIndex),
    /// As pinned, after a backoff.
    Delayed(GroupIndex),
    /// The result of its last attempt is not known: the org may still apply it.
    Held(GroupIndex),
    /// Other rows of its refused call go first.
    OnTrial(TrialIndex),
    /// The breaker of its route is open.
    Stalled,
    OnWire(CallIndex),
    /// Its dead letter is being written.
    Settling,
}

/// What a row is about. It moves to the call and comes back with the answer.
#[derive(Debug)]
pub(crate) struct Body {
    pub(crate) record: Record,
    pub(crate) asks: Asks,
}

#[derive(Debug)]
pub(crate) enum Asks {
    Command(Command),
    /// The record is rejected before it is a command.
    Nothing {
        operation: Option<Operation>,
        target: Option<Target>,
    },
}

#[derive(Debug)]
pub(super) struct Row {
    /// `None` while a call has it, and after its lane has gone.
    pub(super) body: Option<Box<Body>>,
    pub(super) cold: Option<Box<Cold>>,
    /// Its number in the lane's FIFO.
    pub(super) number: u64,
    /// When it was read.
    pub(super) read: Moment,
    /// When it came to its list; of a backoff, when that ends.
    pub(super) since: Moment,
    /// Tells rows apart that have the same time, in the order in which they came.
    pub(super) order: u64,
    /// Its neighbours of the same identity.
    pub(super) chain: Links,
    /// Its neighbours of the same list.
    pub(super) links: Links,
    /// `None` once its lane has gone: it is detached.
    pub(super) lane: Option<LaneIndex>,
    pub(super) route: RouteIndex,
    /// `None` of a plain insert.
    pub(super) identity: Option<IdentityIndex>,
    pub(super) parent: Option<ParentIndex>,
    /// `None` where the record is rejected before it is a command.
    pub(super) place: Option<PlaceIndex>,
    pub(super) state: State,
    /// What it takes of the budget beside the one row, in KiB.
    pub(super) units: u32,
    /// About what it takes in the body of a call.
    pub(super) bytes: u32,
    pub(super) attempts: u32,
    pub(super) again_times: u16,
    /// How many attempts ended without a known result.
    pub(super) unknowns: u16,
    /// How many of these it has to answer for: the org said so of the row, or of a call that was taken.
    pub(super) own_unknowns: u16,
    pub(super) apart_times: u8,
    pub(super) gone_times: u8,
    pub(super) flags: Flags,
}

/// What is known of few rows only.
#[derive(Debug, Default)]
pub(super) struct Cold {
    /// Why its call failed last.
    pub(super) cause: Option<Cause>,
    /// The total backoff of the retries that the org asked for.
    pub(super) again_waited: Duration,
    pub(super) missing_parent: Option<MissingParentWait>,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct MissingParentWait {
    /// Its key among the rows that wait for a parent.
    pub(super) order: u64,
    /// The total backoff.
    pub(super) waited: Duration,
    pub(super) times: u32,
    /// It is expedited: this attempt is the last one.
    pub(super) is_last: bool,
}

#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "what has happened, each by itself")]
pub(super) struct Flags {
    /// It settles if its attempt has an outcome; else it is abandoned.
    pub(super) closing: bool,
    /// It is in the way of others, and waits for its parent no longer.
    pub(super) expedited: bool,
    /// An attempt ended without a known result.
    pub(super) maybe_applied: bool,
    /// The daemon is stopping for what came of it: it is not sent again.
    pub(super) is_last: bool,
    /// Its last attempt was the probe of its breaker.
    pub(super) is_probe: bool,
    /// Fields that can only be created were taken out of it.
    pub(super) is_stripped: bool,
    /// Its route has a breaker, and the org has said nothing of the row yet.
    pub(super) is_pending: bool,
    /// It has given its cost back.
    pub(super) is_free: bool,
}

impl State {
    /// Whether a drain may abandon the row now: no attempt has taken, or can still take, effect.
    pub(super) fn can_close(self) -> bool {
        !matches!(self, Self::OnWire(_) | Self::Held(_) | Self::Settling)
    }
}

impl Body {
    pub(crate) fn command(&self) -> Option<&Command> {
        match &self.asks {
            Asks::Command(command) => Some(command),
            Asks::Nothing { .. } => None,
        }
    }

    pub(super) fn command_mut(&mut self) -> Option<&mut Command> {
        match &mut self.asks {
            Asks::Command(command) => Some(command),
            Asks::Nothing { .. } => None,
        }
    }
}

impl Row {
    /// Its share of the budget, as long as it holds one.
    pub(super) fn cost(&self) -> Cost {
        if self.flags.is_free { Cost::default() } else { Cost { rows: 1, units: self.units } }
    }

    pub(super) fn cold(&mut self) -> &mut Cold {
        self.cold.get_or_insert_default()
    }

    pub(super) fn missing_parent(&self) -> Option<&MissingParentWait> {
        self.cold.as_ref()?.missing_parent.as_ref()
    }

    /// Its place among rows of the same list that are taken by their age.
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
        self.unknowns = self.unknowns.saturating_add(u16::from(is_unknown));
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
