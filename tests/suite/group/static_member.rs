//! Static membership with the consumer protocol.

use super::Consumer;
use crate::harness::{Daemon, until, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_static_member_takes_its_partitions_back_and_no_other_rebalances() {
    let bed = Consumer.bed("static", 4).await;
    let named = |name: &str| {
        let mut config = bed.config.clone();
        config.set("kafka.group_instance_id", &format!("'{name}'"));
        config
    };
    let assigned =
        async |daemon: &Daemon| daemon.metrics().await.sum("sobjectd_rebalances_total", &[("event", "assigned")]);
    let stays = Daemon::start(&named("stays")).await;
    let restarts = Daemon::start(&named("restarts")).await;
    until("both to have a share", async || (assigned(&restarts).await > 0).then_some(())).await;
    let before = stays.metrics().await.sum("sobjectd_rebalances_total", &[]);
    restarts.stop().await;
    let again = Daemon::start(&named("restarts")).await;
    until("its share", async || (assigned(&again).await > 0).then_some(())).await;
    let records: Vec<_> = (0..8).map(|n| upsert(&format!("key{n}"), "x").partition(n % 4)).collect();
    bed.produce(&records).await;
    until("all writes", async || (bed.org.journal().len() == 8).then_some(())).await;
    assert_eq!(stays.metrics().await.sum("sobjectd_rebalances_total", &[]), before, "nothing has moved");
    assert_eq!((stays.metrics().await.read(), again.metrics().await.read()), (4, 4));
    again.stop().await;
    stays.stop().await;
}

/// Its name is given back when its session has timed out; only then can it be taken again.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_member_is_told_apart_from_its_successor() {
    let mut bed = Consumer.bed("unreleased", 1).await;
    bed.config.set("kafka.group_instance_id", "'one'");
    bed.produce(&[upsert("a", "1")]).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(1).await;
    daemon.kill().await;
    let mut early = Daemon::spawn(&bed.config);
    assert_eq!(early.exit().await.code(), Some(1));
    early.event("consumer_failed").mentions("group_instance_id").await;
    bed.produce(&[upsert("a", "2")]).await;
    until("the name to be free", async || {
        let mut next = Daemon::spawn(&bed.config);
        let written =
            until(
                "its outcome",
                async || {
                    if next.has_ended() { Some(false) } else { (bed.text("a") == "2").then_some(true) }
                },
            );
        if !written.await {
            return None;
        }
        next.terminate();
        assert_eq!(next.exit().await.code(), Some(0));
        Some(())
    })
    .await;
}
