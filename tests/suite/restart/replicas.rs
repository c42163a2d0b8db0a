//! Two replicas share six partitions.

use serde_json::json;

use crate::harness::{Daemon, OBJECT, Record, Rig, alone, until, upsert};

const KEYS: usize = 60;

/// Rounds of changes to the same keys, each key in one partition.
fn rounds(range: std::ops::Range<usize>) -> Vec<Record> {
    let one = |round, key| upsert(&format!("key{key}"), &format!("{round}")).partition((key % 6) as i32);
    range.flat_map(|round| (0..KEYS).map(move |key| one(round, key))).collect()
}

async fn share(daemon: &Daemon) -> u64 {
    daemon.metrics().await.read()
}

fn assert_each_key_saw(rig: &Rig, rounds: usize) {
    assert_eq!(rig.org.records(OBJECT).len(), KEYS);
    for key in 0..KEYS {
        let seen: Vec<_> = rig.history(&format!("key{key}")).into_iter().map(|(_, text)| text.unwrap()).collect();
        let wanted: Vec<_> = (0..rounds).map(|round| round.to_string()).collect();
        assert_eq!(seen, wanted, "key{key}: each change once and in order, across the rebalance");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_replica_takes_its_share_and_gives_it_back() {
    let _alone = alone().await;
    let mut rig = Rig::with_partitions("replicas", 6).await;
    rig.config.set("pipeline.batch_rows", "20");
    rig.fault("upsert", json!({"kind": "latency", "ms": 30}), json!({"times": null}));
    rig.produce(&rounds(0..20)).await;
    let first = Daemon::start(&rig.config).await;
    until("the first to be at work", async || (rig.org.journal().len() > 100).then_some(())).await;
    let second = Daemon::start(&rig.config).await;
    rig.produce(&rounds(20..40)).await;
    until("the second to have its share", async || (share(&second).await > 0).then_some(())).await;
    until("all writes", async || (rig.org.journal().len() >= 40 * KEYS).then_some(())).await;
    assert!(share(&first).await > 0);
    second.stop().await;

    rig.produce(&rounds(40..45)).await;
    until("the first to have all again", async || (rig.org.journal().len() >= 45 * KEYS).then_some(())).await;
    first.stop().await;
    assert_each_key_saw(&rig, 45);
    let committed = rig.broker.committed(&rig.group, &rig.topic, 6).await;
    assert_eq!(committed, [Some(45 * KEYS as i64 / 6); 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_replica_is_replaced() {
    let _alone = alone().await;
    let rig = Rig::with_partitions("replaced", 6).await;
    let first = Daemon::start(&rig.config).await;
    let second = Daemon::start(&rig.config).await;
    let mut produced = 0;
    // Until both have had some, so that the kill takes partitions from somebody.
    until("both to have a share", async || {
        rig.produce(&rounds(produced..produced + 1)).await;
        produced += 1;
        (share(&first).await > 0 && share(&second).await > 0).then_some(())
    })
    .await;
    second.kill().await;
    rig.produce(&rounds(produced..produced + 2)).await;
    let last = (produced + 1).to_string();
    let replaced = async || {
        (0..KEYS)
            .all(|key| rig.find(&format!("key{key}")).is_some_and(|f| f["Text__c"] == format!("{last:?}")))
            .then_some(())
    };
    until("the first to have all", replaced).await;
    first.stop().await;
}
