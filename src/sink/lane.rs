//! One task for each assigned partition: records in, offsets out.
//!
//! Every record becomes a future that carries it to its outcome; all of them run at once, and they leave the lane in
//! the order of the partition. The next offset to commit moves only when the oldest of them is done, so what is
//! committed is contiguous by construction.
//!
//! A drain takes in nothing more. It abandons the tail: the records after the last one that is done or in flight, none
//! of which can have taken effect. The records before that one are brought to their outcomes, since a gap among them
//! would repeat what comes after it, without any crash. But if no calls can be made for long, if the records make no
//! progress, or if the route's breaker is open, these are abandoned, too. Then the offset is committed.

use std::{
    collections::VecDeque,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt as _, Stream, StreamExt as _, stream::FuturesOrdered};
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    breaker::Breaker,
    dead_letters::DeadLetters,
    gate::GateEntry,
    intake::{AdmittedRecord, Decision, Intake, RejectedRecord},
    lane_error::LaneError,
    org::Org,
    pipeline::Pipeline,
    settle::Settled,
    stage::Stage,
    ticket::{Cargo, Outcome},
};
use crate::{
    dead_letter::LetterContext,
    ops::metrics::{self, LaneGauge, RouteMetrics},
    record::{Action, Reason, Record},
    runtime::progress::Progress,
    sink::route::Route,
};

#[derive(Debug)]
pub struct Lane<O, D> {
    pipeline: Arc<Pipeline<O, D>>,
    route: Arc<Route>,
    metrics: Arc<RouteMetrics>,
    breaker: Option<Arc<Breaker>>,
    draining: CancellationToken,
    /// A drain has closed some records.
    closing: Notify,
    /// The offset of the first record that has to be read again, if any: no later record begins any more.
    undone: AtomicI64,
    /// The most records in flight.
    most: usize,
    progress: Arc<Progress>,
    gauge: LaneGauge,
}

/// The way in which the drain of a lane ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drained {
    /// No record after the offset to commit is done.
    Whole,
    /// A record after that offset may be done: it is repeated.
    CutShort,
}

/// The records in flight, in the order of the partition: since when, and how far each has come.
type Underway = VecDeque<(Instant, Arc<Stage>)>;

/// The time that a drain waits without progress (org down, no lease, stuck records) before it gives up.
const PATIENCE: Duration = Duration::from_secs(10);

/// The number of records that may be settled after one that is not: their offsets wait in memory. Beside them there may
/// be all that the budget has permits for.
pub const MAX_AHEAD: usize = 8_192;

impl<O: Org, D: DeadLetters> Lane<O, D> {
    /// A lane for one partition of a topic of this route. It drains when `draining` is cancelled.
    pub fn new(
        pipeline: Arc<Pipeline<O, D>>,
        route: Arc<Route>,
        draining: CancellationToken,
        progress: Arc<Progress>,
    ) -> Self {
        let (gauge, metrics) = (pipeline.metrics.track_lane(), pipeline.metrics.route(&route.name));
        let (closing, undone) = (Notify::new(), AtomicI64::new(i64::MAX));
        let most = MAX_AHEAD.saturating_add(pipeline.budget.rows());
        let breaker = pipeline.breakers.of(&route, &metrics);
        Self { pipeline, route, metrics, breaker, draining, closing, undone, most, progress, gauge }
    }

    /// Runs until it is drained. Where its source fails, or the org does not describe what it needs, it drains itself,
    /// and says why.
    pub async fn run<E>(self, source: impl Stream<Item = Result<Record, E>> + Send) -> Result<Drained, LaneError<E>> {
        let admitted = self.intake().admitted(source);
        // Owned by each future: a borrow here is beyond what the compiler can prove of a task.
        let lane = Arc::new(self);
        // Once: also a drain that had nothing to give up may still wait for what it has closed.
        let stuck = async {
            lane.draining.cancelled().await;
            lane.stuck().await
        };
        let mut stuck = pin!(stuck.fuse());
        let (mut drained, mut failed) = (Drained::Whole, None);
        // Of a drain: since when nothing has come of what is under way, and how much that was.
        let (mut quiet, mut open) = (Instant::now(), usize::MAX);
        let mut intake = Some(Box::pin(admitted));
        let mut carried = FuturesOrdered::new();
        // In the order of `carried`.
        let mut underway = Underway::new();
        let mut unbroken = true;
        loop {
            tokio::select! {
                biased;
                Some((offset, settled)) = carried.next() => {
                    unbroken &= settled == Settled::Done;
                    if unbroken {
                        lane.progress.settled(offset);
                    }
                    underway.pop_front();
                    lane.gauge.set_oldest(underway.front().map(|(since, _)| *since));
                }
                () = lane.draining.cancelled(), if intake.is_some() => {
                    intake = None;
                    lane.close_tail(&underway);
                    quiet = Instant::now();
                }
                why = &mut stuck, if drained == Drained::Whole => {
                    drained = lane.give_up(&underway, why);
                }
                () = tokio::time::sleep_until(quiet + PATIENCE), if intake.is_none() && drained == Drained::Whole => {
                    let left = underway.iter().filter(|(_, stage)| !stage.is_done()).count();
                    let comes = left < open || underway.iter().any(|(_, stage)| stage.is_sent());
                    (quiet, open) = (Instant::now(), left);
                    if !comes {
                        drained = lane.give_up(&underway, "its records wait, and nothing comes of them");
                    }
                }
                admitted = next(&mut intake), if carried.len() < lane.most => {
                    let admitted: AdmittedRecord = match admitted.unwrap_or(Err(LaneError::Ended)) {
                        Ok(admitted) => admitted,
                        Err(error) => {
                            failed = Some(error);
                            lane.draining.cancel();
                            continue;
                        }
                    };
                    let stage = Arc::new(Stage::default());
                    underway.push_back((Instant::now(), stage.clone()));
                    lane.gauge.set_oldest(underway.front().map(|(since, _)| *since));
                    carried.push_back(lane.clone().carry(admitted, stage));
                    if carried.len() == lane.most {
                        lane.hurry_first(&underway);
                    }
                }
            }
            if intake.is_none() && carried.is_empty() {
                return failed.map_or(Ok(drained), Err);
            }
        }
    }

    fn intake(&self) -> Intake<O> {
        let Pipeline { org, budget, gate, batcher, .. } = &*self.pipeline;
        Intake {
            route: self.route.clone(),
            org: org.clone(),
            budget: self.breaker.as_ref().map_or(budget, |breaker| &breaker.budget).clone(),
            gate: gate.clone(),
            breaker: self.breaker.clone(),
            batcher: batcher.clone(),
            metrics: self.metrics.clone(),
            core: None,
            admitted: 0,
            schema: None,
        }
    }

    fn close_tail(&self, underway: &Underway) {
        // One that is sent meanwhile cannot be closed, and ends the tail: nothing is closed before it.
        let closed = underway.iter().rev().take_while(|(_, stage)| stage.is_closed() || stage.close()).count();
        debug!(route = %self.route.name, closed, awaited = underway.len() - closed, "draining");
        self.closing.notify_waiters();
        self.pipeline.batcher.sweep();
    }

    /// Ends the wait of the first record for its parent. The lane reads no further before that record is settled, and
    /// the parent may come after all that was read.
    fn hurry_first(&self, underway: &Underway) {
        if underway.front().is_some_and(|(_, stage)| stage.hurry()) {
            self.pipeline.batcher.sweep();
        }
    }

    /// Waits until the outcomes of the records in flight are not worth waiting for, and says why.
    async fn stuck(&self) -> &'static str {
        let opened = async {
            match &self.breaker {
                Some(breaker) => breaker.opened().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.pipeline.org.wait_for_outage(PATIENCE) => "the org takes no calls",
            () = self.pipeline.lease.lapsed_for(PATIENCE) => "no commit succeeds",
            () = opened => "the route's breaker is open",
        }
    }

    /// Abandons what the org has not taken yet: it is read again, and so is all that comes after it.
    fn give_up(&self, underway: &Underway, why: &str) -> Drained {
        if underway.iter().all(|(_, stage)| stage.is_closed()) {
            return Drained::Whole;
        }
        let given_up = underway.iter().filter(|(_, stage)| stage.give_up()).count();
        warn!(
            event = "drain_cut_short", route = %self.route.name, given_up, why,
            "drain cut short, records will be repeated"
        );
        self.closing.notify_waiters();
        self.pipeline.batcher.sweep();
        Drained::CutShort
    }

    async fn carry(self: Arc<Self>, admitted: AdmittedRecord, stage: Arc<Stage>) -> (i64, Settled) {
        let offset = admitted.record.position.offset;
        let (settled, entry) = self.carry_to_outcome(admitted, &stage).await;
        match settled {
            Settled::Done => stage.done(),
            // No offset gets past it: whatever it was, this lane begins nothing more.
            Settled::Undone => {
                self.undone.fetch_min(offset, Ordering::AcqRel);
                self.draining.cancel();
            }
        }
        // Only now, so that the next change of the identity knows whether it may follow.
        drop(entry);
        (offset, settled)
    }

    /// Carries a record from the gate to its outcome; the entry holds the gate until that is known.
    async fn carry_to_outcome(&self, admitted: AdmittedRecord, stage: &Arc<Stage>) -> (Settled, Option<GateEntry>) {
        let undone = (Settled::Undone, None);
        let AdmittedRecord { record, permit, in_flight, decision } = admitted;
        let context = LetterContext { sobject: &self.route.sobject, ..LetterContext::default() };
        let settle = &self.pipeline.settle;
        let (command, entering) = match decision {
            Decision::Send(command, entering) => (command, entering),
            Decision::Reject(RejectedRecord { rejection, operation, target }) => {
                let context = LetterContext { operation, target: target.as_ref(), ..context };
                if !stage.begin() {
                    return undone;
                }
                return (settle.reject(record, &rejection, context, in_flight).await, None);
            }
        };
        let entry = match entering {
            Some(mut entering) => tokio::select! {
                biased;
                () = self.closed(stage) => return undone,
                entry = entering.entered() => Some(entry),
            },
            None => None,
        };
        if record.position.offset > self.undone.load(Ordering::Acquire) {
            return undone;
        }
        let (cargo, breaker) = (Cargo { record, entry, permit }, self.breaker.clone());
        let receipt = self.pipeline.batcher.submit(command, cargo, stage.clone(), breaker).await;
        let Some(reply) = receipt.outcome().await else { return undone };
        // The cargo, and with it the gate entry, lives until the outcome is durable.
        let cargo = reply.cargo;
        let settled = match reply.outcome {
            Outcome::Written { found_nothing } => {
                if found_nothing {
                    in_flight.delete_found_nothing();
                }
                in_flight.close(metrics::Outcome::Written)
            }
            Outcome::Rejected { rejection, attempts } => {
                let command = &reply.command;
                if command.action == Action::Delete && rejection.reason == Reason::NotFound {
                    in_flight.delete_found_nothing();
                }
                let (operation, target) = (Some(command.operation), command.target.as_ref());
                let context = LetterContext { operation, target, attempts, ..context };
                settle.reject(cargo.record, &rejection, context, in_flight).await
            }
        };
        (settled, cargo.entry)
    }

    /// Waits until the record is closed by a drain; for ever, if it is not.
    async fn closed(&self, stage: &Stage) {
        loop {
            let mut closing = pin!(self.closing.notified());
            // Before the look, so that nothing is closed unseen between the two.
            closing.as_mut().enable();
            if stage.is_closed() {
                return;
            }
            closing.await;
        }
    }
}

/// The next item, or never when the intake is closed. Cancel-safe: a stream keeps what it has begun.
async fn next<S: Stream>(intake: &mut Option<Pin<Box<S>>>) -> Option<S::Item> {
    match intake {
        Some(intake) => intake.next().await,
        None => std::future::pending().await,
    }
}
