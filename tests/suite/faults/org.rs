//! The org is not well: the daemon waits, and no good record becomes a dead letter.

use sandbox::{Action, Fault, On, Server, ServerOptions};

use super::{all_written, numbered, started};
use crate::harness::{Daemon, Rig, until};

/// Far more refusals than `retry.max_attempts`, then the org is well again.
async fn waited_for(name: &str, refusal: Action) {
    let rig = Rig::new(name).await;
    rig.fault(Fault::on(On::Upsert, refusal.clone()).always());
    rig.fault(Fault::on(On::Resources, refusal.clone()).always());
    let daemon = started(&rig, 300).await;
    daemon.not_ready().await;
    until("many refusals", async || (rig.org.calls().upsert + rig.org.calls().resources >= 10).then_some(())).await;
    let metrics = daemon.metrics().await;
    metrics.assert_all_accounted_for();
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (0, 0), "{refusal:?}");
    assert_eq!(daemon.status("/live").await, Some(200));
    rig.org.clear_faults();
    let metrics = daemon.settled(300).await;
    assert_eq!(metrics.settled("written"), 300, "{refusal:?}");
    daemon.ready().await;
    daemon.stop().await;
    assert_eq!(rig.org.journal().len(), 300, "nothing was applied before, so nothing is applied twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn later_unavailable() {
    waited_for("unavailable", Action::error(503, "SERVER_UNAVAILABLE", "overloaded")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn later_too_many_at_once() {
    waited_for("concurrent", Action::error(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn later_statuses_of_the_whole_call() {
    for status in [420, 429, 403, 404, 405, 410, 415] {
        let body = Action::page(status, "<html>no</html>");
        let rig = Rig::new("status").await;
        rig.fault(Fault::on(On::Upsert, body).times(3));
        all_written(&rig, 20).await;
        assert!(rig.org.calls().upsert >= 4, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn later_one_probe_at_a_time() {
    let mut rig = Rig::new("probe").await;
    rig.config.set("pipeline.batch_rows", "10").set("retry.initial_backoff", "'200ms'");
    rig.fault(Fault::on(On::Data, Action::Latency { ms: 50 }).always());
    rig.fault(Fault::on(On::Upsert, Action::error(503, "SERVER_UNAVAILABLE", "overloaded")).always());
    let daemon = started(&rig, 400).await;
    daemon.not_ready().await;
    let calls = async || rig.org.calls().upsert + rig.org.calls().resources;
    let (before, from) = (calls().await, std::time::Instant::now());
    until("some probes", async || (calls().await >= before + 5).then_some(())).await;
    let probes = calls().await - before;
    // One after the other, with 50 ms of latency and a backoff between them.
    assert!(u128::from(probes) <= from.elapsed().as_millis() / 100 + 2, "{probes} probes in {:?}", from.elapsed());
    rig.org.clear_faults();
    daemon.settled(400).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn later_the_org_cannot_be_reached() {
    let mut rig = Rig::new("gone").await;
    let daemon = started(&rig, 10).await;
    daemon.settled(10).await;
    let port = rig.org.addr().port();
    let gone = std::mem::replace(&mut rig.org, Server::start(ServerOptions::default()).await.unwrap());
    gone.shutdown().await;
    rig.produce(&numbered(20)).await;
    daemon.not_ready().await;
    assert_eq!(daemon.metrics().await.settled("dead_lettered"), 0);
    rig.org = Server::start(ServerOptions { port, ..ServerOptions::default() }).await.unwrap();
    let metrics = daemon.settled(30).await;
    assert_eq!(metrics.settled("written"), 30, "also into an org that has forgotten the session");
    assert_eq!(rig.org.journal().len(), 20);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn later_ends_with_sigterm() {
    let rig = Rig::new("later-term").await;
    rig.fault(Fault::on(On::Data, Action::error(503, "SERVER_UNAVAILABLE", "overloaded")).after(1).always());
    let mut daemon: Daemon = started(&rig, 20).await;
    daemon.not_ready().await;
    let before = std::time::Instant::now();
    daemon.terminate();
    assert_eq!(daemon.exit().await.code(), Some(0));
    assert!(before.elapsed().as_secs() < 3, "{:?}", before.elapsed());
    assert_eq!(rig.committed().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_is_one_login_and_a_resend() {
    let rig = Rig::new("expired").await;
    rig.fault(Fault::on(On::Upsert, Action::ExpireSessions { heals: true }));
    all_written(&rig, 20).await;
    assert_eq!((rig.org.calls().logins_granted, rig.org.calls().upsert), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn fatal_a_route_that_the_login_may_not_see() {
    let rig = Rig::new("fatal").await;
    let refused = Action::oauth_error("invalid_grant", "user hasn't approved this consumer");
    rig.fault(Fault::on(On::Login, refused).always());
    rig.produce(&numbered(1)).await;
    let mut daemon = Daemon::spawn(&rig.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    daemon.event("salesforce_login_refused").mentions("approved this consumer").await;
    assert_eq!(rig.org.calls().login, 1);
}
