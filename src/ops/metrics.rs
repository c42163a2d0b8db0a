//! Counters in Prometheus' form. The route label is the configured topic or glob, so that its values are few.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use parking_lot::Mutex;
use prometheus_client::{
    encoding::text::{encode, encode_registry},
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
        info::Info,
    },
    registry::{Registry, Unit},
};

pub use prometheus_client::metrics::gauge::Gauge;
use strum::VariantArray as _;

use super::{
    counters::Counters,
    daily_calls::DailyCalls,
    health::ClosedReason,
    lanes::Lanes,
    ledger::RouteStatus,
    open_transaction::OpenTransaction,
    process,
    route_metrics::{Labels, Routes},
    state::State,
    telemetry::LostLines,
};
pub use super::{
    counters::{Counted, Repeated},
    lanes::LaneGauge,
    ledger::Outcome,
    route_metrics::RouteMetrics,
};
use crate::record::{AssignmentChange, LoginResult, OrgAvailability};

/// All metrics of the daemon. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    process: Registry,
    counters: Counters,
    rejections: Family<Labels, Counter>,
    calls: Family<Labels, Counter>,
    schema_registry: Family<Labels, Counter>,
    rows: Family<Labels, Histogram>,
    duration: Family<Labels, Histogram>,
    record_duration: Family<Labels, Histogram>,
    org_state: Family<Labels, Gauge>,
    state: Family<Labels, Gauge>,
    consumer_lag: Family<Labels, Gauge>,
    offsets_lost: Family<Labels, Counter>,
    breakers: Family<Labels, Gauge>,
    closed: Family<Labels, Gauge>,
    stalled_rows: Family<Labels, Gauge>,
    barred: Family<Labels, Gauge>,
    deletes_not_found: Family<Labels, Counter>,
    quota_used: Gauge,
    quota_max: Gauge,
    oldest: Gauge<f64, AtomicU64>,
    partitions: Gauge,
    lanes: Lanes,
    routes: Arc<Routes>,
    open_transactions: Mutex<Vec<OpenTransaction>>,
}

impl Default for Inner {
    fn default() -> Self {
        fn rows() -> Histogram {
            Histogram::new([1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 150.0, 200.0])
        }
        fn seconds() -> Histogram {
            Histogram::new(exponential_buckets(0.005, 2.0, 14))
        }
        fn up_to_minutes() -> Histogram {
            Histogram::new(exponential_buckets(0.01, 4.0, 9))
        }
        let mut registry = Registry::with_prefix("sobjectd");
        let inner = Self {
            process: process::registry(),
            counters: Counters::default(),
            rejections: Family::default(),
            calls: Family::default(),
            schema_registry: Family::default(),
            rows: Family::new_with_constructor(rows as fn() -> Histogram),
            duration: Family::new_with_constructor(seconds as fn() -> Histogram),
            record_duration: Family::new_with_constructor(up_to_minutes as fn() -> Histogram),
            org_state: Family::default(),
            state: Family::default(),
            consumer_lag: Family::default(),
            offsets_lost: Family::default(),
            breakers: Family::default(),
            closed: Family::default(),
            stalled_rows: Family::default(),
            barred: Family::default(),
            deletes_not_found: Family::default(),
            quota_used: Gauge::default(),
            quota_max: Gauge::default(),
            oldest: Gauge::default(),
            partitions: Gauge::default(),
            lanes: Lanes::default(),
            routes: Arc::default(),
            open_transactions: Mutex::default(),
            registry: Registry::default(),
        };
        registry.register("build", "Version of this build", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        registry.register_collector(Box::new(inner.routes.clone()));
        registry.register_collector(Box::new(LostLines));
        registry.register("rejections", "Rejected records, by code", inner.rejections.clone());
        registry.register("calls", "Calls to Salesforce, by kind and status", inner.calls.clone());
        let asked = "Questions to the schema registry, by status";
        registry.register("schema_registry_requests", asked, inner.schema_registry.clone());
        registry.register("rows_per_call", "Rows of one write call", inner.rows.clone());
        registry.register_with_unit("call_duration", "From send to answer", Unit::Seconds, inner.duration.clone());
        registry.register("org_state", "1 for the state that the org is in", inner.org_state.clone());
        registry.register("state", "1 for the state that the daemon is in", inner.state.clone());
        registry.register("consumer_lag", "Records of a partition that are not settled", inner.consumer_lag.clone());
        let lost = "Records that were deleted before they were read";
        registry.register("offsets_lost", lost, inner.offsets_lost.clone());
        let open = "1 while the breaker of a route is open";
        registry.register("breaker_open", open, inner.breakers.clone());
        let closed =
            "1 for each SObject, operation and key field, or part of their records, that waits while others go on";
        registry.register("closed", closed, inner.closed.clone());
        let stalled = "Rows that count in the budget of what waits";
        registry.register("stalled_rows", stalled, inner.stalled_rows.clone());
        let barred = "1 while a route reads no further, since its rows that wait hold more than its share";
        registry.register("route_barred", barred, inner.barred.clone());
        let missed = "DELETEs that found no record";
        registry.register("deletes_not_found", missed, inner.deletes_not_found.clone());
        registry.register("quota_used_calls", "API calls of the org in 24 hours, as it says", inner.quota_used.clone());
        registry.register("quota_max_calls", "API calls that the org allows in 24 hours", inner.quota_max.clone());
        let oldest = "Age of the oldest record in flight";
        registry.register_with_unit("oldest_unsettled", oldest, Unit::Seconds, inner.oldest.clone());
        let took = "From the reading of a record to its outcome";
        registry.register_with_unit("record_duration", took, Unit::Seconds, inner.record_duration.clone());
        registry.register("assigned_partitions", "Partitions that this process reads", inner.partitions.clone());
        inner.counters.register(&mut registry);
        Self { registry, ..inner }
    }
}

impl Metrics {
    pub fn new() -> Self {
        let metrics = Self::default();
        metrics.org_state(OrgAvailability::Up);
        metrics.state(State::Starting);
        metrics
    }

    /// The ledger of a route; the same for the same name.
    pub fn route(&self, name: &Arc<str>) -> Arc<RouteMetrics> {
        let mut routes = self.0.routes.0.lock();
        if let Some(known) = routes.iter().find(|route| route.name == *name) {
            return known.clone();
        }
        let labels = vec![("route", name.to_string())];
        let route = Arc::new(RouteMetrics {
            name: name.clone(),
            ledger: Mutex::default(),
            rejections: self.0.rejections.clone(),
            duration: self.0.record_duration.get_or_create_owned(&labels),
            letters: self.counters().letters().clone(),
            breaker: self.0.breakers.get_or_create_owned(&labels),
            stalled: self.0.stalled_rows.get_or_create_owned(&labels),
            barred: self.0.barred.get_or_create_owned(&labels),
            deletes_not_found: self.0.deletes_not_found.get_or_create_owned(&labels),
        });
        routes.push(route.clone());
        route
    }

    /// Notes that something is closed, or not any more.
    pub fn closed(&self, reason: ClosedReason, what: &str, is_closed: bool) {
        let labels = vec![("what", what.to_owned()), ("reason", reason.word().to_owned())];
        if is_closed {
            self.0.closed.get_or_create_owned(&labels).set(1);
        } else {
            self.0.closed.remove(&labels);
        }
    }

    /// Records with this outcome, over all routes.
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.0.routes.0.lock().iter().map(|route| route.ledger.lock().settled(outcome)).sum()
    }

    pub fn track_lane(&self) -> LaneGauge {
        self.0.lanes.track()
    }

    /// A call that is over: `kind` as in `upsert` or `query`, `status` as in `200`, `unanswered` or `not_sent`.
    pub fn call(&self, kind: &'static str, status: &str, rows: usize, took: Duration) {
        let kind = ("kind", kind.to_owned());
        self.0.calls.get_or_create(&vec![kind.clone(), ("status", status.to_owned())]).inc();
        let kind = vec![kind];
        self.0.duration.get_or_create(&kind).observe(took.as_secs_f64());
        if rows > 0 {
            self.0.rows.get_or_create(&kind).observe(rows as f64);
        }
    }

    /// A question to the schema registry: `status` as in `200`, or `unanswered`.
    pub fn schema_registry_request(&self, status: &str) {
        self.0.schema_registry.get_or_create(&vec![("status", status.to_owned())]).inc();
    }

    pub fn org_state(&self, state: OrgAvailability) {
        let all: Vec<_> = OrgAvailability::all().map(OrgAvailability::label).collect();
        one_of(&self.0.org_state, "state", &all, state.label());
    }

    pub fn state(&self, state: State) {
        let all: Vec<&str> = State::VARIANTS.iter().map(Into::into).collect();
        one_of(&self.0.state, "state", &all, state.into());
    }

    /// Sets the lag of a partition; `None` when this process does not own it any more.
    pub fn consumer_lag(&self, topic: &str, partition: i32, records: Option<i64>) {
        let (lag, labels) = (&self.0.consumer_lag, of_partition(topic, partition));
        match records {
            Some(records) => {
                lag.get_or_create(&labels).set(records);
                // From the start, as 0.
                drop(self.0.offsets_lost.get_or_create(&labels));
            }
            None => {
                lag.remove(&labels);
            }
        }
    }

    pub fn offsets_lost(&self, topic: &str, partition: i32, records: u64) {
        self.0.offsets_lost.get_or_create(&of_partition(topic, partition)).inc_by(records);
    }

    pub fn quota(&self, used: u64, max: u64) {
        let value = |calls| i64::try_from(calls).unwrap_or(i64::MAX);
        self.0.quota_used.set(value(used));
        self.0.quota_max.set(value(max));
    }

    /// The age of the oldest record in flight; zero where there is none.
    pub fn oldest_unsettled(&self) -> Duration {
        self.0.lanes.oldest().map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// The ledgers of all routes, each as it was at one moment.
    pub fn routes(&self) -> Vec<RouteStatus> {
        self.0.routes.0.lock().iter().map(|route| route.ledger.lock().status(&route.name)).collect()
    }

    /// The org's API calls by its last answer; `None` before the first.
    pub fn daily_calls(&self) -> Option<DailyCalls> {
        let value = |gauge: &Gauge| u64::try_from(gauge.get()).unwrap_or_default();
        let calls = DailyCalls { used: value(&self.0.quota_used), max: value(&self.0.quota_max) };
        (calls.max > 0).then_some(calls)
    }

    /// Sets the open transactions that the status page shows.
    pub fn set_open_transactions(&self, open: Vec<OpenTransaction>) {
        *self.0.open_transactions.lock() = open;
    }

    pub fn open_transactions(&self) -> Vec<OpenTransaction> {
        self.0.open_transactions.lock().clone()
    }

    fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// Counts a login.
    pub fn login(&self, result: LoginResult) {
        self.counters().login(result);
    }

    /// Counts a row that goes to the org again.
    pub fn repeated(&self, why: Repeated) {
        self.counters().repeated(why);
    }

    /// Counts a commit of offsets.
    pub fn committed(&self, succeeded: bool) {
        self.counters().committed(succeeded);
    }

    /// Counts a change of the assignment, of at least one partition.
    pub fn rebalanced(&self, change: AssignmentChange) {
        self.counters().rebalanced(change);
    }

    /// Counts look-ups in the cache of record ids.
    pub fn looked_up(&self, hits: usize, misses: usize) {
        self.counters().looked_up(hits, misses);
    }

    /// Counts a call as in flight until the guard is dropped.
    pub fn call_in_flight(&self) -> Counted {
        self.counters().call_in_flight()
    }

    /// The number of Salesforce records with a change in flight; later changes of these wait.
    pub fn identities(&self) -> Gauge {
        self.counters().identities()
    }

    /// The text that Prometheus scrapes (`OpenMetrics` 1.0).
    pub fn render(&self) -> String {
        self.0.oldest.set(self.oldest_unsettled().as_secs_f64());
        self.0.partitions.set(i64::try_from(self.0.lanes.count()).unwrap_or(i64::MAX));
        let mut text = String::new();
        match encode_registry(&mut text, &self.0.process).and_then(|()| encode(&mut text, &self.0.registry)) {
            Ok(()) => text,
            // Writing into a string does not fail.
            Err(std::fmt::Error) => String::new(),
        }
    }
}

fn of_partition(topic: &str, partition: i32) -> Labels {
    vec![("topic", topic.to_owned()), ("partition", partition.to_string())]
}

fn one_of(family: &Family<Labels, Gauge>, label: &'static str, all: &[&'static str], current: &str) {
    for word in all {
        family.get_or_create(&vec![(label, (*word).to_owned())]).set(i64::from(*word == current));
    }
}
