//! What the core hears, and what it wants done.

use std::{sync::Arc, time::Duration};

use super::{
    breaker::Ruling,
    cost::Cost,
    identities::KeyHash,
    ids::{CallId, LaneId, RowId},
    moment::Moment,
    row::Body,
};
use crate::{
    ops::metrics::Repeated,
    record::{ApiName, BatchKey, Cause, Rejection, Verdict},
};

/// What has happened.
#[derive(Debug)]
pub(crate) enum Event {
    /// A lane begins. `breaker` is its route's limit; 0 is none.
    Open { lane: LaneId, route: Arc<str>, breaker: u32 },
    /// Records of a lane, in the order of its partition.
    Submit { lane: LaneId, rows: Vec<Submission> },
    /// A record of a route with a breaker is rejected before it is a command; the lane waits for the ruling.
    /// `is_again`: it was worked out again, since the breaker has kept it from being rejected.
    Refused { lane: LaneId, rejection: Box<Rejection>, is_again: bool },
    /// The permit that was wanted.
    Granted(Permit),
    /// A call is over. `took` counts its query and all that it waited for.
    Answered { call: CallId, parts: Vec<Vec<AnsweredRow>>, took: Duration },
    /// A call has ended without saying how.
    CallLost(CallId),
    /// The dead letter of a row is durable, or never will be.
    Settled { row: RowId, end: LetterEnd },
    /// A lane reads no more: what it has submitted ends.
    Drain(LaneId),
    /// The outcomes that a drain waits for are not worth waiting for.
    Stuck { lane: LaneId, why: &'static str },
    /// A lane is gone without a drain, or before its drain had ended.
    Gone(LaneId),
    /// The org refuses calls because those of the day are spent.
    QuotaSpent(Cause),
    /// [`Core::next_due`](super::core::Core::next_due) has come.
    Due,
}

/// A record that a lane has read.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) offset: i64,
    /// When it was read.
    pub(crate) read: Moment,
    /// What it takes of the budget beside the one row, in KiB.
    pub(crate) units: u32,
    pub(crate) body: Box<Body>,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// Its command is to be written. `identity`: `None` of a plain insert.
    Write { identity: Option<KeyHash>, parent: Option<KeyHash> },
    /// It is rejected before it is a command.
    Reject(Rejection),
}

/// A permit for one call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Permit {
    pub(crate) is_probe: bool,
    /// The org has answered nothing for a while: a probe has to write nothing.
    pub(crate) reads_only: bool,
}

/// A row that comes back from its call.
#[derive(Debug)]
pub(crate) struct AnsweredRow {
    pub(crate) row: RowId,
    pub(crate) body: Box<Body>,
    pub(crate) verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LetterEnd {
    Durable,
    /// Its record has to be read again.
    Failed,
}

/// What is to be done, in this order.
#[derive(Debug)]
pub(crate) enum Effect {
    /// A call is to be made under the permit that was granted.
    Call {
        call: CallId,
        parts: Vec<CallPart>,
    },
    /// The permit's call is to ask whether the org is well, and to write nothing.
    Probe,
    /// A dead letter is to be written by its lane, which says then how that has ended.
    Letter {
        lane: LaneId,
        row: RowId,
        letter: Box<Letter>,
    },
    /// Outcomes to count.
    Books {
        lane: LaneId,
        books: Books,
    },
    /// Records have left the lane's FIFO.
    Progress {
        lane: LaneId,
        progress: LaneProgress,
    },
    /// Rows of the route give this back of the budget.
    Release {
        route: Arc<str>,
        cost: Cost,
    },
    /// The lane is to read no more: one of its records has to be read again.
    Drain {
        lane: LaneId,
    },
    /// All that the lane has submitted has ended.
    Drained {
        lane: LaneId,
        drained: Drained,
    },
    /// The ruling on the lane's refused record.
    Ruled {
        lane: LaneId,
        ruling: Ruling,
    },
    /// The daemon has to stop.
    Stop(String),
    Notice(Notice),
}

/// The rows of one part of a call.
#[derive(Debug)]
pub(crate) struct CallPart {
    pub(crate) key: BatchKey,
    pub(crate) rows: Vec<CallRow>,
}

#[derive(Debug)]
pub(crate) struct CallRow {
    pub(crate) row: RowId,
    pub(crate) body: Box<Body>,
    /// An earlier attempt ended without a known result.
    pub(crate) maybe_applied: bool,
}

#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) body: Box<Body>,
    pub(crate) rejection: Rejection,
    pub(crate) attempts: u32,
    pub(crate) read: Moment,
}

/// The outcomes of one event, each with the time since its record was read.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) written: Vec<Duration>,
    /// Deletes among these that found no record.
    pub(crate) found_nothing: u32,
    /// Abandoned: they are read again.
    pub(crate) dropped: Vec<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LaneProgress {
    /// How many records have left.
    pub(crate) records: usize,
    /// The last record of those that may be committed.
    pub(crate) settled: Option<i64>,
    /// When the oldest record was read that has not ended.
    pub(crate) oldest: Option<Moment>,
}

/// How the drain of a lane has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// No record after the offset to commit is done.
    Whole,
    /// A record after that offset may be done: it is repeated.
    CutShort,
}

/// What operators and metrics are told.
#[derive(Debug)]
pub(crate) enum Notice {
    Repeated(Repeated),
    /// The org does not take rows of a call for now: one notice for each call.
    Parked(Cause),
    /// Fields that can only be created were taken out of a row.
    LeftOut {
        sobject: ApiName,
        fields: Vec<ApiName>,
    },
    /// A call of this many rows has timed out; the next ones have at most `next`.
    TimedOut {
        key: BatchKey,
        rows: usize,
        next: usize,
        cause: Cause,
    },
    /// A call of these has an answer, whatever it says.
    InTime(BatchKey),
    BreakerOpened {
        route: Arc<str>,
        code: String,
        count: u32,
        cause: Cause,
    },
    /// `read`: whether the route is still read.
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

impl Books {
    pub(super) fn is_empty(&self) -> bool {
        self.written.is_empty() && self.dropped.is_empty() && self.found_nothing == 0
    }
}
