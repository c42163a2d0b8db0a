//! API calls are the currency: counted by the org itself.

use crate::harness::{Daemon, OBJECT, Record, TestBed, exclusive, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn five_calls_for_a_thousand_upserts() {
    let _exclusive = exclusive().await;
    let mut bed = TestBed::with_partitions("calls", 6).await;
    bed.config.unset("pipeline.linger");
    let records: Vec<Record> = (0..6000).map(|n| upsert(&format!("key{n}"), "x").partition(n % 6)).collect();
    bed.produce(&records).await;
    let daemon = Daemon::start(&bed.config).await;
    let metrics = daemon.settled(6000).await;
    let calls = bed.org.calls();
    let all =
        calls.describe + calls.query + calls.resources + calls.create + calls.update + calls.upsert + calls.delete;
    assert!(all * 1000 <= 5 * 6000 + 1000, "{calls:?}: one describe, and 5 calls for each 1,000 rows");
    assert_eq!((calls.row_calls, calls.read, calls.other, calls.rows_upsert), (0, 0, 0, 6000));
    assert!(calls.max_concurrent <= 4, "{calls:?}");
    assert_eq!((calls.login, calls.unauthorized), (1, 0));
    assert_eq!(
        metrics.sum("sobjectd_calls_total", &[]),
        all + calls.login + calls.versions,
        "the daemon counts the same"
    );
    daemon.stop().await;
    assert_eq!(bed.org.records(OBJECT).len(), 6000);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_resolved_in_batches_and_remembered() {
    let bed = TestBed::new("resolved").await;
    let keys = |op: &'static str| (0..400).map(move |n| upsert(&format!("key{n}"), op).operation(op));
    bed.run(&keys("UPSERT").collect::<Vec<_>>()).await;
    let before = bed.org.calls();
    bed.run(&keys("UPDATE").collect::<Vec<_>>()).await;
    let calls = bed.org.calls();
    assert!(calls.query - before.query <= 6, "a new process asks in batches: {calls:?}");

    bed.produce(&keys("UPDATE").chain(keys("UPDATE")).collect::<Vec<_>>()).await;
    let before = bed.org.calls();
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(800).await;
    daemon.stop().await;
    let calls = bed.org.calls();
    assert!(calls.query - before.query <= 6, "and asks once for each key: {calls:?}");
    assert_eq!(calls.row_calls, 0);
}
