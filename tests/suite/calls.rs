//! API calls are the currency: counted by the org itself.

use crate::harness::{Daemon, OBJECT, Record, Rig, alone, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn five_calls_for_a_thousand_upserts() {
    let _alone = alone().await;
    let mut rig = Rig::with_partitions("calls", 6).await;
    rig.config.unset("pipeline.linger");
    let records: Vec<Record> = (0..6000).map(|n| upsert(&format!("key{n}"), "x").partition(n % 6)).collect();
    rig.produce(&records).await;
    let daemon = Daemon::start(&rig.config).await;
    let metrics = daemon.settled(6000).await;
    let calls = rig.org.calls();
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
    assert_eq!(rig.org.records(OBJECT).len(), 6000);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_are_resolved_in_batches_and_remembered() {
    let rig = Rig::new("resolved").await;
    let keys = |op: &'static str| (0..400).map(move |n| upsert(&format!("key{n}"), op).operation(op));
    rig.run(&keys("UPSERT").collect::<Vec<_>>()).await;
    let before = rig.org.calls();
    rig.run(&keys("UPDATE").collect::<Vec<_>>()).await;
    let calls = rig.org.calls();
    assert!(calls.query - before.query <= 6, "a new process asks in batches: {calls:?}");

    rig.produce(&keys("UPDATE").chain(keys("UPDATE")).collect::<Vec<_>>()).await;
    let before = rig.org.calls();
    let daemon = Daemon::start(&rig.config).await;
    daemon.settled(800).await;
    daemon.stop().await;
    let calls = rig.org.calls();
    assert!(calls.query - before.query <= 6, "and asks once for each key: {calls:?}");
    assert_eq!(calls.row_calls, 0);
}
