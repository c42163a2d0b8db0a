//! The one place where the parts of the sink are joined: by the daemon, by the tests, and by the benchmark.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinHandle;

use super::{
    batcher::{self, Batcher},
    breaker::Breakers,
    budget::Budget,
    dead_letters::DeadLetters,
    gate::Gate,
    org::Org,
    rejection_log::RejectionLog,
    settle::Settle,
};
use crate::{
    config::OnRejection,
    mutation::{self, Mutation},
    ops::{health::Health, metrics::Metrics},
    runtime::{backoff::Backoff, lease::Lease, stop::Stop},
};

/// The parts that a pipeline is made of.
#[derive(Debug)]
pub struct Parts<O, D> {
    pub org: Arc<O>,
    /// The dead letters; `None` without a topic for them.
    pub dead_letters: Option<D>,
    /// The reaction to a rejection without a dead-letter topic.
    pub on_rejection: OnRejection,
    /// The connector's name in the headers of dead letters.
    pub name: String,
    /// Rows and bytes that may be between Kafka and their outcome.
    pub budget: Budget,
    pub routes: RouteCounts,
    pub batcher: batcher::Settings,
    pub lease: Lease,
    pub health: Health,
    pub metrics: Metrics,
    pub stop: Stop,
}

/// The numbers of routes that share the budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteCounts {
    pub all: usize,
    pub with_breaker: usize,
}

/// The parts that all lanes share.
#[derive(Debug)]
pub struct Pipeline<O, D> {
    pub(super) org: Arc<O>,
    pub(super) settle: Settle<D>,
    pub(super) gate: Gate,
    pub(super) budget: Budget,
    pub(super) breakers: Breakers,
    pub(super) batcher: Batcher,
    pub(super) lease: Lease,
    pub(super) metrics: Metrics,
}

impl<O: Org, D: DeadLetters> Pipeline<O, D> {
    /// Starts the batcher's task, which ends when the pipeline and its lanes are gone and its calls are done.
    pub fn start(parts: Parts<O, D>) -> (Arc<Self>, JoinHandle<()>) {
        let Parts { org, dead_letters, on_rejection, name, budget, routes, batcher, lease, health, metrics, stop } =
            parts;
        // As a bug on request: a call of unknown result is repeated at once.
        let unknown_hold = if mutation::on(Mutation::Hold) { Duration::ZERO } else { batcher.unknown_hold };
        let batcher = batcher::Settings { unknown_hold, ..batcher };
        let shares = budget.shares(routes.all, routes.with_breaker);
        let breakers = Breakers::new(Backoff::of(&batcher.retry), health.clone(), budget.clone(), shares.breaker);
        let (batcher, task) =
            Batcher::start(org.clone(), batcher, shares.children, health, lease.clone(), metrics.clone(), stop.clone());
        let settle = Settle { name, dead_letters, on_rejection, log: RejectionLog::default(), stop };
        let gate = Gate::new(metrics.identities());
        (Arc::new(Self { org, settle, gate, budget, breakers, batcher, lease, metrics }), task)
    }

    /// Writes the counts of rejections that were not logged one by one. To be called after the last lane has ended.
    pub fn flush_log(&self) {
        self.settle.log.flush();
    }
}
