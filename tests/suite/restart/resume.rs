//! Where a new process goes on.

use sandbox::{Action, Fault, On};
use serde_json::json;

use crate::harness::{Daemon, OBJECT, Record, TestBed, record, until, upsert};

fn numbered(range: std::ops::Range<usize>) -> Vec<Record> {
    range.map(|n| upsert(&format!("key{n}"), &n.to_string())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_goes_on_where_the_last_run_stopped() {
    let bed = TestBed::new("resume").await;
    bed.run(&numbered(0..300)).await;
    assert_eq!(bed.committed().await, 300);
    bed.run(&numbered(300..350)).await;
    assert_eq!(bed.org.journal().len(), 350, "each record once");
    assert_eq!(bed.committed().await, 350);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_finishes_what_is_on_the_wire_and_drops_the_rest() {
    let mut bed = TestBed::new("drain").await;
    bed.config.set("pipeline.batch_rows", "10").set("salesforce.max_concurrent_requests", "2");
    bed.produce(&numbered(0..200)).await;
    bed.fault(Fault::on(On::Upsert, Action::Latency { ms: 700 }).always());
    let mut daemon = Daemon::start(&bed.config).await;
    until("two calls on the wire", async || (bed.org.calls().concurrent == 2).then_some(())).await;
    daemon.terminate();
    assert_eq!(daemon.exit().await.code(), Some(0));
    let written = bed.org.journal().len();
    assert!((20..200).contains(&written), "{written} records were written");
    assert_eq!(bed.committed().await, written as i64, "all that was written is committed, and no more");

    bed.org.clear_faults();
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(200 - written as u64).await;
    daemon.stop().await;
    assert_eq!(bed.org.journal().len(), 200, "each record once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_the_daemon_at_once() {
    let bed = TestBed::new("second").await;
    bed.produce(&numbered(0..1)).await;
    bed.fault(Fault::on(On::Upsert, Action::Latency { ms: 5_000 }).always());
    let mut daemon = Daemon::start(&bed.config).await;
    until("a call on the wire", async || (bed.org.calls().concurrent == 1).then_some(())).await;
    daemon.terminate();
    // A second signal before the first one is taken would be the same signal.
    daemon.event("stop_requested").await;
    daemon.terminate();
    assert_ne!(daemon.exit().await.code(), Some(0), "it did not drain");
    assert_eq!(bed.committed().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigkill_repeats_work_and_loses_none() {
    let mut bed = TestBed::new("sigkill").await;
    bed.config.set("kafka.group_instance_id", "'suite-0'").set("pipeline.batch_rows", "10");
    bed.config.set("kafka.commit_interval", "'50ms'");
    bed.fault(Fault::on(On::Upsert, Action::Latency { ms: 100 }).always());
    bed.produce(&numbered(0..1000)).await;
    let daemon = Daemon::start(&bed.config).await;
    until("commits and writes, before the end", async || {
        (bed.committed().await > 0 && bed.org.journal().len() >= 50).then_some(())
    })
    .await;
    daemon.kill().await;
    let committed = bed.committed().await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(1000 - committed as u64).await;
    daemon.stop().await;
    assert_eq!(bed.org.records(OBJECT).len(), 1000);
    assert_eq!(bed.committed().await, 1000);
}

/// What was read before the gap is on its way, and cannot be read again.
#[tokio::test(flavor = "multi_thread")]
async fn lost_offsets_take_nothing_along_that_was_read() {
    let mut bed = TestBed::wide("overtaken").await;
    bed.config.set("kafka.on_lost_offsets", "'earliest'");
    bed.config.set("pipeline.max_in_flight_rows", "4").set("pipeline.batch_rows", "2");
    bed.org.change_settings(json!({"latency_ms": 300})).unwrap();
    // So large that most of them stay at the broker.
    let large: Vec<_> = (0..40).map(|n| upsert(&format!("key{n}"), &"x".repeat(100_000))).collect();
    bed.produce(&large).await;
    let daemon = Daemon::start(&bed.config).await;
    until("the first rows", async || (bed.org.journal().len() >= 2).then_some(())).await;
    bed.broker.delete_before(&bed.topic, 0, 35).await;
    daemon.event("offsets_lost").with("low", 35).mentions(&bed.topic).await;
    let metrics = until("the rest", async || {
        let metrics = daemon.metrics().await;
        let lost = metrics.sum("sobjectd_offsets_lost_total", &[]);
        (lost > 0 && metrics.read() + lost == 40 && metrics.in_flight() == 0).then_some(metrics)
    })
    .await;
    assert_eq!((metrics.settled("written"), metrics.settled("dropped")), (metrics.read(), 0));
    assert_eq!(bed.org.journal().len() as u64, metrics.read(), "each that was read, once");
    daemon.stop().await;
    assert_eq!(bed.committed().await, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_record_is_not_dead_lettered_again_after_a_restart() {
    let bed = TestBed::new("letters-once").await;
    bed.run(&[upsert("a", "1"), record("b", "bad")]).await;
    bed.run(&[upsert("c", "2")]).await;
    bed.dead_letters(1).await;
}
