//! The Kafka consumer's reports as metrics, health and the status page.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::{
    kafka::{self, ConsumerObserver, WaitGuard},
    ops::{
        health::{Dependency, Health},
        metrics::Metrics,
        status::OpenTransaction,
    },
    record::AssignmentChange,
};

/// Reports by the daemon's metrics and health.
#[derive(Debug)]
pub(super) struct ConsumerReports {
    pub(super) metrics: Metrics,
    pub(super) health: Health,
}

impl ConsumerObserver for ConsumerReports {
    fn rebalanced(&self, change: AssignmentChange) {
        self.metrics.rebalanced(change);
    }

    fn committed(&self, succeeded: bool) {
        self.metrics.committed(succeeded);
    }

    fn lag(&self, topic: &str, partition: i32, records: Option<i64>) {
        self.metrics.consumer_lag(topic, partition, records);
    }

    fn offsets_lost(&self, topic: &str, partition: i32, records: u64) {
        self.metrics.offsets_lost(topic, partition, records);
    }

    fn open_transactions(&self, open: Vec<kafka::OpenTransaction>) {
        self.metrics.set_open_transactions(open.into_iter().map(status_of).collect());
    }

    fn waiting(&self, why: &str) -> WaitGuard {
        WaitGuard::new(self.health.wait(Dependency::Kafka, why))
    }
}

fn status_of(open: kafka::OpenTransaction) -> OpenTransaction {
    let kafka::OpenTransaction { topic, partition, offset, records, since } = open;
    OpenTransaction { topic, partition, offset, records, since: in_whole_seconds(since) }
}

/// The status page shows no fractions of seconds.
fn in_whole_seconds(time: SystemTime) -> SystemTime {
    let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since_epoch.as_secs())
}
