//! The one task between all lanes and the org: it forms calls, owns them while they run, and decides what follows from
//! each verdict.
//!
//! ```text
//! lanes ─► queues (by batch key) ─┐                      ┌─ outcome ──────────────► the row's lane
//!                                 ├─► calls (one permit ─┼─ retry, parked ─► delays ─► queues
//!          pinned (exact groups) ─┘   each)              └─ org, unknown, halves ─► delays ─► pinned
//! ```
//!
//! Rows to repeat come back as a call's result and share calls with new rows, so there is no retry channel, nothing
//! deadlocks, and one locked row idles no call. A group is pinned where its extent matters: halves of a call that
//! failed as a whole, a call that is repeated as it was, a row that must be alone. Rows of a route whose breaker is
//! open are held beside all this; one at a time is pinned as its probe.
//!
//! Rows whose route names a parent that they lock are never in two calls at once that have the same one (`parents`).

mod backlog;
mod children;
mod create_only;
mod delays;
mod families;
mod follow;
mod held;
mod hints;
mod once_more;
mod pace;
mod parents;
mod queues;
mod races;
mod sizes;
mod slow;
mod trials;
mod worker;

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, mpsc};

use super::{
    breaker::Breaker,
    budget::Cost,
    org::Org,
    stage::Stage,
    ticket::{Cargo, Receipt, Ticket},
};
use crate::{
    config::{InsertUnknown, OnQuota, Retry},
    ops::{health::Health, metrics::Metrics},
    record::Command,
    runtime::{lease::Lease, stop::Stop},
};

/// The lanes' end.
#[derive(Debug, Clone)]
pub struct Batcher {
    inbox: mpsc::Sender<Ticket>,
    sweep: Arc<Notify>,
}

#[derive(Debug, Clone)]
pub struct Settings {
    /// Rows and bytes of one call.
    pub rows: usize,
    pub bytes: usize,
    /// How long the oldest row of a call that is not full waits for others.
    pub linger: Duration,
    pub retry: Retry,
    /// From the end of an attempt of unknown result to its repetition.
    pub unknown_hold: Duration,
    /// How long the org may take for a call.
    pub timeout: Duration,
    pub insert_unknown: InsertUnknown,
    pub on_quota: OnQuota,
    /// Between two attempts of a row that the org has no room for.
    pub parked: Duration,
}

impl Batcher {
    /// Starts the task. It ends when the last `Batcher` is gone and its calls are done. `children` is the most that rows
    /// may hold of the budget which wait for a parent, and those after them; `health` says that calls take too long.
    pub fn start<O: Org>(
        org: Arc<O>,
        settings: Settings,
        children: Cost,
        health: Health,
        lease: Lease,
        metrics: Metrics,
        stop: Stop,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (inbox, receiver) = mpsc::channel(1024);
        let sweep = Arc::new(Notify::new());
        let around =
            worker::Around { org, children, health, lease, metrics, stop, inbox: receiver, sweep: sweep.clone() };
        let worker = worker::Worker::new(settings, around);
        (Self { inbox, sweep }, tokio::spawn(worker.run()))
    }

    /// Hands a command over. The receipt ends without an outcome if the batcher is gone.
    pub async fn submit(
        &self,
        command: Command,
        cargo: Cargo,
        stage: Arc<Stage>,
        breaker: Option<Arc<Breaker>>,
    ) -> Receipt {
        let (ticket, receipt) = Ticket::new(command, cargo, stage, breaker, &self.sweep);
        // A ticket that finds no batcher is dropped, and its receipt says so.
        drop(self.inbox.send(ticket).await);
        receipt
    }

    /// Throws away what was closed, and takes up what was hurried or whose breaker is closed again.
    pub fn sweep(&self) {
        self.sweep.notify_one();
    }
}
