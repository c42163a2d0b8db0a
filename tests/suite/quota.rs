//! The daily quota is shared: the daemon leaves the reserve to others, and a spent one makes it wait.

use sandbox::{Action, Fault, On};
use serde_json::json;

use crate::harness::{Daemon, Record, TestBed, until, upsert};

fn numbered(count: usize) -> Vec<Record> {
    (0..count).map(|n| upsert(&format!("key{n}"), "x")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_quota_waits_and_dead_letters_nothing() {
    let mut bed = TestBed::new("spent").await;
    bed.config.set("salesforce.quota.probe_interval", "'300ms'");
    bed.produce(&numbered(500)).await;
    let daemon = Daemon::start(&bed.config).await;
    bed.fault(Fault::on(On::Upsert, Action::QuotaSpent {}));
    bed.produce(&numbered(500)).await;
    until("a refusal", async || (bed.org.calls().over_quota > 1).then_some(())).await;
    daemon.not_ready().await;
    let refused = bed.org.calls().over_quota;
    assert!(refused < 20, "one probe for each interval, not {refused} calls");
    assert_eq!(daemon.metrics().await.settled("dead_lettered"), 0);
    bed.org.change_settings(json!({"quota_used": 0})).unwrap();
    let metrics = daemon.settled(1000).await;
    assert_eq!(metrics.settled("written"), 1000);
    daemon.ready().await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_quota_makes_dead_letters_if_told_so() {
    let mut bed = TestBed::new("spent-letters").await;
    bed.config.set("salesforce.quota.on_quota", "'dead_letter'").set("salesforce.quota.probe_interval", "'1h'");
    bed.fault(Fault::on(On::Upsert, Action::QuotaSpent {}));
    let daemon = Daemon::start(&bed.config).await;
    bed.produce(&numbered(500)).await;
    let metrics = daemon.settled(500).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (0, 500));
    // The first calls were refused; no call was made for the rows that waited after them.
    assert!(bed.org.calls().upsert <= 4, "{:?}", bed.org.calls());
    for letter in bed.dead_letters(500).await {
        assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.QuotaSpent");
        assert_eq!(letter.header("sobjectd.status_code").unwrap(), "REQUEST_LIMIT_EXCEEDED");
    }
    daemon.stop().await;
    assert_eq!(bed.committed().await, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_quota_that_makes_dead_letters_is_probed_by_later_rows() {
    let mut bed = TestBed::new("spent-again").await;
    bed.config.set("salesforce.quota.on_quota", "'dead_letter'").set("salesforce.quota.probe_interval", "'300ms'");
    let daemon = Daemon::start(&bed.config).await;
    bed.fault(Fault::on(On::Upsert, Action::QuotaSpent {}));
    bed.produce(&numbered(10)).await;
    daemon.settled(10).await;
    bed.org.change_settings(json!({"quota_used": 0})).unwrap();
    let mut produced = 10;
    until("a row to be written", async || {
        bed.produce(&[upsert(&format!("later{produced}"), "x")]).await;
        produced += 1;
        (daemon.settled(produced).await.settled("written") > 0).then_some(())
    })
    .await;
    daemon.ready().await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_and_the_reserve_make_no_dead_letters() {
    let mut bed = TestBed::new("spent-never").await;
    bed.config.set("salesforce.quota.on_quota", "'dead_letter'").set("salesforce.quota.probe_interval", "'200ms'");
    let busy = Action::error(503, "SERVER_UNAVAILABLE", "down for maintenance");
    bed.fault(Fault::on(On::Upsert, busy).times(5));
    bed.org.change_settings(json!({"quota_max": 1000, "quota_used": 950})).unwrap();
    bed.produce(&numbered(300)).await;
    // Below the reserve it is never ready.
    let daemon = Daemon::spawn(&bed.config);
    let metrics = daemon.settled(300).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (300, 0));
    assert!(bed.org.calls().upsert >= 7, "five refused, and two taken: {:?}", bed.org.calls());
    daemon.stop().await;
}

/// To end and start again would use more of what is short.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_below_the_reserve_takes_the_time_that_it_needs() {
    let mut bed = TestBed::new("slow-start").await;
    bed.config.set("startup_timeout", "'1s'").set("salesforce.quota.probe_interval", "'600ms'");
    for object in ["Account", "Contact", "Lead"] {
        bed.config.route(&[("topic", &format!("'{object}.*'")), ("sobject", &format!("'{object}'"))]);
    }
    bed.org.change_settings(json!({"quota_max": 1000, "quota_used": 950})).unwrap();
    bed.produce(&numbered(3)).await;
    let daemon = Daemon::spawn(&bed.config);
    let metrics = daemon.settled(3).await;
    assert_eq!((metrics.settled("written"), bed.org.calls().login), (3, 1));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn below_the_reserve_one_batch_goes_each_interval() {
    let mut bed = TestBed::new("reserve").await;
    bed.config.set("salesforce.quota.reserve", "10").set("salesforce.quota.probe_interval", "'500ms'");
    bed.config.set("pipeline.batch_rows", "10");
    bed.org.change_settings(json!({"quota_max": 1000, "quota_used": 899})).unwrap();
    bed.produce(&numbered(200)).await;
    let before = std::time::Instant::now();
    let daemon = Daemon::start(&bed.config).await;
    until("three batches", async || (bed.org.journal().len() >= 30).then_some(())).await;
    // The reserve is reached by the first calls; each batch after them waits for its interval.
    let (took, calls) = (before.elapsed(), bed.org.calls());
    let intervals = took.as_millis() / 500;
    assert!(u128::from(calls.upsert) <= intervals + 5, "{calls:?} in {took:?}");
    assert!(bed.org.journal().len() < 200);
    daemon.event("org_quota_exhausted").await;
    let metrics = daemon.metrics().await;
    metrics.assert_all_accounted_for();
    assert_eq!(metrics.settled("dead_lettered"), 0);
    bed.org.change_settings(json!({"quota_used": 10})).unwrap();
    daemon.settled(200).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn warnings_at_80_90_and_95_per_cent() {
    let mut bed = TestBed::new("warnings").await;
    bed.config.set("salesforce.quota.reserve", "1");
    let daemon = Daemon::start(&bed.config).await;
    for (step, used) in [(1_u64, 800), (2, 900), (3, 950)] {
        bed.org.change_settings(json!({"quota_max": 1000, "quota_used": used})).unwrap();
        bed.produce(&[upsert(&format!("key{step}"), "x")]).await;
        daemon.settled(step).await;
        let warned = async || (warnings(&daemon) == step).then_some(());
        until(&format!("{step} warnings"), warned).await;
    }
    bed.produce(&[upsert("again", "x")]).await;
    daemon.settled(4).await;
    assert_eq!(warnings(&daemon), 3, "not again while it stays there");
    bed.org.change_settings(json!({"quota_used": 700})).unwrap();
    bed.produce(&[upsert("low", "x")]).await;
    daemon.settled(5).await;
    bed.org.change_settings(json!({"quota_used": 820})).unwrap();
    bed.produce(&[upsert("high", "x")]).await;
    daemon.settled(6).await;
    until("a warning after a fall", async || (warnings(&daemon) == 4).then_some(())).await;
    let metrics = daemon.metrics().await;
    assert!(
        metrics.sum("sobjectd_quota_used_calls", &[]) >= 820 && metrics.sum("sobjectd_quota_max_calls", &[]) == 1000
    );
    daemon.stop().await;
}

fn warnings(daemon: &Daemon) -> u64 {
    daemon.event("quota_low").lines().len() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_of_zero_calls_means_that_none_is_known() {
    let bed = TestBed::new("zero").await;
    bed.org.change_settings(json!({"quota_max": 0, "quota_hard": false})).unwrap();
    let metrics = bed.run(&numbered(10)).await;
    assert_eq!(metrics.settled("written"), 10);
}
