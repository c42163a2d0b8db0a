use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::{
    encoding::{DescriptorEncoder, EncodeMetric as _},
    metrics::{MetricType, counter::ConstCounter, gauge::ConstGauge},
    registry::Unit,
};

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// The way in which a record left the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Outcome {
    Written,
    DeadLettered,
    Skipped,
    /// Abandoned by a drain and not committed: it will be read again.
    Dropped,
}

/// The ledger of one route as the status shows it: `read = written + dead_lettered + skipped + dropped + in_flight`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteStatus {
    pub route: String,
    pub read: u64,
    pub written: u64,
    pub dead_lettered: u64,
    pub skipped: u64,
    pub dropped: u64,
    pub in_flight: i64,
}

/// Counts of one route that change together.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger {
    read: u64,
    settled: [u64; 4],
    /// Records in flight, counted by themselves, so that the equation can fail.
    in_flight: i64,
    last_written: Option<SystemTime>,
}

impl Ledger {
    pub(super) fn read(&mut self) {
        self.read += 1;
        self.in_flight += 1;
    }

    pub(super) fn settle(&mut self, outcome: Outcome) {
        self.settled[outcome as usize] += 1;
        self.in_flight -= 1;
        if outcome == Outcome::Written {
            self.last_written = Some(SystemTime::now());
        }
    }

    pub(super) fn settled(&self, outcome: Outcome) -> u64 {
        self.settled[outcome as usize]
    }

    pub(super) fn status(&self, route: &str) -> RouteStatus {
        RouteStatus {
            route: route.to_owned(),
            read: self.read,
            written: self.settled(Outcome::Written),
            dead_lettered: self.settled(Outcome::DeadLettered),
            skipped: self.settled(Outcome::Skipped),
            dropped: self.settled(Outcome::Dropped),
            in_flight: self.in_flight,
        }
    }
}

/// Writes the ledgers of all routes, each as it was at one moment.
pub(super) fn encode(ledgers: &[(String, Ledger)], mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
    let help = "Records read from Kafka";
    let mut read = encoder.encode_descriptor("records_read", help, None, MetricType::Counter)?;
    for (route, ledger) in ledgers {
        ConstCounter::new(ledger.read).encode(read.encode_family(&[("route", route.as_str())])?)?;
    }
    let help = "Records that left the daemon, by outcome";
    let mut settled = encoder.encode_descriptor("records_settled", help, None, MetricType::Counter)?;
    for (route, ledger) in ledgers {
        for outcome in Outcome::VARIANTS {
            let labels = [("route", route.as_str()), ("outcome", outcome.into())];
            ConstCounter::new(ledger.settled(*outcome)).encode(settled.encode_family(&labels)?)?;
        }
    }
    let help = "Records read and not yet settled";
    let mut in_flight = encoder.encode_descriptor("records_in_flight", help, None, MetricType::Gauge)?;
    for (route, ledger) in ledgers {
        ConstGauge::new(ledger.in_flight).encode(in_flight.encode_family(&[("route", route.as_str())])?)?;
    }
    let help = "When a record was last written, since 1970";
    let mut last =
        encoder.encode_descriptor("last_written_timestamp", help, Some(&Unit::Seconds), MetricType::Gauge)?;
    for (route, ledger) in ledgers {
        if let Some(since) = ledger.last_written.and_then(|at| at.duration_since(UNIX_EPOCH).ok()) {
            ConstGauge::new(since.as_secs_f64()).encode(last.encode_family(&[("route", route.as_str())])?)?;
        }
    }
    Ok(())
}
