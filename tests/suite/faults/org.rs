//! The org is not well: the daemon waits, and no good record becomes a dead letter.

use sandbox::{Action, Fault, On, Server, ServerOptions};

use super::{all_written, numbered, started};
use crate::harness::{Daemon, TestBed, side_by_side, until};

/// Far more refusals than `retry.max_attempts`, then the org is well again.
async fn waited_for(name: &str, refusal: Action) {
    let bed = TestBed::new(name).await;
    bed.fault(Fault::on(On::Upsert, refusal.clone()).always());
    bed.fault(Fault::on(On::Resources, refusal.clone()).always());
    let daemon = started(&bed, 300).await;
    daemon.not_ready().await;
    until("many refusals", async || (bed.org.calls().upsert + bed.org.calls().resources >= 10).then_some(())).await;
    let metrics = daemon.metrics().await;
    metrics.assert_all_accounted_for();
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (0, 0), "{refusal:?}");
    assert_eq!(daemon.status("/live").await, Some(200));
    bed.org.clear_faults();
    let metrics = daemon.settled(300).await;
    assert_eq!(metrics.settled("written"), 300, "{refusal:?}");
    daemon.ready().await;
    daemon.stop().await;
    assert_eq!(bed.org.journal().len(), 300, "nothing was applied before, so nothing is applied twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unavailable_org_is_waited_for() {
    waited_for("unavailable", Action::error(503, "SERVER_UNAVAILABLE", "overloaded")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_too_many_calls_at_once_is_waited_for() {
    waited_for("concurrent", Action::error(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_of_the_whole_call_are_waited_for() {
    side_by_side([420, 429, 403, 404, 405, 410, 415], async |status| {
        let body = Action::page(status, "<html>no</html>");
        let bed = TestBed::new("status").await;
        bed.fault(Fault::on(On::Upsert, body).times(3));
        all_written(&bed, 20).await;
        assert!(bed.org.calls().upsert >= 4, "{status}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unavailable_org_gets_one_probe_at_a_time() {
    let mut bed = TestBed::new("probe").await;
    bed.config.set("pipeline.batch_rows", "10").set("retry.initial_backoff", "'200ms'");
    bed.fault(Fault::on(On::Data, Action::Latency { ms: 50 }).always());
    bed.fault(Fault::on(On::Upsert, Action::error(503, "SERVER_UNAVAILABLE", "overloaded")).always());
    let daemon = started(&bed, 400).await;
    daemon.not_ready().await;
    let calls = async || bed.org.calls().upsert + bed.org.calls().resources;
    let (before, from) = (calls().await, std::time::Instant::now());
    until("some probes", async || (calls().await >= before + 5).then_some(())).await;
    let probes = calls().await - before;
    // One after the other, with 50 ms of latency and a backoff between them.
    assert!(u128::from(probes) <= from.elapsed().as_millis() / 100 + 2, "{probes} probes in {:?}", from.elapsed());
    bed.org.clear_faults();
    daemon.settled(400).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_that_cannot_be_reached_is_waited_for() {
    let mut bed = TestBed::new("gone").await;
    let daemon = started(&bed, 10).await;
    daemon.settled(10).await;
    let port = bed.org.addr().port();
    let gone = std::mem::replace(&mut bed.org, Server::start(ServerOptions::default()).await.unwrap());
    gone.shutdown().await;
    bed.produce(&numbered(20)).await;
    daemon.not_ready().await;
    assert_eq!(daemon.metrics().await.settled("dead_lettered"), 0);
    bed.org = Server::start(ServerOptions { port, ..ServerOptions::default() }).await.unwrap();
    let metrics = daemon.settled(30).await;
    assert_eq!(metrics.settled("written"), 30, "also into an org that has forgotten the session");
    assert_eq!(bed.org.journal().len(), 20);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_the_wait_for_an_unavailable_org() {
    let bed = TestBed::new("later-term").await;
    bed.fault(Fault::on(On::Data, Action::error(503, "SERVER_UNAVAILABLE", "overloaded")).after(1).always());
    let mut daemon: Daemon = started(&bed, 20).await;
    daemon.not_ready().await;
    let before = std::time::Instant::now();
    daemon.terminate();
    assert_eq!(daemon.exit().await.code(), Some(0));
    assert!(before.elapsed().as_secs() < 3, "{:?}", before.elapsed());
    assert_eq!(bed.committed().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_session_costs_one_login_and_a_resend() {
    let bed = TestBed::new("expired").await;
    bed.fault(Fault::on(On::Upsert, Action::ExpireSessions { heals: true }));
    all_written(&bed, 20).await;
    assert_eq!((bed.org.calls().logins_granted, bed.org.calls().upsert), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_consumer_ends_the_start_after_one_login() {
    let bed = TestBed::new("fatal").await;
    let refused = Action::oauth_error("invalid_grant", "user hasn't approved this consumer");
    bed.fault(Fault::on(On::Login, refused).always());
    bed.produce(&numbered(1)).await;
    let mut daemon = Daemon::spawn(&bed.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    daemon.event("salesforce_login_refused").mentions("approved this consumer").await;
    assert_eq!(bed.org.calls().login, 1);
}
