//! One task for each assigned partition: records in, dead letters out.
//!
//! It takes a permit of the budget for each record, decodes and routes it, and hands over in one batch what is ready.
//! From then on the core has the record. The lane hears of dead letters, which it writes; of room in its FIFO; and of
//! the end of its drain.

use std::{
    pin::{Pin, pin},
    sync::Arc,
};

use futures::{FutureExt as _, Stream, StreamExt as _, stream::FuturesUnordered};
use tokio_util::sync::CancellationToken;

pub use super::order::Drained;
use super::{
    dead_letters::DeadLetters,
    intake::{AdmittedRecord, Decision, Intake, RejectedRecord},
    lane_error::LaneError,
    order::{Asks, Body, Letter, LetterEnd, RowId, Submission, What},
    org::Org,
    pipeline::Pipeline,
    scheduler::{LaneEnd, MAX_AHEAD, PATIENCE, PendingLetter},
    settle::Settled,
};
use crate::{
    dead_letter::LetterContext,
    record::{Action, Reason, Record},
    runtime::progress::Progress,
    sink::route::Route,
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
        let budget = pipeline.budget_of(&route);
        let opening = pipeline.scheduler.open(route.breaker, metrics.clone(), progress, gauge, budget.clone());
        let end = Arc::new(opening.await);
        let intake = Intake {
            route: route.clone(),
            org: pipeline.org.clone(),
            budget,
            metrics,
            lane: end.clone(),
            admitted: 0,
            schema: None,
        };
        let mut intake = Some(Box::pin(intake.admitted(source).ready_chunks(MOST)));
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
                news = end.news() => {
                    for letter in news.letters {
                        letters.push(write(pipeline.clone(), route.clone(), letter));
                    }
                    if news.is_told {
                        draining.cancel();
                    }
                    if let Some(drained) = news.drained {
                        return failed.map_or(Ok(drained), Err);
                    }
                }
                Some((row, letter)) = letters.next() => end.settled(row, letter).await,
                () = draining.cancelled(), if intake.is_some() => {
                    intake = None;
                    end.drain().await;
                }
                why = &mut stuck, if !has_given_up => {
                    has_given_up = true;
                    end.stuck(why).await;
                }
                chunk = next(&mut intake), if end.in_flight() < most => {
                    let ended = submit(&end, chunk.unwrap_or_else(|| vec![Err(LaneError::Ended)])).await;
                    if let Err(error) = ended {
                        failed = Some(error);
                        draining.cancel();
                    }
                }
            }
        }
    }
}

/// Hands over the records of a chunk up to the first one that could not be read.
async fn submit<E>(end: &LaneEnd, chunk: Vec<Result<AdmittedRecord, LaneError<E>>>) -> Result<(), LaneError<E>> {
    // Without a scheduler the daemon is stopping: the records are dropped, uncommitted.
    let Some(handover) = end.ready().await else { return Ok(()) };
    let mut rows = Vec::with_capacity(chunk.len());
    let mut failed = None;
    for admitted in chunk {
        match admitted {
            Ok(admitted) => rows.push(submission(end, admitted)),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    if !rows.is_empty() {
        handover.submit(rows);
    }
    failed.map_or(Ok(()), Err)
}

fn submission(end: &LaneEnd, admitted: AdmittedRecord) -> Submission {
    let AdmittedRecord { record, permit, in_flight, decision } = admitted;
    let offset = record.position.offset;
    let (asks, what) = match decision {
        Decision::Send(command) => {
            let identity = command.target.as_ref().map(|target| target.gate_key(&command.sobject.name));
            let identity = identity.map(|key| end.hash(&key));
            let parent = command.parent.as_ref().map(|key| end.hash(key));
            (Asks::Command(command), What::Write { identity, parent })
        }
        Decision::Reject(RejectedRecord { rejection, operation, target }) => {
            (Asks::Nothing { operation, target }, What::Reject(rejection))
        }
    };
    let read = end.moment(in_flight.hand_over());
    Submission { offset, read, units: permit.hand_over(), body: Box::new(Body { record, asks }), what }
}

/// Writes a dead letter. The core keeps the identity until the letter is durable.
async fn write<O: Org, D: DeadLetters>(
    pipeline: Arc<Pipeline<O, D>>,
    route: Arc<Route>,
    letter: PendingLetter,
) -> (RowId, LetterEnd) {
    let PendingLetter { row, letter, in_flight } = letter;
    let Letter { body, rejection, attempts, .. } = *letter;
    let Body { record, asks } = *body;
    let (operation, target) = match &asks {
        Asks::Command(command) => {
            if command.action == Action::Delete && rejection.reason == Reason::NotFound {
                in_flight.delete_found_nothing();
            }
            (Some(command.operation), command.target.as_ref())
        }
        Asks::Nothing { operation, target } => (*operation, target.as_ref()),
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

/// The next item, or never when the intake is closed. Cancel-safe: a stream keeps what it has begun.
async fn next<S: Stream>(intake: &mut Option<Pin<Box<S>>>) -> Option<S::Item> {
    match intake {
        Some(intake) => intake.next().await,
        None => std::future::pending().await,
    }
}
