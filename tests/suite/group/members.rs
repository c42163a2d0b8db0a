//! Members come and go while they work.

use sandbox::{Action, Fault, On};

use super::{Consumer, CooperativeSticky, Protocol, Range};
use crate::harness::{Daemon, OBJECT, Record, TestBed, exclusive, until, upsert};

const KEYS: usize = 60;
const ROUNDS: usize = 120;

/// Rounds of changes to the same keys, each key in one partition.
fn rounds(range: std::ops::Range<usize>) -> Vec<Record> {
    let one = |round, key| upsert(&format!("key{key}"), &format!("{round}")).partition((key % 6) as i32);
    range.flat_map(|round| (0..KEYS).map(move |key| one(round, key))).collect()
}

async fn share(daemon: &Daemon) -> u64 {
    daemon.metrics().await.read()
}

fn assert_each_key_saw(bed: &TestBed, rounds: usize) {
    assert_eq!(bed.org.records(OBJECT).len(), KEYS);
    for key in 0..KEYS {
        let seen: Vec<_> = bed.history(&format!("key{key}")).into_iter().map(|(_, text)| text.unwrap()).collect();
        let wanted: Vec<_> = (0..rounds).map(|round| round.to_string()).collect();
        assert_eq!(seen, wanted, "key{key}: each change once and in order, across the rebalances");
    }
}

/// Three members join one after the other, and two of them leave, while there is work for all.
async fn each_change_is_written_once_and_in_order(protocol: Protocol) {
    let _exclusive = exclusive().await;
    let mut bed = protocol.bed("members", 6).await;
    // On a busy machine a call takes long, and one that is given up is repeated.
    bed.config.set("pipeline.batch_rows", "20").set("salesforce.request_timeout", "'10s'");
    bed.fault(Fault::on(On::Upsert, Action::Latency { ms: 50 }).always());
    bed.produce(&rounds(0..ROUNDS)).await;
    let first = Daemon::start(&bed.config).await;
    until("the first to be at work", async || (bed.org.journal().len() > 100).then_some(())).await;
    let second = Daemon::start(&bed.config).await;
    until("the second to have its share", async || (share(&second).await > 0).then_some(())).await;
    let third = Daemon::start(&bed.config).await;
    until("the third to have its share", async || (share(&third).await > 0).then_some(())).await;
    second.stop().await;
    first.stop().await;
    assert!(bed.org.journal().len() < ROUNDS * KEYS, "all of it was under load");
    bed.org.clear_faults();
    until("all writes", async || (bed.org.journal().len() >= ROUNDS * KEYS).then_some(())).await;
    third.stop().await;
    assert_each_key_saw(&bed, ROUNDS);
    let committed = bed.broker.committed(&bed.group, &bed.topic, 6).await;
    assert_eq!(committed, [Some((ROUNDS * KEYS / 6) as i64); 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_written_once_and_in_order_with_cooperative_sticky() {
    each_change_is_written_once_and_in_order(CooperativeSticky).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_written_once_and_in_order_with_range() {
    each_change_is_written_once_and_in_order(Range).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_is_written_once_and_in_order_with_the_consumer_protocol() {
    each_change_is_written_once_and_in_order(Consumer).await;
}

async fn a_killed_member_is_replaced(protocol: Protocol) {
    let bed = protocol.bed("replaced", 6).await;
    let first = Daemon::start(&bed.config).await;
    let second = Daemon::start(&bed.config).await;
    let mut produced = 0;
    // Until both have had some, so that the kill takes partitions from a member that works.
    until("both to have a share", async || {
        bed.produce(&rounds(produced..produced + 1)).await;
        produced += 1;
        (share(&first).await > 0 && share(&second).await > 0).then_some(())
    })
    .await;
    second.kill().await;
    bed.produce(&rounds(produced..produced + 2)).await;
    let last = (produced + 1).to_string();
    let replaced = async || {
        (0..KEYS)
            .all(|key| bed.find(&format!("key{key}")).is_some_and(|f| f["Text__c"] == format!("{last:?}")))
            .then_some(())
    };
    until("the first to have all", replaced).await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_member_is_replaced_with_cooperative_sticky() {
    a_killed_member_is_replaced(CooperativeSticky).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_member_is_replaced_with_range() {
    a_killed_member_is_replaced(Range).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_member_is_replaced_with_the_consumer_protocol() {
    a_killed_member_is_replaced(Consumer).await;
}

/// As in rolling restarts with a new configuration.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_moves_to_the_consumer_protocol_and_back_while_it_works() {
    let _exclusive = exclusive().await;
    let mut bed = CooperativeSticky.bed("moves", 6).await;
    // On a busy machine a call takes long, and one that is given up is repeated.
    bed.config.set("pipeline.batch_rows", "20").set("salesforce.request_timeout", "'10s'");
    bed.fault(Fault::on(On::Upsert, Action::Latency { ms: 50 }).always());
    bed.produce(&rounds(0..ROUNDS)).await;
    let first = Daemon::start(&bed.config).await;
    until("the first to be at work", async || (bed.org.journal().len() > 100).then_some(())).await;
    let mut config = bed.config.clone();
    config.unset(r#"kafka.properties."partition.assignment.strategy""#);
    Consumer.choose(&mut config);
    let second = Daemon::start(&config).await;
    until("the second to have its share", async || (share(&second).await > 0).then_some(())).await;
    first.stop().await;
    let third = Daemon::start(&bed.config).await;
    until("the third to have its share", async || (share(&third).await > 0).then_some(())).await;
    second.stop().await;
    assert!(bed.org.journal().len() < ROUNDS * KEYS, "all of it was under load");
    bed.org.clear_faults();
    until("all writes", async || (bed.org.journal().len() >= ROUNDS * KEYS).then_some(())).await;
    third.stop().await;
    assert_each_key_saw(&bed, ROUNDS);
}
