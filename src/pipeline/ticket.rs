//! One command on its way through the batcher, and its lane's half of it.
//!
//! A ticket that is not on the wire can be closed, and is then thrown away; one that is keeps its gate entry until its
//! call is answered, or until nothing can come of it any more.

use std::sync::Arc;

use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use super::{budget::Seat, gate::GateEntry, org::Row, stage::Stage};
use crate::record::{Cause, Command, Record, RecordId, Rejection};

/// The batcher's half.
#[derive(Debug)]
pub struct Ticket {
    pub command: Command,
    pub history: History,
    stage: Arc<Stage>,
    /// Before the cargo, which is dropped in this order: a lane hears of a ticket without an outcome before its gate entry
    /// lets the next change of the identity in.
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
    pub seat: Seat,
}

/// What earlier attempts have left behind.
#[derive(Debug, Default)]
pub struct History {
    pub attempts: u32,
    /// An attempt ended without a known result.
    pub maybe_applied: bool,
    /// The daemon is stopping for what came of it: not to be sent again.
    pub is_last: bool,
    /// Since when the org asks to repeat this row.
    pub again_since: Option<Instant>,
    pub again_times: u32,
    /// Why the call failed last.
    pub cause: Option<Cause>,
}

/// The last word of the org on one row.
#[derive(Debug)]
pub enum Outcome {
    Written { id: Option<RecordId> },
    Rejected { rejection: Rejection, attempts: u32 },
}

/// The lane's half. Dropping it gives the ticket up.
#[derive(Debug)]
pub struct Receipt {
    stage: Arc<Stage>,
    reply: oneshot::Receiver<Reply>,
    /// Tells the batcher that there are closed tickets to throw away.
    sweep: Arc<Notify>,
}

impl Ticket {
    pub fn new(command: Command, cargo: Cargo, stage: Arc<Stage>, sweep: &Arc<Notify>) -> (Self, Receipt) {
        let (sender, receiver) = oneshot::channel();
        let receipt = Receipt { stage: stage.clone(), reply: receiver, sweep: sweep.clone() };
        (Self { command, history: History::default(), stage, reply: sender, cargo }, receipt)
    }

    /// As the org sees it.
    pub fn row(&self) -> Row<'_> {
        Row { command: &self.command, maybe_applied: self.history.maybe_applied }
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

    /// Hands the outcome to the lane. If that one is gone, everything that the record held is given back.
    pub fn settle(self, outcome: Outcome) {
        drop(self.reply.send(Reply { outcome, command: self.command, cargo: self.cargo }));
    }
}

impl Receipt {
    /// `None` if the ticket was closed before it had an outcome.
    pub async fn outcome(mut self) -> Option<Reply> {
        (&mut self.reply).await.ok()
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if self.stage.give_up() {
            self.sweep.notify_one();
        }
    }
}
