//! Counters of what the daemon does beside the ledger: logins, repeated rows, commits, rebalances, cache look-ups.
//!
//! The values of a label are the variants of an enum, and each is exported from the start, as 0, so that the first
//! failure is an increase, too.

use std::marker::PhantomData;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use strum::{IntoStaticStr, VariantArray};

use crate::record::{AssignmentChange, LoginResult};

#[derive(Debug)]
pub(super) struct Counters {
    logins: LabelledCounter<LoginResult>,
    repeated: LabelledCounter<Repeated>,
    commits: LabelledCounter<CommitResult>,
    rebalances: LabelledCounter<AssignmentChange>,
    lookups: LabelledCounter<Lookup>,
    calls: Gauge,
    letters: Gauge,
    identities: Gauge,
}

/// One counter for each value of a label.
#[derive(Debug)]
struct LabelledCounter<V> {
    label: &'static str,
    family: Family<[(&'static str, &'static str); 1], Counter>,
    value: PhantomData<V>,
}

/// A closed set of label values.
trait Label: Copy + Into<&'static str> + VariantArray {}

impl<V: Copy + Into<&'static str> + VariantArray> Label for V {}

/// A gauge that counts this until it is dropped.
#[derive(Debug)]
pub struct Counted(Gauge);

/// The reason why a row goes to the org again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Repeated {
    Retry,
    MissingParent,
    Alone,
    DeletedMeanwhile,
    WithoutFields,
    /// Rows of one call share the cause: they go in smaller calls.
    Transaction,
    /// The call as a whole was rejected: its rows go in smaller calls.
    CallRejected,
    Parked,
    /// The org has no room for new records.
    Storage,
    /// The SObject, action and key field are refused, and the row waits for them.
    PlaceRefused,
    NotSent,
    NoLease,
    OrgUnavailable,
    SessionExpired,
    QuotaExhausted,
    Unknown,
    /// An open breaker keeps the row from being a dead letter.
    Breaker,
}

/// The result of a commit of offsets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
enum CommitResult {
    Ok,
    Failed,
}

/// The result of a look-up in the cache of record ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
enum Lookup {
    Hit,
    Miss,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            logins: LabelledCounter::new("result"),
            repeated: LabelledCounter::new("reason"),
            commits: LabelledCounter::new("result"),
            rebalances: LabelledCounter::new("event"),
            lookups: LabelledCounter::new("result"),
            calls: Gauge::default(),
            letters: Gauge::default(),
            identities: Gauge::default(),
        }
    }
}

impl Counters {
    pub(super) fn register(&self, registry: &mut Registry) {
        let logins = self.logins.family.clone();
        registry.register("logins", "Logins to Salesforce, by result", logins);
        let repeated = self.repeated.family.clone();
        registry.register("rows_repeated", "Rows that go to the org again, by reason", repeated);
        let commits = self.commits.family.clone();
        registry.register("commits", "Commits of offsets, by result", commits);
        let rebalances = self.rebalances.family.clone();
        registry.register("rebalances", "Changes of the assignment, by event", rebalances);
        let lookups = self.lookups.family.clone();
        registry.register("cache_lookups", "Look-ups in the cache of record ids, by result", lookups);
        for (name, help, gauge) in [
            ("calls_in_flight", "Calls to Salesforce that are on the wire", &self.calls),
            ("dead_letters_pending", "Dead letters that the broker has not confirmed yet", &self.letters),
            ("identities_in_flight", "Salesforce records with a change under way", &self.identities),
        ] {
            registry.register(name, help, gauge.clone());
        }
    }

    pub(super) fn letters(&self) -> &Gauge {
        &self.letters
    }

    pub(super) fn login(&self, result: LoginResult) {
        self.logins.add(result, 1);
    }

    pub(super) fn repeated(&self, why: Repeated) {
        self.repeated.add(why, 1);
    }

    pub(super) fn committed(&self, succeeded: bool) {
        self.commits.add(if succeeded { CommitResult::Ok } else { CommitResult::Failed }, 1);
    }

    pub(super) fn rebalanced(&self, change: AssignmentChange) {
        self.rebalances.add(change, 1);
    }

    pub(super) fn looked_up(&self, hits: usize, misses: usize) {
        self.lookups.add(Lookup::Hit, hits);
        self.lookups.add(Lookup::Miss, misses);
    }

    pub(super) fn call_in_flight(&self) -> Counted {
        Counted::new(&self.calls)
    }

    pub(super) fn identities(&self) -> Gauge {
        self.identities.clone()
    }
}

impl<V: Label> LabelledCounter<V> {
    fn new(label: &'static str) -> Self {
        let this = Self { label, family: Family::default(), value: PhantomData };
        for value in V::VARIANTS {
            this.add(*value, 0);
        }
        this
    }

    fn add(&self, value: V, count: usize) {
        self.family.get_or_create(&[(self.label, value.into())]).inc_by(count as u64);
    }
}

impl Counted {
    pub(super) fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}
