//! One command on its way through the batcher, and its lane's half of it.
//!
//! A ticket that is not on the wire can be closed, and is then thrown away; one that is keeps its gate entry until its
//! call is answered, or until nothing can come of it any more.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, oneshot};

use super::{
    breaker::{Breaker, Pending},
    budget::{BudgetPermit, Cost},
    gate::{GateEntry, Queue},
    stage::Stage,
};
use crate::record::{BatchRow, Cause, Command, Doubt, Record, Rejection, RetryKind, Verdict};

/// The batcher's half.
#[derive(Debug)]
pub struct Ticket {
    pub command: Command,
    pub history: History,
    /// Of its route, if that has one.
    pub breaker: Option<Arc<Breaker>>,
    /// With a breaker, until something is known of the row.
    pub pending: Option<Pending>,
    stage: Arc<Stage>,
    /// Before the cargo, which is dropped in this order: a lane hears of a ticket without an outcome before its gate
    /// entry lets the next change of the identity in.
    reply: oneshot::Sender<Reply>,
    cargo: Cargo,
}

/// What comes back to the lane.
#[derive(Debug)]
pub struct Reply {
    pub outcome: Outcome,
    pub command: Command,
    pub cargo: Cargo,
}

/// What a record holds as long as it is not settled.
#[derive(Debug)]
pub struct Cargo {
    pub record: Record,
    pub entry: Option<GateEntry>,
    pub permit: BudgetPermit,
}

/// What earlier attempts have left behind.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "what has happened, each by itself")]
pub struct History {
    pub attempts: u32,
    /// An attempt ended without a known result.
    pub maybe_applied: bool,
    /// How many attempts did.
    pub unknowns: u32,
    /// How many of these the row has to answer for itself: the org said so of the row, or of a call that was taken.
    pub own_unknowns: u32,
    /// The daemon is stopping for what came of it: not to be sent again.
    pub is_last: bool,
    /// The last attempt was the probe of its breaker.
    pub is_probe: bool,
    /// What it has waited between the attempts that the org asked to repeat. What it then waits to be sent is none of it.
    pub again_waited: Duration,
    pub again_times: u32,
    /// Attempts that set the row apart.
    pub apart_times: u32,
    /// Attempts that found its record gone.
    pub gone_times: u32,
    /// Fields that can only be created were taken out of it.
    pub is_stripped: bool,
    /// The row waits for a parent.
    pub child: Option<Child>,
    /// Why the call failed last.
    pub cause: Option<Cause>,
}

/// A wait for a parent.
#[derive(Debug)]
pub struct Child {
    /// As [`History::again_waited`].
    pub waited: Duration,
    pub times: u32,
    /// It is hurried, and this attempt is the last one.
    pub is_last: bool,
    /// What it takes of the budget, as long as it waits.
    pub place: Arc<Place>,
}

/// What a record and those that wait behind it hold.
#[derive(Debug)]
pub struct Place {
    pub stage: Arc<Stage>,
    cost: Cost,
    behind: Option<Queue>,
}

/// The last word of the org on one row.
#[derive(Debug)]
pub enum Outcome {
    /// `found_nothing`: there was no record to delete.
    Written {
        found_nothing: bool,
    },
    Rejected {
        rejection: Rejection,
        attempts: u32,
    },
}

/// The lane's half. Dropping it gives the ticket up.
#[derive(Debug)]
pub struct Receipt {
    stage: Arc<Stage>,
    reply: oneshot::Receiver<Reply>,
    /// There is an outcome, which is the lane's to settle: nothing is given up any more.
    replied: bool,
    /// Tells the batcher that there are closed tickets to throw away.
    sweep: Arc<Notify>,
}

impl History {
    /// An attempt that has ended with this verdict.
    pub fn attempted(&mut self, verdict: &Verdict) {
        self.attempts += u32::from(!matches!(verdict, Verdict::Retry { kind: RetryKind::NextCall, .. }));
        let (unknown, own) = match verdict {
            Verdict::Unknown { doubt, .. } => (true, matches!(doubt, Doubt::Row | Doubt::TooLong)),
            Verdict::Fatal(_) => (true, false),
            _ => (false, false),
        };
        self.maybe_applied |= unknown;
        self.unknowns += u32::from(unknown);
        self.own_unknowns += u32::from(own);
    }

    /// An outage is no time of the row's own.
    pub fn forget_waits(&mut self) {
        self.again_waited = Duration::ZERO;
        self.child = None;
    }
}

impl Ticket {
    pub fn new(
        command: Command,
        cargo: Cargo,
        stage: Arc<Stage>,
        breaker: Option<Arc<Breaker>>,
        sweep: &Arc<Notify>,
    ) -> (Self, Receipt) {
        let (sender, receiver) = oneshot::channel();
        let receipt = Receipt { stage: stage.clone(), reply: receiver, replied: false, sweep: sweep.clone() };
        let (history, pending) = (History::default(), breaker.as_ref().map(Breaker::pending));
        (Self { command, history, breaker, pending, stage, reply: sender, cargo }, receipt)
    }

    /// As the org sees it.
    pub fn row(&self) -> BatchRow<'_> {
        BatchRow { command: &self.command, maybe_applied: self.history.maybe_applied }
    }

    /// Before each attempt: may it be sent?
    #[must_use]
    pub fn begin(&self) -> bool {
        self.stage.begin()
    }

    /// The attempt is over and was no outcome. False: nobody waits for the ticket any more, drop it.
    #[must_use]
    pub fn answered(&self) -> bool {
        self.stage.answered()
    }

    pub fn is_closed(&self) -> bool {
        self.stage.is_closed()
    }

    pub fn place(&self) -> Place {
        let behind = self.cargo.entry.as_ref().and_then(GateEntry::queue);
        Place { stage: self.stage.clone(), cost: self.cargo.permit.cost(), behind }
    }

    /// Hands the outcome to the lane. If that one is gone, everything that the record held is given back.
    pub fn settle(self, outcome: Outcome) {
        drop(self.reply.send(Reply { outcome, command: self.command, cargo: self.cargo }));
    }
}

impl Child {
    pub fn is_hurried(&self) -> bool {
        self.place.stage.is_hurried()
    }
}

impl Place {
    pub fn cost(&self) -> Cost {
        [self.cost].into_iter().chain(self.behind.as_ref().map(Queue::cost)).sum()
    }
}

impl Receipt {
    /// `None` if the ticket was closed before it had an outcome.
    pub async fn outcome(mut self) -> Option<Reply> {
        let reply = (&mut self.reply).await.ok();
        self.replied = reply.is_some();
        reply
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if !self.replied && self.stage.give_up() {
            self.sweep.notify_one();
        }
    }
}
