//! Every verdict of the failure model, end to end, for upserts. The org is told to fail; the table of codes has its own
//! test beside it.

mod breaker;
mod cost;
mod locks;
mod org;
mod parents;
mod places;
mod rows;
mod silent;
mod slow;
mod unknown;

use crate::harness::{Daemon, Metrics, Record, TestBed, upsert};

/// Upserts of `key0`, `key1`, …
fn numbered(count: usize) -> Vec<Record> {
    (0..count).map(|n| upsert(&format!("key{n}"), &n.to_string())).collect()
}

/// Runs `count` upserts through the faults that are scripted, and asserts that all of them are written.
async fn all_written(bed: &TestBed, count: usize) -> Metrics {
    let metrics = bed.run(&numbered(count)).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (count as u64, 0));
    (0..count).for_each(|n| assert_eq!(bed.text(&format!("key{n}")), n.to_string()));
    metrics
}

/// Produces `count` upserts and starts the daemon.
async fn started(bed: &TestBed, count: usize) -> Daemon {
    bed.produce(&numbered(count)).await;
    Daemon::start(&bed.config).await
}
