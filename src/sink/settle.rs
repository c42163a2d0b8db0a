//! Makes outcomes durable. A record is settled when Salesforce has confirmed its row, or Kafka its dead letter, or the
//! configuration says that it is skipped; until then no later change of its identity is sent.

use std::sync::Arc;

use futures::FutureExt as _;
use tokio::time::Instant;
use tracing::{error, warn};

use super::{dead_letters::DeadLetters, rejection_log::RejectionLog};
use crate::{
    config::OnRejection,
    dead_letter::{LetterContext, Rejected},
    mutation::{self, Mutation},
    ops::metrics::{Outcome, RouteMetrics},
    record::{Reason, Record, Rejection},
    runtime::stop::Stop,
};

/// Settles records: rejections become dead letters.
#[derive(Debug)]
pub struct Settle<D> {
    /// The connector's name in the letters' headers.
    pub name: String,
    /// The dead letters; `None` without a topic for them.
    pub dead_letters: Option<D>,
    /// The reaction to a rejection without a dead-letter topic.
    pub on_rejection: OnRejection,
    pub log: RejectionLog,
    pub stop: Stop,
}

/// Counts one record as in flight: read, and without an outcome. Dropping it counts the record as dropped at a drain,
/// uncommitted.
#[derive(Debug)]
pub struct InFlightGuard {
    metrics: Arc<RouteMetrics>,
    opened: Instant,
    settled: bool,
}

/// Whether offsets may be committed past a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    Done,
    /// The record has to be read again.
    Failed,
}

impl InFlightGuard {
    pub fn open(metrics: &Arc<RouteMetrics>) -> Self {
        metrics.read();
        Self { metrics: metrics.clone(), opened: Instant::now(), settled: false }
    }

    /// A guard for a record that was counted as read when it was handed to the scheduler.
    pub(super) fn of_submitted(metrics: &Arc<RouteMetrics>, read: Instant) -> Self {
        Self { metrics: metrics.clone(), opened: read, settled: false }
    }

    /// Leaves the counting of the record to the scheduler. Returns when the record was read.
    pub(super) fn hand_over(mut self) -> Instant {
        self.settled = true;
        self.opened
    }

    /// The record to delete is not there, or is not shared with the daemon's user: the org says the same of both.
    pub fn delete_found_nothing(&self) {
        Self::count_found_nothing(&self.metrics);
    }

    pub(super) fn count_found_nothing(metrics: &RouteMetrics) {
        if metrics.delete_found_nothing() {
            warn!(
                event = "delete_found_nothing",
                route = metrics.name(),
                "a DELETE found no record: gone, or not shared with this user; later ones of the route are only counted"
            );
        }
    }

    pub fn close(mut self, outcome: Outcome) -> Settled {
        self.settled = true;
        self.metrics.settled(outcome, self.opened.elapsed());
        Settled::Done
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        if !self.settled {
            self.metrics.settled(Outcome::Dropped, self.opened.elapsed());
        }
    }
}

impl<D: DeadLetters> Settle<D> {
    /// Returns when the rejection is durable.
    pub async fn reject(
        &self,
        record: Record,
        rejection: &Rejection,
        context: LetterContext<'_>,
        in_flight: InFlightGuard,
    ) -> Settled {
        let position = record.position.clone();
        in_flight.metrics.rejected(rejection.code());
        self.log.rejected(&position, rejection);
        match (&self.dead_letters, self.on_rejection) {
            (Some(dead_letters), _) => {
                let context = LetterContext { connector: &self.name, ..context };
                let pending = in_flight.metrics.dead_letter_pending();
                let delivery = dead_letters.deliver(Rejected { record, rejection, context });
                if mutation::on(Mutation::Letters) {
                    drop(delivery.now_or_never());
                    return in_flight.close(Outcome::DeadLettered);
                }
                let delivered = delivery.await;
                drop(pending);
                match delivered {
                    Ok(()) => in_flight.close(Outcome::DeadLettered),
                    Err(error) => {
                        error!(event = "dead_letter_failed", %position, %error, "the dead-letter topic does not take a dead letter: the daemon stops");
                        self.stop.now(format!("{position}: {error}"));
                        Settled::Failed
                    }
                }
            }
            // The org may have made the record: that is not skipped in silence.
            (None, OnRejection::Skip) if rejection.reason != Reason::UnknownResult => in_flight.close(Outcome::Skipped),
            (None, _) => {
                self.stop.now(format!("{position}: rejected, and there is no dead-letter topic: {rejection}"));
                Settled::Failed
            }
        }
    }
}
