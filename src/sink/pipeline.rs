//! The one place where the parts of the sink are joined: by the daemon, by the tests, and by the benchmark.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::{
    budget::Budget,
    dead_letters::DeadLetters,
    org::Org,
    rejection_log::RejectionLog,
    scheduler::{self, SchedulerLink, SchedulerParts},
    settle::Settle,
};
use crate::{
    config::OnRejection,
    ops::{health::Health, metrics::Metrics},
    runtime::{lease::Lease, stop::Stop},
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
    pub calls: scheduler::Settings,
    pub lease: Lease,
    pub health: Health,
    pub metrics: Metrics,
    pub stop: Stop,
}

/// The parts that all lanes share.
#[derive(Debug)]
pub struct Pipeline<O, D> {
    pub(super) org: Arc<O>,
    pub(super) settle: Settle<D>,
    pub(super) budget: Budget,
    pub(super) scheduler: SchedulerLink,
    pub(super) lease: Lease,
    pub(super) metrics: Metrics,
}

impl<O: Org, D: DeadLetters> Pipeline<O, D> {
    /// Starts the scheduler's task, which ends when the pipeline and its lanes are gone and its calls are done.
    pub fn start(parts: Parts<O, D>) -> (Arc<Self>, JoinHandle<()>) {
        let Parts { org, dead_letters, on_rejection, name, budget, calls, lease, health, metrics, stop } = parts;
        let settings = calls.of_core(budget.all(), budget.rows());
        let around = SchedulerParts {
            org: org.clone(),
            budget: budget.clone(),
            lease: lease.clone(),
            health,
            metrics: metrics.clone(),
            stop: stop.clone(),
        };
        let (scheduler, task) = scheduler::start(settings, around);
        let settle = Settle { name, dead_letters, on_rejection, log: RejectionLog::default(), stop };
        (Arc::new(Self { org, settle, budget, scheduler, lease, metrics }), task)
    }

    /// Writes the counts of rejections that were not logged one by one. To be called after the last lane has ended.
    pub fn flush_log(&self) {
        self.settle.log.flush();
    }
}
