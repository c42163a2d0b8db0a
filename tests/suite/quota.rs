//! The daily quota is shared: the daemon leaves the reserve to others, and a spent one makes it wait.

use sandbox::{Action, Fault, On};
use serde_json::json;

use crate::harness::{Daemon, Record, Rig, until, upsert};

fn numbered(count: usize) -> Vec<Record> {
    (0..count).map(|n| upsert(&format!("key{n}"), "x")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_quota_waits_and_dead_letters_nothing() {
    let mut rig = Rig::new("spent").await;
    rig.config.set("salesforce.quota.probe_interval", "'300ms'");
    rig.produce(&numbered(500)).await;
    let daemon = Daemon::start(&rig.config).await;
    rig.fault(Fault::on(On::Upsert, Action::QuotaSpent {}));
    rig.produce(&numbered(500)).await;
    until("a refusal", async || (rig.org.calls().over_quota > 1).then_some(())).await;
    daemon.not_ready().await;
    let refused = rig.org.calls().over_quota;
    assert!(refused < 20, "one probe for each interval, not {refused} calls");
    assert_eq!(daemon.metrics().await.settled("dead_lettered"), 0);
    rig.org.change_settings(json!({"quota_used": 0})).unwrap();
    let metrics = daemon.settled(1000).await;
    assert_eq!(metrics.settled("written"), 1000);
    daemon.ready().await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_quota_makes_dead_letters_if_told_so() {
    let mut rig = Rig::new("spent-letters").await;
    rig.config.set("salesforce.quota.on_quota", "'dead_letter'").set("salesforce.quota.probe_interval", "'1h'");
    rig.fault(Fault::on(On::Upsert, Action::QuotaSpent {}));
    let daemon = Daemon::start(&rig.config).await;
    rig.produce(&numbered(500)).await;
    let metrics = daemon.settled(500).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (0, 500));
    // The first calls were refused; nobody asked again for what waited behind them.
    assert!(rig.org.calls().upsert <= 4, "{:?}", rig.org.calls());
    for letter in rig.dead_letters(500).await {
        assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.QuotaSpent");
        assert_eq!(letter.header("sobjectd.status_code").unwrap(), "REQUEST_LIMIT_EXCEEDED");
    }
    daemon.stop().await;
    assert_eq!(rig.committed().await, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn and_is_asked_again_by_the_rows_that_come() {
    let mut rig = Rig::new("spent-again").await;
    rig.config.set("salesforce.quota.on_quota", "'dead_letter'").set("salesforce.quota.probe_interval", "'300ms'");
    let daemon = Daemon::start(&rig.config).await;
    rig.fault(Fault::on(On::Upsert, Action::QuotaSpent {}));
    rig.produce(&numbered(10)).await;
    daemon.settled(10).await;
    rig.org.change_settings(json!({"quota_used": 0})).unwrap();
    let mut produced = 10;
    until("a row to be written", async || {
        rig.produce(&[upsert(&format!("later{produced}"), "x")]).await;
        produced += 1;
        (daemon.settled(produced).await.settled("written") > 0).then_some(())
    })
    .await;
    daemon.ready().await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_and_the_reserve_make_none() {
    let mut rig = Rig::new("spent-never").await;
    rig.config.set("salesforce.quota.on_quota", "'dead_letter'").set("salesforce.quota.probe_interval", "'200ms'");
    let busy = Action::error(503, "SERVER_UNAVAILABLE", "down for maintenance");
    rig.fault(Fault::on(On::Upsert, busy).times(5));
    rig.org.change_settings(json!({"quota_max": 1000, "quota_used": 950})).unwrap();
    rig.produce(&numbered(300)).await;
    // Below the reserve it is never ready.
    let daemon = Daemon::spawn(&rig.config);
    let metrics = daemon.settled(300).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (300, 0));
    assert!(rig.org.calls().upsert >= 7, "five refused, and two taken: {:?}", rig.org.calls());
    daemon.stop().await;
}

/// To end and start again would use more of what is short.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_below_the_reserve_takes_the_time_that_it_needs() {
    let mut rig = Rig::new("slow-start").await;
    rig.config.set("startup_timeout", "'1s'").set("salesforce.quota.probe_interval", "'600ms'");
    for object in ["Account", "Contact", "Lead"] {
        rig.config.route(&[("topic", &format!("'{object}.*'")), ("sobject", &format!("'{object}'"))]);
    }
    rig.org.change_settings(json!({"quota_max": 1000, "quota_used": 950})).unwrap();
    rig.produce(&numbered(3)).await;
    let daemon = Daemon::spawn(&rig.config);
    let metrics = daemon.settled(3).await;
    assert_eq!((metrics.settled("written"), rig.org.calls().login), (3, 1));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn below_the_reserve_one_batch_goes_each_interval() {
    let mut rig = Rig::new("reserve").await;
    rig.config.set("salesforce.quota.reserve", "10").set("salesforce.quota.probe_interval", "'500ms'");
    rig.config.set("pipeline.batch_rows", "10");
    rig.org.change_settings(json!({"quota_max": 1000, "quota_used": 899})).unwrap();
    rig.produce(&numbered(200)).await;
    let before = std::time::Instant::now();
    let daemon = Daemon::start(&rig.config).await;
    until("three batches", async || (rig.org.journal().len() >= 30).then_some(())).await;
    // The reserve is reached by the first calls; each batch after them waits for its interval.
    let (took, calls) = (before.elapsed(), rig.org.calls());
    let intervals = took.as_millis() / 500;
    assert!(u128::from(calls.upsert) <= intervals + 5, "{calls:?} in {took:?}");
    assert!(rig.org.journal().len() < 200);
    daemon.event("org_calls_paused").with("state", "quota").await;
    let metrics = daemon.metrics().await;
    metrics.assert_all_accounted_for();
    assert_eq!(metrics.settled("dead_lettered"), 0);
    rig.org.change_settings(json!({"quota_used": 10})).unwrap();
    daemon.settled(200).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn warnings_at_80_90_and_95_per_cent() {
    let mut rig = Rig::new("warnings").await;
    rig.config.set("salesforce.quota.reserve", "1");
    let daemon = Daemon::start(&rig.config).await;
    for (step, used) in [(1_u64, 800), (2, 900), (3, 950)] {
        rig.org.change_settings(json!({"quota_max": 1000, "quota_used": used})).unwrap();
        rig.produce(&[upsert(&format!("key{step}"), "x")]).await;
        daemon.settled(step).await;
        let warned = async || (warnings(&daemon) == step).then_some(());
        until(&format!("{step} warnings"), warned).await;
    }
    rig.produce(&[upsert("again", "x")]).await;
    daemon.settled(4).await;
    assert_eq!(warnings(&daemon), 3, "not again while it stays there");
    rig.org.change_settings(json!({"quota_used": 700})).unwrap();
    rig.produce(&[upsert("low", "x")]).await;
    daemon.settled(5).await;
    rig.org.change_settings(json!({"quota_used": 820})).unwrap();
    rig.produce(&[upsert("high", "x")]).await;
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
async fn a_maximum_of_zero_says_nothing() {
    let rig = Rig::new("zero").await;
    rig.org.change_settings(json!({"quota_max": 0, "quota_hard": false})).unwrap();
    let metrics = rig.run(&numbered(10)).await;
    assert_eq!(metrics.settled("written"), 10);
}
