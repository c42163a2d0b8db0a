//! That the counters count, and the gauges come down again.

use std::time::{SystemTime, UNIX_EPOCH};

use sandbox::{Action, Fault, On};

use crate::harness::{Daemon, TestBed, killable, until, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn logins_repeats_lookups_rebalances_and_commits_are_counted() {
    let bed = TestBed::with_partitions("counted", 2).await;
    bed.fault(Fault::on(On::Login, Action::body(503, "")));
    bed.fault(Fault::on(On::Upsert, Action::lock()).key("locked").times(2));
    let slow = Action::Latency { ms: 500 };
    bed.fault(Fault::on(On::Query, slow));
    let daemon = Daemon::start(&bed.config).await;
    bed.produce(&[upsert("known", "1"), upsert("locked", "1")]).await;
    daemon.settled(2).await;
    bed.produce(&[upsert("known", "2").operation("UPDATE"), upsert("stranger", "2").operation("UPDATE")]).await;
    let asking = async || (daemon.metrics().await.sum("sobjectd_calls_in_flight", &[]) == 1).then_some(());
    until("a call in flight", asking).await;
    assert_eq!(daemon.metrics().await.sum("sobjectd_identities_in_flight", &[]), 2, "both wait for the query");
    daemon.settled(4).await;
    bed.produce(&[upsert("known", "3").operation("UPDATE")]).await;
    let settled = daemon.settled(5).await;
    let committed = async || {
        (bed.broker.committed(&bed.group, &bed.topic, 2).await.iter().flatten().sum::<i64>() == 5).then_some(())
    };
    until("the commit", committed).await;
    for (name, label, expected) in [
        ("sobjectd_logins_total", Some(("result", "ok")), 1),
        ("sobjectd_logins_total", Some(("result", "failed")), 1),
        ("sobjectd_rows_repeated_total", Some(("reason", "retry")), 2),
        ("sobjectd_rows_repeated_total", None, 2),
        ("sobjectd_cache_lookups_total", Some(("result", "hit")), 1),
        ("sobjectd_cache_lookups_total", Some(("result", "miss")), 2),
        ("sobjectd_rebalances_total", Some(("event", "assigned")), 1),
        ("sobjectd_rebalances_total", None, 1),
        ("sobjectd_assigned_partitions", None, 2),
        ("sobjectd_commits_total", Some(("result", "failed")), 0),
        ("sobjectd_record_duration_seconds_count", None, 5),
        ("sobjectd_calls_in_flight", None, 0),
        ("sobjectd_identities_in_flight", None, 0),
        ("sobjectd_dead_letters_pending", None, 0),
    ] {
        assert_eq!(settled.sum(name, label.as_slice()), expected, "{name} {label:?}");
    }
    assert!(daemon.metrics().await.sum("sobjectd_commits_total", &[("result", "ok")]) > 0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    for name in ["sobjectd_last_written_timestamp_seconds", "process_start_time_seconds"] {
        assert!((now - 60..=now).contains(&settled.sum(name, &[])), "{name}");
    }
    assert!(settled.sum("process_resident_memory_bytes", &[]) > 1 << 20);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_no_broker_confirms_is_pending() {
    let (broker, _turn) = killable().await;
    let mut bed = TestBed::on(broker, "pending", 1).await;
    // Neither is the partition lost meanwhile, nor the call given up.
    bed.config.set("kafka.session_timeout", "'60s'").set("salesforce.request_timeout", "'60s'");
    bed.fault(Fault::on(On::Upsert, Action::Hang { apply: true }));
    let daemon = Daemon::start(&bed.config).await;
    bed.produce(&[upsert("long", &"x".repeat(300))]).await;
    until("the call", async || (bed.org.calls().upsert == 1).then_some(())).await;
    broker.script("kill").await;
    bed.org.clear_faults();
    let pending = async || (daemon.metrics().await.sum("sobjectd_dead_letters_pending", &[]) == 1).then_some(());
    until("a pending letter", pending).await;
    broker.script("again").await;
    let metrics = daemon.settled(1).await;
    assert_eq!((metrics.settled("dead_lettered"), metrics.sum("sobjectd_dead_letters_pending", &[])), (1, 0));
    daemon.stop().await;
}
