//! The events that the core takes in, and the effects that it returns.

use std::{sync::Arc, time::Duration};

use super::{
    breaker::Ruling,
    cost::{Change, Cost},
    identities::KeyHash,
    ids::{CallId, LaneId, RowId},
    moment::Moment,
    row::Body,
};
use crate::{
    ops::metrics::Repeated,
    record::{ApiName, BatchKey, Cause, PlaceName, Rejection, Verdict},
};

/// An input of the core.
#[derive(Debug)]
pub(crate) enum Event {
    /// A lane begins. `breaker`: the consecutive rejections that open the breaker of its route; 0 disables it.
    Open { lane: LaneId, route: Arc<str>, breaker: u32 },
    /// A lane hands over records, in the order of its partition.
    Submit { lane: LaneId, rows: Vec<Submission> },
    /// A lane has a record that is rejected before it becomes a command. Its route has a breaker: it waits for the
    /// ruling. `is_again`: the record was decoded and routed again, since the breaker kept it from being rejected.
    Refused { lane: LaneId, rejection: Box<Rejection>, is_again: bool },
    /// A permit for a call was granted.
    Granted(Permit),
    /// A call was answered. `took`: its duration, with its query and all that it waited for.
    Answered { call: CallId, parts: Vec<Vec<AnsweredRow>>, took: Duration },
    /// The task of a call has ended without an answer.
    CallLost(CallId),
    /// The dead letter of a row is durable, or has failed.
    Settled { row: RowId, end: LetterEnd },
    /// A lane reads no more, and drains what it has submitted.
    Drain(LaneId),
    /// The drain of a lane cannot go on: the org takes no calls, or the process has no lease.
    Stuck { lane: LaneId, why: &'static str },
    /// A lane is gone, without a drain or before its drain had ended.
    LaneDropped(LaneId),
    /// The org refuses calls because the daily quota is exhausted.
    QuotaSpent(Cause),
    /// The time of [`Core::next_due`](super::core::Core::next_due) has come.
    Due,
}

/// A record that a lane has read.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) offset: i64,
    /// The time at which the record was read.
    pub(crate) read: Moment,
    /// The bytes of the budget that the record holds, in KiB. It holds one row, too.
    pub(crate) units: u32,
    pub(crate) body: Box<Body>,
    pub(crate) what: SubmissionKind,
}

/// The decision of a lane on a record.
#[derive(Debug)]
pub(crate) enum SubmissionKind {
    /// The command of the record is to be written. `identity` is `None` for a plain insert.
    Write { identity: Option<KeyHash>, parent: Option<KeyHash> },
    /// The record is rejected before it becomes a command.
    Reject(Rejection),
}

/// A permit for one call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Permit {
    pub(crate) is_probe: bool,
    /// The org did not answer the last calls: a probe must not write.
    pub(crate) reads_only: bool,
}

/// A row that comes back from its call.
#[derive(Debug)]
pub(crate) struct AnsweredRow {
    pub(crate) row: RowId,
    pub(crate) body: Box<Body>,
    pub(crate) verdict: Verdict,
}

/// The way in which the writing of a dead letter has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LetterEnd {
    Durable,
    /// The record has to be read again.
    Failed,
}

/// An output of the core. The effects of an event are applied in order.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Make a call under the permit that was granted.
    Call {
        call: CallId,
        parts: Vec<CallPart>,
    },
    /// Use the permit for a call that asks whether the org is well and writes nothing.
    Probe,
    /// Let the lane write a dead letter. [`Event::Settled`] reports how that has ended.
    Letter {
        lane: LaneId,
        row: RowId,
        letter: Box<Letter>,
    },
    /// Count outcomes.
    OutcomeCounts {
        lane: LaneId,
        books: OutcomeCounts,
    },
    /// Note that records have left the lane's FIFO.
    Progress {
        lane: LaneId,
        progress: LaneProgress,
    },
    /// Note what rows of the route hold of the budget.
    Budget {
        route: Arc<str>,
        /// The change of what is working since the last report. What the lanes have taken counts as working.
        working: Change,
        stalled: Cost,
        /// The route reads no further.
        is_barred: bool,
        /// It reads no further since what is stalled holds more than its share.
        is_above_share: bool,
    },
    /// Tell the lane to read no more: one of its records has to be read again.
    Drain {
        lane: LaneId,
    },
    /// Tell the lane that all that it has submitted has ended.
    Drained {
        lane: LaneId,
        drained: Drained,
    },
    /// Tell the lane the ruling on its rejected record.
    Ruled {
        lane: LaneId,
        ruling: Ruling,
    },
    /// Stop the daemon, for this reason.
    Stop(String),
    Notice(Notice),
}

/// The rows of one part of a call.
#[derive(Debug)]
pub(crate) struct CallPart {
    pub(crate) key: BatchKey,
    pub(crate) rows: Vec<CallRow>,
}

/// A row that is sent.
#[derive(Debug)]
pub(crate) struct CallRow {
    pub(crate) row: RowId,
    pub(crate) body: Box<Body>,
    /// An earlier attempt ended without a known result.
    pub(crate) maybe_applied: bool,
}

/// A dead letter that is to be written.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) body: Box<Body>,
    pub(crate) rejection: Rejection,
    pub(crate) attempts: u32,
    pub(crate) read: Moment,
}

/// The outcomes of a lane's records in one event, each as the time since its record was read.
#[derive(Debug, Default)]
pub(crate) struct OutcomeCounts {
    pub(crate) written: Vec<Duration>,
    /// The number of deletes among the written ones that found no record.
    pub(crate) found_nothing: u32,
    /// Abandoned records, which are read again.
    pub(crate) dropped: Vec<Duration>,
}

/// The records that have left a lane's FIFO in one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LaneProgress {
    /// The number of records that have left.
    pub(crate) records: usize,
    /// The offset of the last one of them that may be committed.
    pub(crate) settled: Option<i64>,
    /// The time at which the oldest record in flight was read.
    pub(crate) oldest: Option<Moment>,
}

/// The way in which the drain of a lane has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// No record after the offset to commit is done.
    Whole,
    /// A record after that offset may be done: it is repeated.
    CutShort,
}

/// A report to the log, the metrics or the health.
#[derive(Debug)]
pub(crate) enum Notice {
    Repeated(Repeated),
    /// A valve has closed: these rows wait.
    ValveClosed {
        valve: ValveName,
        cause: Cause,
    },
    /// A valve has opened. `is_taken`: the org takes its rows again; otherwise it has no rows left.
    ValveOpened {
        valve: ValveName,
        lasted: Duration,
        is_taken: bool,
    },
    /// A row of a refused place tries whether it is still refused.
    PlaceProbed {
        sobject: ApiName,
    },
    /// Fields that can be created and not updated were taken out of a row.
    FieldsLeftOut {
        sobject: ApiName,
        fields: Vec<ApiName>,
    },
    /// A call of `rows` rows has timed out; the next ones have at most `next`.
    TimedOut {
        key: BatchKey,
        rows: usize,
        next: usize,
        cause: Cause,
    },
    /// A call with this key was answered, whatever the answer says.
    Answered(BatchKey),
    BreakerOpened {
        route: Arc<str>,
        code: String,
        count: u32,
        cause: Cause,
    },
    /// The breaker of a route has closed. `read`: whether the route is still read.
    BreakerClosed {
        route: Arc<str>,
        read: bool,
    },
    DrainCutShort {
        lane: LaneId,
        given_up: usize,
        why: &'static str,
    },
}

/// The name of a valve.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum ValveName {
    /// The org refuses the place.
    Place(PlaceName),
    /// The org does not take some rows of the place for now.
    Parked(PlaceName),
    /// The org has no room for new records.
    Storage,
}

impl OutcomeCounts {
    pub(super) fn is_empty(&self) -> bool {
        self.written.is_empty() && self.dropped.is_empty() && self.found_nothing == 0
    }
}
