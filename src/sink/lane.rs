//! One task for each assigned partition: records in, dead letters out.
//!
//! It takes a permit of the budget for each record, decodes and routes it, and hands over in one batch what is ready.
//! From then on the core has the record. The lane hears of dead letters, which it writes; of room in its FIFO; and of
//! the end of its drain.

use std::{
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

use futures::{FutureExt as _, Stream, StreamExt as _, poll, stream::FuturesUnordered};
use tokio::task::yield_now;
use tokio_util::sync::CancellationToken;

pub use super::order::Drained;
use super::{
    dead_letters::DeadLetters,
    intake::{AdmittedRecord, Intake},
    lane_error::LaneError,
    order::{Body, Decoded, Letter, LetterEnd, RowId},
    org::Org,
    pipeline::Pipeline,
    scheduler::{LaneConnection, MAX_AHEAD, PATIENCE, PendingLetter},
    settle::Settled,
};
use crate::{
    dead_letter::LetterContext,
    record::{Action, Reason, Record},
    runtime::progress::Progress,
    sink::route::{Delivery, Route},
};

/// The task of one assigned partition.
#[derive(Debug)]
pub struct Lane<O, D> {
    pipeline: Arc<Pipeline<O, D>>,
    route: Arc<Route>,
    draining: CancellationToken,
    progress: Arc<Progress>,
}

/// The most records that are handed over at once.
const MOST: usize = 256;

impl<O: Org, D: DeadLetters> Lane<O, D> {
    /// A lane for one partition of a topic of this route. It drains when `draining` is cancelled.
    pub fn new(
        pipeline: Arc<Pipeline<O, D>>,
        route: Arc<Route>,
        draining: CancellationToken,
        progress: Arc<Progress>,
    ) -> Self {
        Self { pipeline, route, draining, progress }
    }

    /// Runs until the lane is drained. If its source fails, or the org does not describe what it needs, it drains
    /// itself, and returns why.
    pub async fn run<E>(self, source: impl Stream<Item = Result<Record, E>> + Send) -> Result<Drained, LaneError<E>> {
        let Self { pipeline, route, draining, progress } = self;
        let most = MAX_AHEAD.saturating_add(pipeline.budget.rows());
        let metrics = pipeline.metrics.route(&route.name);
        let gauge = pipeline.metrics.track_lane();
        let opening = match route.delivery {
            Delivery::Rest => pipeline.scheduler.open(route.breaker, metrics.clone(), progress, gauge),
        };
        let end = Arc::new(opening.await);
        let intake = Intake {
            route: route.clone(),
            org: pipeline.org.clone(),
            budget: pipeline.budget.clone(),
            metrics,
            lane: end.clone(),
            admitted: 0,
            schema: None,
        };
        let mut reading = Some(Box::pin(read(intake, source, most)));
        let mut letters = FuturesUnordered::new();
        let mut failed = None;
        // Only once: a drain that had nothing to give up may still wait for its end.
        let stuck = async {
            draining.cancelled().await;
            stuck(&pipeline).await
        };
        let mut stuck = pin!(stuck.fuse());
        let mut has_given_up = false;
        loop {
            tokio::select! {
                biased;
                messages = end.messages() => {
                    for letter in messages.letters {
                        letters.push(write(pipeline.clone(), route.clone(), letter));
                    }
                    if messages.must_drain {
                        draining.cancel();
                    }
                    if let Some(drained) = messages.drained {
                        return failed.map_or(Ok(drained), Err);
                    }
                }
                Some((row, letter)) = letters.next() => end.settled(row, letter).await,
                () = draining.cancelled(), if reading.is_some() => {
                    reading = None;
                    end.drain().await;
                }
                why = &mut stuck, if !has_given_up => {
                    has_given_up = true;
                    end.stuck(why).await;
                }
                error = end_of(&mut reading) => {
                    failed = Some(error);
                    reading = None;
                    draining.cancel();
                    end.drain().await;
                }
            }
        }
    }
}

/// Reads records and hands over in one batch what is ready, until a record cannot be read.
async fn read<O: Org, E>(
    mut intake: Intake<O>,
    source: impl Stream<Item = Result<Record, E>>,
    most_in_flight: usize,
) -> LaneError<E> {
    let lane = intake.lane.clone();
    let mut source = pin!(source);
    let mut batch = Vec::new();
    loop {
        if batch.is_empty() {
            lane.room(most_in_flight).await;
        }
        let admitted = {
            let mut next = pin!(intake.next(&mut source));
            match poll!(next.as_mut()) {
                Poll::Ready(admitted) => admitted,
                // It may wait for what the batch holds of the budget.
                Poll::Pending => {
                    hand_over(&lane, &mut batch).await;
                    next.await
                }
            }
        };
        match admitted {
            Ok(record) => batch.push(record),
            Err(error) => {
                hand_over(&lane, &mut batch).await;
                return error;
            }
        }
        if batch.len() >= MOST {
            hand_over(&lane, &mut batch).await;
            // A source that is always ready must not keep the lane from its letters.
            yield_now().await;
        }
    }
}

async fn hand_over(lane: &LaneConnection, batch: &mut Vec<AdmittedRecord>) {
    if batch.is_empty() {
        return;
    }
    // Without a scheduler the daemon is stopping: the records are dropped, uncommitted.
    if let Some(handover) = lane.ready().await {
        handover.submit(batch.drain(..).map(|admitted| admitted.hand_over(lane)).collect());
    }
    batch.clear();
}

/// Writes a dead letter. The core keeps the identity until the letter is durable.
async fn write<O: Org, D: DeadLetters>(
    pipeline: Arc<Pipeline<O, D>>,
    route: Arc<Route>,
    letter: PendingLetter,
) -> (RowId, LetterEnd) {
    let PendingLetter { row, letter, in_flight } = letter;
    let Letter { body, rejection, attempts, .. } = *letter;
    let Body { record, decoded } = *body;
    let (operation, target) = match &decoded {
        Decoded::Command(command) => {
            if command.action == Action::Delete && rejection.reason == Reason::NotFound {
                in_flight.delete_found_nothing();
            }
            (Some(command.operation), command.target.as_ref())
        }
        Decoded::Rejected { operation, target } => (*operation, target.as_ref()),
    };
    let context = LetterContext { sobject: &route.sobject, operation, target, attempts, ..LetterContext::default() };
    let settled = pipeline.settle.reject(record, &rejection, context, in_flight).await;
    (row, if settled == Settled::Done { LetterEnd::Durable } else { LetterEnd::Failed })
}

/// Waits until a drain cannot make progress any more, and returns why.
async fn stuck<O: Org, D: DeadLetters>(pipeline: &Pipeline<O, D>) -> &'static str {
    tokio::select! {
        () = pipeline.org.wait_for_outage(PATIENCE) => "the org takes no calls",
        () = pipeline.lease.lapsed_for(PATIENCE) => "no commit succeeds",
    }
}

/// Waits for the end of the reading; without one, forever.
async fn end_of<F: Future>(reading: &mut Option<Pin<Box<F>>>) -> F::Output {
    match reading {
        Some(reading) => reading.await,
        None => std::future::pending().await,
    }
}
