//! One command on its way through the batcher, and its lane's half of it.
//!
//! ```text
//!            begin                    answered
//! Waiting ──────────► Sent ────────────────────► Waiting      a verdict that is no outcome, or the end of a hold
//!    │ close            │ close        answered
//!    └────► Closed      └────► Closing ────────► Closed       nobody waits for it any more
//! ```
//!
//! A ticket that is not on the wire closes at once and is dropped; one that is keeps its gate entry until its call is
//! answered, or until nothing can come of it any more.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use super::{budget::Seat, gate::GateEntry, org::Row};
use crate::record::{Cause, Command, Record, RecordId, Rejection};

/// The batcher's half.
#[derive(Debug)]
pub struct Ticket {
    pub command: Command,
    pub history: History,
    cargo: Cargo,
    stage: Arc<AtomicU8>,
    reply: oneshot::Sender<Reply>,
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

/// The lane's half. Dropping it closes the ticket.
#[derive(Debug)]
pub struct Receipt {
    stage: Arc<AtomicU8>,
    reply: oneshot::Receiver<Reply>,
    /// Tells the batcher that there are closed tickets to throw away.
    sweep: Arc<Notify>,
}

const WAITING: u8 = 0;
const SENT: u8 = 1;
const CLOSING: u8 = 2;
const CLOSED: u8 = 3;

impl Ticket {
    pub fn new(command: Command, cargo: Cargo, sweep: &Arc<Notify>) -> (Self, Receipt) {
        let stage = Arc::new(AtomicU8::new(WAITING));
        let (sender, receiver) = oneshot::channel();
        let receipt = Receipt { stage: stage.clone(), reply: receiver, sweep: sweep.clone() };
        (Self { command, history: History::default(), cargo, stage, reply: sender }, receipt)
    }

    /// As the org sees it.
    pub fn row(&self) -> Row<'_> {
        Row { command: &self.command, maybe_applied: self.history.maybe_applied }
    }

    /// Before each attempt: may it be sent? Here is also the place of the commit lease.
    #[must_use]
    pub fn begin(&self) -> bool {
        self.stage.compare_exchange(WAITING, SENT, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// The attempt is over and was no outcome. False: nobody waits for the ticket any more, drop it.
    #[must_use]
    pub fn answered(&self) -> bool {
        matches!(
            step(&self.stage, |stage| if stage == SENT || stage == WAITING { WAITING } else { CLOSED }),
            SENT | WAITING
        )
    }

    pub fn is_closed(&self) -> bool {
        self.stage.load(Ordering::Acquire) == CLOSED
    }

    /// Hands the outcome to the lane. If that one is gone, everything that the record held is given back.
    pub fn settle(self, outcome: Outcome) {
        drop(self.reply.send(Reply { outcome, command: self.command, cargo: self.cargo }));
    }
}

impl Receipt {
    /// Waits for the outcome. Once `close` returns, the ticket is given up as soon as it is not on the wire: `None`.
    pub async fn outcome(mut self, close: impl Future<Output = ()>) -> Option<Reply> {
        tokio::select! {
            biased;
            reply = &mut self.reply => return reply.ok(),
            () = close => {}
        }
        self.close();
        (&mut self.reply).await.ok()
    }

    fn close(&self) {
        if step(&self.stage, |stage| if stage == SENT || stage == CLOSING { CLOSING } else { CLOSED }) == WAITING {
            self.sweep.notify_one();
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.close();
    }
}

/// Moves on, and returns the stage that was left.
fn step(stage: &AtomicU8, next: impl Fn(u8) -> u8) -> u8 {
    match stage.fetch_update(Ordering::AcqRel, Ordering::Acquire, |stage| Some(next(stage))) {
        Ok(left) | Err(left) => left,
    }
}
