//! A topic that gets more partitions while it is read.

use super::{Consumer, CooperativeSticky, Protocol, Range};
use crate::harness::{Daemon, TestBed, exclusive, python, until, upsert};

async fn are_found(protocol: Protocol) {
    let mut bed = protocol.bed("more", 1).await;
    bed.config.set(r#"kafka.properties."topic.metadata.refresh.interval.ms""#, "500");
    let daemon = Daemon::start(&bed.config).await;
    // With range the growth itself revokes all partitions: a record that was read meanwhile is dropped, and read again.
    let written = async |count: u64| {
        let metrics = daemon.metrics().await;
        metrics.assert_all_accounted_for();
        (metrics.settled("written") == count && metrics.in_flight() == 0).then_some(())
    };
    for (partitions, value, count) in [(2, "1", 2), (3, "2", 5)] {
        bed.broker.grow(&bed.topic, partitions).await;
        let records = (0..partitions).map(|partition| upsert(&format!("k{partition}"), value).partition(partition));
        python::produce(bed.broker, &bed.topic, &records.collect::<Vec<_>>()).await;
        until(&format!("{count} written records"), async || written(count).await).await;
    }
    daemon.stop().await;
    assert_eq!(bed.broker.committed(&bed.group, &bed.topic, 3).await, [Some(2), Some(2), Some(1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_partitions_are_found_by_cooperative_sticky() {
    are_found(CooperativeSticky).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_partitions_are_found_by_range() {
    are_found(Range).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_partitions_are_found_by_consumer() {
    are_found(Consumer).await;
}

/// What librdkafka says of its questions shows how many there are.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_new_partitions_are_asked_for_together() {
    const MANY: i32 = 1_000;
    let _exclusive = exclusive().await;
    let mut bed = TestBed::with_partitions("thousand", MANY).await;
    bed.config
        .set("log.level", "'debug'")
        .set("kafka.properties.debug", "'topic'")
        .set("kafka.session_timeout", "'45s'");
    bed.produce(&[upsert("first", "1").partition(0), upsert("last", "2").partition(MANY - 1)]).await;
    let daemon = Daemon::start(&bed.config).await;
    let all = async || {
        let committed = bed.broker.committed(&bed.group, &bed.topic, MANY).await;
        committed.iter().all(Option::is_some).then_some(committed)
    };
    until("an offset of each", all).await;
    daemon.event("memory_bound").with("partitions", 1000).await;
    daemon.settled(2).await;
    let moved = async || all().await.filter(|committed| (committed[0], committed[999]) == (Some(1), Some(1)));
    let committed = until("the commits", moved).await;
    assert_eq!(committed[1], Some(0));
    let asked: Vec<_> = daemon.log().iter().filter(|line| line.contains("ListOffsetsRequest")).cloned().collect();
    assert!(asked.iter().any(|line| line.contains("and 1000 partition(s)")), "all in one question: {asked:?}");
    // One for the assignment, and some for the lag, which sees a part of them first.
    assert!(asked.len() < 100, "{} questions", asked.len());
    daemon.stop().await;
    bed.broker.remove(&bed.topic).await;
}
