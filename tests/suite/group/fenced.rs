//! A member that was away for longer than its session.

use super::{Consumer, CooperativeSticky, Protocol, Range};
use crate::harness::{Daemon, Record, until, upsert};

const KEYS: usize = 20;

fn round(round: usize) -> Vec<Record> {
    (0..KEYS).map(|key| upsert(&format!("key{key}"), &round.to_string()).partition((key % 4) as i32)).collect()
}

async fn it_gives_up_what_it_had(protocol: Protocol) {
    let bed = protocol.bed("fenced", 4).await;
    let has = |round: usize| {
        let wanted = format!("\"{round}\"");
        (0..KEYS).all(|key| bed.find(&format!("key{key}")).is_some_and(|fields| fields["Text__c"] == wanted))
    };
    let frozen = Daemon::start(&bed.config).await;
    bed.produce(&round(0)).await;
    frozen.settled(KEYS as u64).await;
    let other = Daemon::start(&bed.config).await;
    until("both to have a share", async || {
        (other.metrics().await.sum("sobjectd_rebalances_total", &[("event", "assigned")]) > 0).then_some(())
    })
    .await;
    frozen.signal("STOP");
    bed.produce(&round(1)).await;
    until("the other to have all", async || has(1).then_some(())).await;
    frozen.signal("CONT");
    until("it to learn of its loss", async || {
        (frozen.metrics().await.sum("sobjectd_rebalances_total", &[("event", "lost")]) > 0).then_some(())
    })
    .await;
    assert!(has(1), "it has written nothing that is over");
    // It takes part again.
    other.stop().await;
    bed.produce(&round(2)).await;
    until("all of the next", async || has(2).then_some(())).await;
    frozen.stop().await;
    let committed = bed.broker.committed(&bed.group, &bed.topic, 4).await;
    assert_eq!(committed, [Some(3 * KEYS as i64 / 4); 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_was_removed_gives_up_its_records_with_cooperative_sticky() {
    it_gives_up_what_it_had(CooperativeSticky).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_was_removed_gives_up_its_records_with_range() {
    it_gives_up_what_it_had(Range).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_was_removed_gives_up_its_records_with_the_consumer_protocol() {
    it_gives_up_what_it_had(Consumer).await;
}
