//! Static membership.

use sandbox::{Action, Fault, On};

use super::{Consumer, CooperativeSticky, Protocol};
use crate::harness::{Config, Daemon, Record, TestBed, until, upsert};

/// A session that does not end while a member restarts, also on a busy machine.
const SESSION: &str = "'15s'";

fn named(bed: &TestBed, name: &str) -> Config {
    let mut config = bed.config.clone();
    config.set("kafka.group_instance_id", &format!("'{name}'"));
    config
}

async fn a_restarted_member_takes_its_partitions_back(protocol: Protocol) {
    let mut bed = protocol.bed("static", 4).await;
    if protocol != Consumer {
        bed.config.set("kafka.session_timeout", SESSION);
    }
    let assigned =
        async |daemon: &Daemon| daemon.metrics().await.sum("sobjectd_rebalances_total", &[("event", "assigned")]);
    let stays = Daemon::start(&named(&bed, "stays")).await;
    let restarts = Daemon::start(&named(&bed, "restarts")).await;
    until("both to have a share", async || (assigned(&restarts).await > 0).then_some(())).await;
    let before = stays.metrics().await.sum("sobjectd_rebalances_total", &[]);
    restarts.stop().await;
    let again = Daemon::start(&named(&bed, "restarts")).await;
    until("its share", async || (assigned(&again).await > 0).then_some(())).await;
    let records: Vec<_> = (0..8).map(|n| upsert(&format!("key{n}"), "x").partition(n % 4)).collect();
    bed.produce(&records).await;
    until("all writes", async || (bed.org.journal().len() == 8).then_some(())).await;
    assert_eq!(stays.metrics().await.sum("sobjectd_rebalances_total", &[]), before, "nothing has moved");
    assert_eq!(again.metrics().await.sum("sobjectd_rebalances_total", &[]), 1, "it has kept what it was given");
    assert_eq!((stays.metrics().await.read(), again.metrics().await.read()), (4, 4));
    again.stop().await;
    stays.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_static_member_takes_its_partitions_back_with_cooperative_sticky() {
    a_restarted_member_takes_its_partitions_back(CooperativeSticky).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_static_member_takes_its_partitions_back_with_the_consumer_protocol() {
    a_restarted_member_takes_its_partitions_back(Consumer).await;
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

#[derive(Debug, Clone, Copy)]
enum End {
    Killed,
    Stopped,
}

/// The first member of two ends while it drains the partitions that a rebalance has taken from it, and is started again.
async fn partitions_that_were_being_given_back_are_read(end: End) {
    let mut bed = CooperativeSticky.bed(&format!("given_back.{end:?}"), 4).await;
    bed.config.set("kafka.session_timeout", SESSION);
    let round = |round: usize| -> Vec<Record> {
        (0..4).map(|partition| upsert(&format!("key{partition}.{round}"), "x").partition(partition)).collect()
    };
    let is_written = |round: usize| (0..4).all(|partition| bed.find(&format!("key{partition}.{round}")).is_some());
    bed.fault(Fault::on(On::Upsert, Action::Hang { apply: false }).always());
    bed.produce(&round(0)).await;
    let mut first = Daemon::start(&named(&bed, "first")).await;
    until("its calls", async || (first.metrics().await.read() == 4).then_some(())).await;
    let second = Daemon::start(&named(&bed, "second")).await;
    first.event("revoked").await;
    second.event("assigned").await;
    match end {
        End::Killed => first.kill().await,
        End::Stopped => {
            first.terminate();
            first.event("stop_requested").await;
            bed.org.clear_faults();
            assert_eq!(first.exit().await.code(), Some(0));
        }
    }
    bed.org.clear_faults();
    let again = Daemon::start(&named(&bed, "first")).await;
    bed.produce(&round(1)).await;
    until("all writes", async || (is_written(0) && is_written(1)).then_some(())).await;
    again.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_a_killed_static_member_was_giving_back_are_read_with_cooperative_sticky() {
    partitions_that_were_being_given_back_are_read(End::Killed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_a_stopped_static_member_was_giving_back_are_read_with_cooperative_sticky() {
    partitions_that_were_being_given_back_are_read(End::Stopped).await;
}
