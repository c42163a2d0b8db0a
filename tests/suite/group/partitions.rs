//! A topic that gets more partitions while it is read.

use super::{Consumer, CooperativeSticky, Protocol, Range};
use crate::harness::{Daemon, python, upsert};

async fn are_found(protocol: Protocol) {
    let mut rig = protocol.rig("more", 1).await;
    rig.config.set(r#"kafka.properties."topic.metadata.refresh.interval.ms""#, "500");
    let daemon = Daemon::start(&rig.config).await;
    for (partitions, value) in [(2, "1"), (3, "2")] {
        rig.broker.grow(&rig.topic, partitions).await;
        let last = i32::try_from(partitions).unwrap() - 1;
        let records = (0..=last).map(|partition| upsert(&format!("k{partition}"), value).partition(partition));
        python::produce(rig.broker, &rig.topic, &records.collect::<Vec<_>>()).await;
        daemon.settled(if partitions == 2 { 2 } else { 5 }).await;
    }
    daemon.stop().await;
    assert_eq!(rig.broker.committed(&rig.group, &rig.topic, 3).await, [Some(2), Some(2), Some(1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn are_found_by_cooperative_sticky() {
    are_found(CooperativeSticky).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn are_found_by_range() {
    are_found(Range).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn are_found_by_consumer() {
    are_found(Consumer).await;
}
