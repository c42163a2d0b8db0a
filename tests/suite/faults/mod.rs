//! Every verdict of the failure model, end to end, for upserts. The org is told to fail; the table of codes has its own
//! test beside it.

mod breaker;
mod cost;
mod locks;
mod org;
mod parents;
mod rows;
mod silent;
mod slow;
mod unknown;

use crate::harness::{Daemon, Metrics, Record, Rig, upsert};

/// Upserts of `key0`, `key1`, …
fn numbered(count: usize) -> Vec<Record> {
    (0..count).map(|n| upsert(&format!("key{n}"), &n.to_string())).collect()
}

/// Runs so many upserts through the faults that are scripted, and asserts that all of them are written.
async fn all_written(rig: &Rig, count: usize) -> Metrics {
    let metrics = rig.run(&numbered(count)).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (count as u64, 0));
    (0..count).for_each(|n| assert_eq!(rig.text(&format!("key{n}")), n.to_string()));
    metrics
}

/// The daemon with so many upserts before it.
async fn started(rig: &Rig, count: usize) -> Daemon {
    rig.produce(&numbered(count)).await;
    Daemon::start(&rig.config).await
}
