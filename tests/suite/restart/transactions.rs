//! Topics of transactional producers: what is in them takes more offsets than there are records to read.

use crate::harness::{Daemon, Record, TestBed, Transaction, until, upsert};

const LAG: &str = "sobjectd_consumer_lag";
const LOST: &str = "sobjectd_offsets_lost_total";

fn numbered(range: std::ops::Range<usize>) -> Vec<Record> {
    range.map(|n| upsert(&format!("key{n}"), &n.to_string()).partition(0)).collect()
}

async fn status(daemon: &Daemon) -> serde_json::Value {
    serde_json::from_str(&until("the status", async || daemon.page("/status").await).await.1).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_marker_of_a_transaction_is_not_taken_for_a_lost_record() {
    let bed = TestBed::new("tx-restart").await;
    Transaction::begin(bed.broker, &bed.topic, &numbered(0..1)).await.commit().await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(1).await;
    daemon.stop().await;
    assert_eq!(bed.committed().await, 2, "after the marker");
    // Retention empties a topic that is quiet for long.
    bed.broker.delete_before(&bed.topic, 0, 2).await;
    let daemon = Daemon::start(&bed.config).await;
    bed.produce(&numbered(1..2)).await;
    daemon.settled(1).await;
    daemon.stop().await;
    assert_eq!(bed.org.journal().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_transaction_at_the_end_is_not_counted_as_lost() {
    let mut bed = TestBed::new("tx-aborted").await;
    bed.config.set("kafka.on_lost_offsets", "'earliest'");
    bed.produce(&numbered(0..3)).await;
    Transaction::begin(bed.broker, &bed.topic, &numbered(3..13)).await.abort().await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(3).await;
    until("the commit after the marker", async || (bed.committed().await == 14).then_some(())).await;
    bed.broker.delete_before(&bed.topic, 0, 14).await;
    daemon.stop().await;

    let daemon = Daemon::start(&bed.config).await;
    bed.produce(&numbered(20..21)).await;
    let metrics = daemon.settled(1).await;
    assert_eq!(metrics.sum(LOST, &[]), 0);
    for event in ["offsets_lost", "low_watermark_unknown", "lane_failed"] {
        assert!(daemon.event(event).lines().is_empty(), "{event}");
    }
    daemon.stop().await;
    assert_eq!(bed.org.journal().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lag_of_a_transactional_topic_ends_at_zero() {
    let bed = TestBed::new("tx-lag").await;
    Transaction::begin(bed.broker, &bed.topic, &numbered(0..5)).await.commit().await;
    Transaction::begin(bed.broker, &bed.topic, &numbered(5..15)).await.abort().await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(5).await;
    let lag = async || {
        let metrics = daemon.metrics().await;
        (metrics.samples(LAG, &[]) == 1 && metrics.sum(LAG, &[]) == 0).then_some(())
    };
    until("no lag", lag).await;
    assert_eq!(bed.committed().await, 17);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_stays_open_is_named_and_counted_as_lag() {
    let bed = TestBed::new("tx-hanging").await;
    bed.produce(&numbered(0..1)).await;
    let open = Transaction::begin(bed.broker, &bed.topic, &numbered(1..2)).await;
    bed.produce(&numbered(2..8)).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(1).await;
    until("the lag", async || (daemon.metrics().await.sum(LAG, &[]) == 7).then_some(())).await;
    let shown = until("the open transaction", async || {
        status(&daemon).await["open_transactions"].as_array().unwrap().first().cloned()
    });
    let shown = shown.await;
    assert_eq!((&shown["topic"], &shown["partition"]), (&bed.topic.clone().into(), &0.into()));
    assert_eq!((&shown["offset"], &shown["records"]), (&1.into(), &7.into()));
    assert_eq!(status(&daemon).await["state"], "running", "all else goes on");

    open.abort().await;
    daemon.settled(7).await;
    until("no lag", async || (daemon.metrics().await.sum(LAG, &[]) == 0).then_some(())).await;
    let none = async || status(&daemon).await["open_transactions"].as_array().unwrap().is_empty().then_some(());
    until("no open transaction", none).await;
    daemon.stop().await;
    assert_eq!(bed.committed().await, 9, "its marker is the last");
}

/// Markers between the records, and after each: whatever the daemon is stopped at, nothing is left out.
#[tokio::test(flavor = "multi_thread")]
async fn no_record_is_skipped_between_markers() {
    let bed = TestBed::new("tx-between").await;
    for round in 0..4 {
        let daemon = Daemon::start(&bed.config).await;
        for n in 0..3 {
            let first = round * 100 + n * 10;
            Transaction::begin(bed.broker, &bed.topic, &numbered(first..first + 2)).await.commit().await;
            Transaction::begin(bed.broker, &bed.topic, &numbered(first + 5..first + 7)).await.abort().await;
        }
        daemon.settled(6).await;
        daemon.stop().await;
    }
    assert_eq!(bed.org.journal().len(), 24, "each committed record, once");
}
