//! Calls that meet at the parents of their rows.

use serde_json::json;

use crate::harness::{Record, Seeded, TestBed, record};

const ROWS: usize = 240;

/// Children of three parents in turn, in calls of 20 rows, of which 4 run at once and lock the parents of their rows.
/// How many rows the org was sent until all were written.
async fn rows_sent(name: &str, by_id: bool, lock_parent: Option<&str>) -> u64 {
    let mut bed = TestBed::new(name).await;
    bed.config.set("pipeline.batch_rows", "20").set("salesforce.max_concurrent_requests", "4");
    if let Some(lock_parent) = lock_parent {
        bed.config.in_route("lock_parent", &format!("'{lock_parent}'"));
    }
    let mut parents = Vec::new();
    for key in ["a", "b", "c"] {
        let fields = json!({"Name": key, "ExternalId__c": key}).to_string();
        let id = Seeded(&bed.org).create("Account", &fields).await;
        parents.push(if by_id { json!({"Account__c": id}) } else { json!({"Account__r": {"ExternalId__c": key}}) });
    }
    bed.org.change_settings(json!({"parent_locks": true, "latency_ms": 50})).unwrap();
    let child = |row: usize| record(&*format!("key{row}"), parents[row % 3].to_string());
    let metrics = bed.run(&(0..ROWS).map(child).collect::<Vec<Record>>()).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (ROWS as u64, 0));
    bed.org.calls().rows_upsert
}

#[tokio::test(flavor = "multi_thread")]
async fn without_lock_parent_only_the_locked_rows_are_repeated() {
    let sent = rows_sent("unlocked", true, None).await;
    assert!(sent > ROWS as u64, "the calls have not met");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_one_parent_never_meet_each_other() {
    assert_eq!(rows_sent("lock-parent", true, Some("Account__c")).await, ROWS as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_one_parent_by_external_id_never_meet_each_other() {
    assert_eq!(rows_sent("lock-external", false, Some("Account__r.ExternalId__c")).await, ROWS as u64);
}
