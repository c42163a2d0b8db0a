//! What the parts of the daemon do, beside the ledger: logins, repeats, commits, rebalances, look-ups.
//!
//! A label's values are a closed set, and each is there from the start, as 0: the first failure is an increase, too.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use strum::VariantArray as _;

use super::metrics::Metrics;

#[derive(Debug)]
pub(super) struct Counters {
    logins: LabelledCounter,
    repeated: LabelledCounter,
    commits: LabelledCounter,
    rebalances: LabelledCounter,
    lookups: LabelledCounter,
    calls: Gauge,
    letters: Gauge,
    identities: Gauge,
}

/// One counter for each value of a label.
#[derive(Debug)]
struct LabelledCounter {
    label: &'static str,
    family: Family<[(&'static str, &'static str); 1], Counter>,
}

/// One more of something, for as long as it lives.
#[derive(Debug)]
pub struct Counted(Gauge);

/// Why a row goes to the org again: its last verdict, which was no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Repeated {
    Retry,
    MissingParent,
    Alone,
    DeletedMeanwhile,
    WithoutFields,
    /// Rows of one call share the cause: in smaller calls.
    Transaction,
    /// The call as a whole was refused: in smaller calls.
    Refused,
    Parked,
    NotSent,
    NoLease,
    OrgUnavailable,
    SessionExpired,
    QuotaExhausted,
    Unknown,
    /// An open breaker keeps the row from being a dead letter.
    Breaker,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            logins: LabelledCounter::new("result", &["ok", "refused", "failed"]),
            repeated: LabelledCounter::new("verdict", &Repeated::VARIANTS.iter().map(Into::into).collect::<Vec<_>>()),
            commits: LabelledCounter::new("result", &["ok", "failed"]),
            rebalances: LabelledCounter::new("event", &["assigned", "revoked", "lost"]),
            lookups: LabelledCounter::new("result", &["hit", "miss"]),
            calls: Gauge::default(),
            letters: Gauge::default(),
            identities: Gauge::default(),
        }
    }
}

impl Counters {
    pub(super) fn register(&self, registry: &mut Registry) {
        for (name, help, counters) in [
            ("logins", "Logins to Salesforce, by result", &self.logins),
            ("rows_repeated", "Rows that go to the org again, by their last verdict", &self.repeated),
            ("commits", "Commits of offsets, by result", &self.commits),
            ("rebalances", "Changes of the assignment, by event", &self.rebalances),
            ("cache_lookups", "Look-ups in the cache of record ids, by result", &self.lookups),
        ] {
            registry.register(name, help, counters.family.clone());
        }
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
}

impl LabelledCounter {
    fn new(label: &'static str, values: &[&'static str]) -> Self {
        let this = Self { label, family: Family::default() };
        for value in values {
            drop(this.family.get_or_create(&[(label, *value)]));
        }
        this
    }

    fn add(&self, value: &'static str, count: usize) {
        debug_assert!(self.family.get(&[(self.label, value)]).is_some(), "{value} is no {}", self.label);
        self.family.get_or_create(&[(self.label, value)]).inc_by(count as u64);
    }
}

impl Metrics {
    /// `ok`, `refused` (a person must mend it) or `failed` (nobody answered, or not now).
    pub fn login(&self, result: &'static str) {
        self.counters().logins.add(result, 1);
    }

    /// A row whose verdict was no outcome.
    pub fn repeated(&self, verdict: Repeated) {
        self.counters().repeated.add(verdict.into(), 1);
    }

    pub fn committed(&self, ok: bool) {
        self.counters().commits.add(if ok { "ok" } else { "failed" }, 1);
    }

    /// `assigned`, `revoked` or `lost`.
    pub fn rebalanced(&self, event: &'static str) {
        self.counters().rebalances.add(event, 1);
    }

    /// In the cache of record ids.
    pub fn looked_up(&self, hits: usize, misses: usize) {
        let lookups = &self.counters().lookups;
        lookups.add("hit", hits);
        lookups.add("miss", misses);
    }

    pub fn call_in_flight(&self) -> Counted {
        Counted::new(&self.counters().calls)
    }

    /// Salesforce records with a change under way: the gate counts them.
    pub fn identities(&self) -> Gauge {
        self.counters().identities.clone()
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
