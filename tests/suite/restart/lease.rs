//! Who may write: only a process that surely owns its partitions.

use std::time::Duration;

use sandbox::{Action, Fault, On};

use crate::harness::{Daemon, Record, TestBed, exclusive, killable, until, upsert};

/// Changes of the same few keys, again and again.
fn rounds(count: usize) -> Vec<Record> {
    (0..count).map(|n| upsert(&format!("key{}", n % 20), &n.to_string())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_while_no_commit_succeeds() {
    let (broker, _turn) = killable().await;
    let _exclusive = exclusive().await;
    let mut bed = TestBed::on(broker, "no-commit", 1).await;
    // Long enough for the group to keep us.
    bed.config.set("kafka.session_timeout", "'60s'").set("kafka.lease", "'1s'");
    bed.config.set("pipeline.batch_rows", "5").set("salesforce.max_concurrent_requests", "1");
    bed.fault(Fault::on(On::Upsert, Action::Latency { ms: 50 }).always());
    bed.produce(&rounds(1_500)).await;
    let daemon = Daemon::start(&bed.config).await;
    until("the first rows", async || (bed.org.journal().len() >= 10).then_some(())).await;
    broker.script("kill").await;
    let from = daemon.event("lease_lapsed").await.time_ms();
    daemon.not_ready().await;
    let (_, body) = daemon.page("/ready").await.unwrap();
    assert!(body.contains("waiting for kafka"), "{body}");
    assert!(bed.org.journal().len() < 1_500, "there was more to write");

    broker.script("again").await;
    let to = daemon.event("lease_renewed").await.time_ms();
    daemon.settled(1_500).await;
    let meanwhile = bed.org.journal().iter().filter(|change| (from..to - 100).contains(&change.at_ms)).count();
    assert_eq!(meanwhile, 0, "rows written without a commit, from {from} to {to}");
    assert_eq!(bed.org.journal().len(), 1_500, "each once");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_gone_is_waited_for_even_after_the_partitions_are_lost() {
    let (broker, _turn) = killable().await;
    let bed = TestBed::on(broker, "gone", 1).await;
    let daemon = Daemon::start(&bed.config).await;
    bed.produce(&rounds(20)).await;
    until("the commit", async || (bed.committed().await == 20).then_some(())).await;
    broker.script("kill").await;
    daemon.event("revoked").with("lost", true).await;
    daemon.not_ready().await;
    let (_, body) = daemon.page("/ready").await.unwrap();
    assert!(body.contains("waiting for kafka"), "{body}");

    broker.script("again").await;
    daemon.ready().await;
    bed.produce(&rounds(20)).await;
    until("the commit", async || (bed.committed().await == 40).then_some(())).await;
    daemon.stop().await;
}

/// It wakes up with rows that it had read, and that another member has written since.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_has_slept_writes_nothing_of_what_it_had() {
    let mut bed = TestBed::new("slept").await;
    bed.config.set("pipeline.batch_rows", "5").set("salesforce.max_concurrent_requests", "1");
    bed.fault(Fault::on(On::Upsert, Action::Latency { ms: 100 }).always());
    let sleeper = Daemon::start(&bed.config).await;
    bed.produce(&rounds(400)).await;
    until("the first rows", async || (bed.org.journal().len() >= 20).then_some(())).await;
    sleeper.signal("STOP");
    let written = bed.org.journal().len();
    let heir = Daemon::start(&bed.config).await;
    until("all rows", async || {
        let last = bed.history("key19").last().is_some_and(|(_, text)| text.as_deref() == Some("399"));
        (last && heir.metrics().await.in_flight() == 0).then_some(())
    })
    .await;
    let all = bed.org.journal().len();
    assert!(written < 400 && all >= 400, "{written} rows before the sleep, {all} in all");

    sleeper.signal("CONT");
    sleeper.event("revoked").with("lost", true).await;
    until("the sleeper to have nothing left", async || (sleeper.metrics().await.in_flight() == 0).then_some(())).await;
    assert_eq!(bed.org.journal().len(), all, "the sleeper has written after its sleep");
    sleeper.stop().await;
    heir.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_write_after_a_crash_waits_and_after_a_drain_it_does_not() {
    const HOLD: Duration = Duration::from_secs(2);
    let mut bed = TestBed::new("assign-hold").await;
    bed.config.set("kafka.group_instance_id", "'suite-0'").set("pipeline.batch_rows", "5");
    bed.config.set("salesforce.assign_hold", &format!("'{HOLD:?}'"));
    bed.fault(Fault::on(On::Upsert, Action::Latency { ms: 50 }).always());
    bed.produce(&rounds(2_000)).await;
    let held = async |daemon: &Daemon| {
        let written = bed.org.journal().len();
        until("more rows", async || (bed.org.journal().len() > written).then_some(())).await;
        let assigned = daemon.event("assigned").await.time_ms();
        let first = bed.org.journal()[written].at_ms;
        (!daemon.event("partition_held").lines().is_empty(), first.saturating_sub(assigned))
    };

    let daemon = Daemon::start(&bed.config).await;
    let (waits, _) = held(&daemon).await;
    assert!(!waits, "the partition had no owner before");
    daemon.kill().await;

    let daemon = Daemon::start(&bed.config).await;
    let (waits, after) = held(&daemon).await;
    assert!(waits && u128::from(after) + 100 >= HOLD.as_millis(), "after {after} ms");
    assert!(bed.org.journal().len() < 2_000);
    daemon.stop().await;

    let daemon = Daemon::start(&bed.config).await;
    let (waits, _) = held(&daemon).await;
    assert!(!waits, "it was drained");
    daemon.stop().await;
}
