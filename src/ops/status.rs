//! The report that `/status` of the admin listener gives, and `sobjectd status` prints.

use std::{fmt, time::SystemTime};

use serde::{Deserialize, Serialize};

pub use super::{daily_calls::DailyCalls, ledger::RouteStatus, open_transaction::OpenTransaction};
use super::{
    health::{Health, Since, Snapshot},
    metrics::Metrics,
};

/// One daemon at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The configured name.
    pub name: String,
    pub version: String,
    #[serde(with = "humantime_serde")]
    pub started: SystemTime,
    #[serde(flatten)]
    pub health: Snapshot,
    pub routes: Vec<RouteStatus>,
    /// The age of the oldest record in flight, in seconds.
    pub oldest_unsettled_seconds: f64,
    /// The open transactions whose end reading waits for.
    #[serde(default)]
    pub open_transactions: Vec<OpenTransaction>,
    /// The org's API calls, by its last answer.
    pub daily_api_calls: Option<DailyCalls>,
}

/// Makes a [`Status`] of what is known at that moment.
#[derive(Debug, Clone)]
pub struct StatusProvider {
    pub name: String,
    pub started: SystemTime,
    pub health: Health,
    pub metrics: Metrics,
}

impl StatusProvider {
    pub fn status(&self) -> Status {
        Status {
            name: self.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started,
            health: self.health.snapshot(),
            routes: self.metrics.routes(),
            oldest_unsettled_seconds: self.metrics.oldest_unsettled().as_secs_f64(),
            open_transactions: self.metrics.open_transactions(),
            daily_api_calls: self.metrics.daily_calls(),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} (sobjectd {})", self.name, self.version)?;
        writeln!(f, "{}", self.health)?;
        if let Some(DailyCalls { used, max }) = self.daily_api_calls {
            writeln!(f, "{used} of the org's {max} daily API calls are used")?;
        }
        if self.oldest_unsettled_seconds > 0.0 {
            writeln!(f, "the oldest record in flight is {:.1} s old", self.oldest_unsettled_seconds)?;
        }
        for OpenTransaction { topic, partition, offset, records, since } in &self.open_transactions {
            write!(f, "{topic}[{partition}] waits for the end of a transaction that a producer keeps open ")?;
            writeln!(f, "{}: the {records} offsets from {offset} on cannot be read", Since(*since))?;
        }
        let width = self.routes.iter().map(|route| route.route.chars().count()).max().unwrap_or(0).max(5);
        let heads = ["read", "written", "dead letters", "skipped", "dropped", "in flight"];
        write!(f, "\n{:<width$}", "route")?;
        heads.iter().try_for_each(|head| write!(f, "  {head:>12}"))?;
        for route in &self.routes {
            write!(f, "\n{:<width$}", route.route)?;
            let counts = [route.read, route.written, route.dead_lettered, route.skipped, route.dropped];
            counts.iter().try_for_each(|count| write!(f, "  {count:>12}"))?;
            write!(f, "  {:>12}", route.in_flight)?;
        }
        Ok(())
    }
}
