//! Where reading begins, and what becomes of lost offsets.

use super::{Consumer, CooperativeSticky, Protocol, Range};
use crate::harness::{Daemon, OBJECT, Record, side_by_side, until, upsert};

const ALL: [Protocol; 3] = [CooperativeSticky, Range, Consumer];

fn numbered(range: std::ops::Range<usize>) -> Vec<Record> {
    range.map(|n| upsert(&format!("key{n}"), &n.to_string()).partition(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_group_begins_where_the_configuration_says() {
    let starts = [("earliest", 2), ("latest", 1)];
    let cases = ALL.into_iter().flat_map(|protocol| starts.map(|(start, written)| (protocol, start, written)));
    side_by_side(cases, async |(protocol, start, written)| {
        let mut bed = protocol.bed(start, 1).await;
        bed.config.set("kafka.start", &format!("'{start}'"));
        bed.produce(&[upsert("before", "1")]).await;
        let daemon = Daemon::start(&bed.config).await;
        until("the first commit", async || bed.broker.committed(&bed.group, &bed.topic, 1).await[0]).await;
        bed.produce(&[upsert("after", "2")]).await;
        daemon.settled(written).await;
        daemon.stop().await;
        assert_eq!(bed.org.records(OBJECT).len() as u64, written, "{protocol:?}, {start}");
        assert_eq!(bed.committed().await, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_offsets_stop_the_daemon_and_are_named() {
    side_by_side(ALL, async |protocol| {
        let bed = protocol.bed("lost", 1).await;
        bed.run(&numbered(0..5)).await;
        bed.produce(&numbered(5..20)).await;
        bed.broker.delete_before(&bed.topic, 0, 12).await;
        let mut daemon = Daemon::spawn(&bed.config);
        assert_eq!(daemon.exit().await.code(), Some(1), "{protocol:?}");
        daemon.event("lane_failed").with("topic", &*bed.topic).mentions("5 to 11 were deleted").await;
        assert_eq!(bed.committed().await, 5, "the lost offsets are not skipped silently");
        assert_eq!(bed.org.journal().len(), 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_offsets_are_passed_where_that_is_configured() {
    side_by_side([CooperativeSticky, Consumer], async |protocol| {
        let mut bed = protocol.bed("passed", 2).await;
        bed.config.set("kafka.on_lost_offsets", "'earliest'");
        bed.run(&numbered(0..5)).await;
        bed.produce(&numbered(5..20)).await;
        bed.broker.delete_before(&bed.topic, 0, 12).await;
        let daemon = Daemon::start(&bed.config).await;
        daemon.event("offsets_lost").with("low", 12).mentions(&bed.topic).mentions("5 to 11 were deleted").await;
        let metrics = daemon.settled(8).await;
        assert_eq!(metrics.sum("sobjectd_offsets_lost_total", &[("topic", &bed.topic), ("partition", "0")]), 7);
        bed.produce(&numbered(20..25)).await;
        daemon.settled(13).await;
        daemon.stop().await;
        assert_eq!(bed.broker.committed(&bed.group, &bed.topic, 2).await, [Some(25), Some(0)], "{protocol:?}");
        assert_eq!(bed.org.journal().len(), 18, "each of those that were there, once");
    })
    .await;
}

/// It lets no partition go by itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_eager_assignor_passes_lost_offsets_at_the_next_start() {
    let mut bed = Range.bed("eager", 2).await;
    bed.config.set("kafka.on_lost_offsets", "'earliest'");
    bed.run(&numbered(0..5)).await;
    bed.produce(&numbered(5..20)).await;
    bed.broker.delete_before(&bed.topic, 0, 12).await;
    let mut daemon = Daemon::spawn(&bed.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    daemon.event("lost_offsets_not_passed").mentions("eager").await;
    assert_eq!(bed.broker.committed(&bed.group, &bed.topic, 2).await, [Some(12), Some(0)]);
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(8).await;
    daemon.stop().await;
    assert_eq!(bed.org.journal().len(), 13, "each of those that were there, once");
}
