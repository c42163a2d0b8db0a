use std::{sync::Arc, time::Duration};

use parking_lot::Mutex;
use prometheus_client::{
    collector::Collector,
    encoding::DescriptorEncoder,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
};

use super::{
    counters::Counted,
    ledger::{self, Ledger, Outcome},
};

/// Names and values of labels.
pub(super) type Labels = Vec<(&'static str, String)>;

/// The ledger of one route. At every scrape `read = written + dead-lettered + skipped + dropped + in flight`.
#[derive(Debug)]
pub struct RouteMetrics {
    pub(super) name: Arc<str>,
    pub(super) ledger: Mutex<Ledger>,
    pub(super) rejections: Family<Labels, Counter>,
    pub(super) duration: Histogram,
    pub(super) letters: Gauge,
    pub(super) breaker: Gauge,
    pub(super) stalled: Gauge,
    pub(super) barred: Gauge,
    pub(super) deletes_not_found: Counter,
}

impl RouteMetrics {
    /// Counts a record that was read.
    pub fn read(&self) {
        self.ledger.lock().read();
    }

    /// Counts a record's outcome, and how long it took since the record was read.
    pub fn settled(&self, outcome: Outcome, took: Duration) {
        self.ledger.lock().settle(outcome);
        if outcome != Outcome::Dropped {
            self.duration.observe(took.as_secs_f64());
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Counts a DELETE that found no record. Returns whether it is the first of the route.
    pub fn delete_found_nothing(&self) -> bool {
        self.deletes_not_found.inc() == 0
    }

    /// Counts a dead letter as pending until the guard is dropped.
    pub fn dead_letter_pending(&self) -> Counted {
        Counted::new(&self.letters)
    }

    /// Whether the route's breaker is open.
    pub fn breaker(&self, open: bool) {
        self.breaker.set(i64::from(open));
    }

    /// Shows the number of the route's rows in the budget of what waits, and whether the route reads no further since they
    /// hold more than its share.
    pub fn stalled(&self, rows: u32, is_above_share: bool) {
        self.stalled.set(rows.into());
        self.barred.set(i64::from(is_above_share));
    }

    /// Counts a rejection by its code: Salesforce's, or the name of a reason.
    pub fn rejected(&self, code: &str) {
        // An org may say anything; a label may not.
        let is_code = code.len() <= 80 && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let code = if is_code { code } else { "other" };
        self.rejections.get_or_create(&vec![("route", self.name.to_string()), ("code", code.to_owned())]).inc();
    }
}

/// All routes, for the scrape.
#[derive(Debug, Default)]
pub(super) struct Routes(pub(super) Mutex<Vec<Arc<RouteMetrics>>>);

impl Collector for Routes {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let ledger: Vec<_> =
            self.0.lock().iter().map(|route| (route.name.to_string(), route.ledger.lock().clone())).collect();
        ledger::encode(&ledger, encoder)
    }
}
