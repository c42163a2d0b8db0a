//! The one place where the parts of the sink are joined: by the daemon, by the tests, and by the benchmark.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::{
    budget::Budget,
    dead_letters::DeadLetters,
    order::Cost,
    org::Org,
    rejection_log::RejectionLog,
    scheduler::{self, SchedulerLink, SchedulerParts},
    settle::Settle,
};
use crate::{
    config::OnRejection,
    ops::{health::Health, metrics::Metrics},
    runtime::{lease::Lease, stop::Stop},
    sink::route::Route,
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
    pub calls: scheduler::Settings,
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
    pub(super) budget: Budget,
    pub(super) scheduler: SchedulerLink,
    /// The share of the budget that the lanes of a route with a breaker may hold together.
    breaker_share: Cost,
    /// The budgets of routes with a breaker.
    budgets: Mutex<HashMap<Arc<str>, Budget>>,
    pub(super) lease: Lease,
    pub(super) metrics: Metrics,
}

impl<O: Org, D: DeadLetters> Pipeline<O, D> {
    /// Starts the scheduler's task, which ends when the pipeline and its lanes are gone and its calls are done.
    pub fn start(parts: Parts<O, D>) -> (Arc<Self>, JoinHandle<()>) {
        let Parts { org, dead_letters, on_rejection, name, budget, routes, calls, lease, health, metrics, stop } =
            parts;
        let shares = budget.shares(routes.all, routes.with_breaker);
        let settings = calls.of_core(shares.children, budget.rows());
        let around = SchedulerParts {
            org: org.clone(),
            lease: lease.clone(),
            health,
            metrics: metrics.clone(),
            stop: stop.clone(),
        };
        let (scheduler, task) = scheduler::start(settings, around);
        let settle = Settle { name, dead_letters, on_rejection, log: RejectionLog::default(), stop };
        let (breaker_share, budgets) = (shares.breaker, Mutex::default());
        (Arc::new(Self { org, settle, budget, scheduler, breaker_share, budgets, lease, metrics }), task)
    }

    /// The budget that the records of a route count in. One with a breaker has a share only, so that the others go on
    /// while it is open.
    pub(super) fn budget_of(&self, route: &Route) -> Budget {
        if route.breaker == 0 {
            return self.budget.clone();
        }
        let mut budgets = self.budgets.lock();
        budgets.entry(route.name.clone()).or_insert_with(|| self.budget.sub_budget(self.breaker_share)).clone()
    }

    /// Writes the counts of rejections that were not logged one by one. To be called after the last lane has ended.
    pub fn flush_log(&self) {
        self.settle.log.flush();
    }
}
