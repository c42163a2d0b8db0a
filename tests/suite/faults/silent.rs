//! The org, or what stands before it, gives no answer or sends the daemon elsewhere: it says so, and waits.

use sandbox::{Action, Fault, On, Origin};

use super::{all_written, numbered, started};
use crate::harness::{Daemon, TestBed, side_by_side, until};

fn page(status: u16, from: Origin) -> Action {
    let html = "<html><body>Server not available</body></html>";
    Action::page(status, html).sent_by(from)
}

#[tokio::test(flavor = "multi_thread")]
async fn three_calls_without_an_answer_are_an_outage_that_reads_probe() {
    let mut bed = TestBed::new("silent").await;
    bed.config
        .set("pipeline.batch_rows", "10")
        .set("salesforce.request_timeout", "'500ms'")
        .set("salesforce.query_timeout", "'500ms'")
        .set("salesforce.unknown_hold", "'100ms'");
    let daemon = Daemon::start(&bed.config).await;
    bed.fault(Fault::on(On::Data, Action::Hang { apply: false }).always());
    bed.produce(&numbered(40)).await;
    let told = async || {
        let (code, body) = daemon.page("/ready").await?;
        (code == 503 && body.contains("the org takes no calls now")).then_some(())
    };
    until("the outage in /ready", told).await;
    let writes = bed.org.calls().upsert;
    until("some probes", async || (bed.org.calls().resources >= 3).then_some(())).await;
    assert_eq!(bed.org.calls().upsert, writes, "no write is a probe of an org that answers nothing");
    bed.org.clear_faults();
    let metrics = daemon.settled(40).await;
    assert_eq!(metrics.settled("written"), 40);
    daemon.ready().await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_edge_is_the_orgs_trouble_and_rejects_no_insert() {
    side_by_side([420, 502, 503], async |status| {
        let mut bed = TestBed::new("edge").await;
        bed.native();
        bed.config.in_route("operation", "'insert'").set("pipeline.insert_unknown", "'dead_letter'");
        bed.fault(Fault::on(On::Create, page(status, Origin::Edge)).times(3));
        let metrics = bed.run(&numbered(20)).await;
        assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (20, 0), "{status}");
        assert_eq!(bed.org.journal().len(), 20, "{status}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_of_data_are_waited_for_and_say_where_to() {
    let mut bed = TestBed::new("redirect").await;
    bed.native();
    bed.config.in_route("operation", "'insert'").set("pipeline.insert_unknown", "'dead_letter'");
    let moved = Action::redirect(302, "https://renamed.my.salesforce.com/services/data?token=hunter2");
    bed.fault(Fault::on(On::Data, moved).after(1).times(6));
    let daemon = started(&bed, 20).await;
    let line = daemon
        .event("org_unavailable")
        .mentions("https://renamed.my.salesforce.com/services/data")
        .mentions("My Domain")
        .await;
    assert!(!line.contains("hunter2"), "{line}");
    let metrics = daemon.settled(20).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (20, 0));
    assert_eq!(bed.org.journal().len(), 20);
    assert!(bed.org.calls().logins_granted > 1, "another login is told where the org is");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_redirected_or_says_retry_is_waited_for_at_the_start() {
    let bed = TestBed::new("login-trouble").await;
    let moved = Action::redirect(302, "https://renamed.my.salesforce.com/");
    bed.fault(Fault::on(On::Login, moved));
    let retry = Action::oauth_error("unknown_error", "retry your request");
    bed.fault(Fault::on(On::Login, retry).times(2));
    all_written(&bed, 3).await;
    assert_eq!(bed.org.calls().login, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_end_soon_after_each_other_cost_no_wait() {
    let mut bed = TestBed::new("expired-often").await;
    bed.config.set("salesforce.login_interval", "'1h'");
    let daemon = Daemon::start(&bed.config).await;
    for round in 1..=3 {
        bed.produce(&numbered(5)).await;
        daemon.settled(round * 5).await;
        if round < 3 {
            bed.org.expire_sessions();
        }
    }
    assert_eq!(bed.org.calls().logins_granted, 3);
    daemon.stop().await;
}
