//! What the daemon says of a part of its work that waits while the rest goes on: in its log, to probes, to
//! `sobjectd status` and in its metrics.

use sandbox::{Action, Fault, On};
use serde_json::{Value, json};

use crate::{
    harness::{Daemon, Metrics, OBJECT, TestBed, python, record, side_by_side, unique, until, upsert},
    states::{as_json, status},
};

const CLOSED: &str = "sobjectd_closed";

/// A bed with a second route, into `Contact`, and its topic.
async fn two_routes(name: &str) -> (TestBed, String) {
    let mut bed = TestBed::new(name).await;
    let contacts = unique(&format!("{name}.contacts"));
    bed.broker.topic(&contacts, 1).await;
    bed.config.set("salesforce.quota.probe_interval", "'200ms'").route(&[
        ("topic", &format!("'{contacts}'")),
        ("sobject", "'Contact'"),
        ("operation", "'upsert'"),
        ("external_id_field", "'ExternalId__c'"),
    ]);
    (bed, contacts)
}

/// Waits until the one thing that is closed is shown, and returns it.
async fn the_closed(admin: &str) -> Value {
    let shown = async || Some(as_json(admin).await["closed"].clone()).filter(|closed| closed[0].is_object());
    let closed = until("something closed in /status", shown).await;
    assert_eq!(closed.as_array().unwrap().len(), 1, "{closed}");
    closed[0].clone()
}

/// Waits until nothing of what was closed is shown any more.
async fn all_open(daemon: &Daemon, admin: &str) {
    let open = async || (as_json(admin).await["closed"] == json!([])).then_some(());
    until("nothing closed in /status", open).await;
    assert_eq!(daemon.metrics().await.samples(CLOSED, &[]), 0);
    let (code, body) = daemon.page("/ready").await.unwrap();
    assert!(code == 200 && !body.contains("closed"), "{body}");
}

async fn written(daemon: &Daemon, what: &str, count: u64) -> Metrics {
    let enough = |metrics: &Metrics| metrics.settled("written") >= count;
    until(what, async || Some(daemon.metrics().await).filter(enough)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_is_refused_or_parked_is_named_until_it_is_open_again() {
    let place = "upsert Contact by ExternalId__c";
    let cases = [
        ("refused", "place_refused", "ERROR", Action::error(403, "FORBIDDEN", "You don't have permission.")),
        ("parked", "rows_parked", "WARN", Action::row_error("TERRITORY_REALIGN_IN_PROGRESS", "try again later")),
    ];
    side_by_side(cases, async |(reason, event, level, fault)| {
        let (bed, contacts) = two_routes(&format!("closed-{reason}")).await;
        let daemon = Daemon::start(&bed.config).await;
        let admin = daemon.admin().unwrap();
        let code = if reason == "refused" { "FORBIDDEN" } else { "TERRITORY_REALIGN_IN_PROGRESS" };
        bed.fault(Fault::on(On::Upsert, fault.clone()).sobject("Contact").always());
        let contact = |n: usize| record(format!("c{n}"), json!({"LastName": "x"}).to_string());
        python::produce(bed.broker, &contacts, &[contact(0), contact(1)]).await;
        let closed = the_closed(&admin).await;
        assert_eq!((&closed["what"], &closed["reason"]), (&json!(place), &json!(reason)));
        assert!(closed["why"].as_str().unwrap().contains(code), "{closed}");
        let (since, hint) = (closed["since"].as_str().unwrap(), closed["hint"].as_str().unwrap());
        assert!(since.starts_with("20") && hint.contains("goes on by itself"), "{closed}");

        bed.produce(&[upsert("other", "1")]).await;
        let metrics = written(&daemon, "the other route", 1).await;
        assert_eq!(metrics.sum(CLOSED, &[("what", place), ("reason", reason)]), 1);
        assert_eq!(metrics.sum("sobjectd_stalled_rows", &[("route", &contacts)]), 2);
        assert_eq!(metrics.sum("sobjectd_stalled_rows", &[("route", &bed.topic)]), 0);
        assert_eq!(metrics.sum("sobjectd_route_barred", &[]), 0, "two rows are less than its share");
        let line = format!("\nclosed: {place}, since 20");
        let (ready, body) = daemon.page("/ready").await.unwrap();
        assert!(ready == 200 && body.contains(&line) && body.contains(hint), "{body}");
        let table = status(&["--ready"], &admin).await;
        let text = String::from_utf8(table.stdout).unwrap();
        assert!(table.status.code() == Some(0) && text.contains(&line) && text.contains(code), "{text}");
        // A few probes later it is one line.
        until("more probes", async || (bed.org.calls().upsert >= 4).then_some(())).await;
        let lines = daemon.event(event).lines();
        assert_eq!((lines.len(), &lines[0]["level"], &lines[0]["sobject"]), (1, &json!(level), &json!("Contact")));

        bed.org.clear_faults();
        assert_eq!(daemon.settled(3).await.settled("written"), 3, "{reason}");
        daemon.event("place_reopened").with("what", place).with("reason", reason).await;
        all_open(&daemon, &admin).await;
        assert_eq!(daemon.metrics().await.sum("sobjectd_stalled_rows", &[]), 0);
        daemon.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_whose_only_route_is_refused_is_not_ready() {
    let bed = TestBed::new("closed-alone").await;
    let daemon = Daemon::start(&bed.config).await;
    let admin = daemon.admin().unwrap();
    bed.fault(Fault::on(On::Upsert, Action::error(403, "FORBIDDEN", "You don't have permission.")).always());
    bed.produce(&[upsert("a", "1"), upsert("b", "2")]).await;
    daemon.not_ready().await;
    let (_, body) = daemon.page("/ready").await.unwrap();
    let closed = format!("\nclosed: upsert {OBJECT} by ExternalId__c, since 20");
    assert!(body.starts_with("waiting since 20") && body.contains("\nwaiting for operator since 20"), "{body}");
    assert!(body.contains(&closed) && body.contains("FORBIDDEN"), "{body}");
    assert_eq!(status(&["--ready"], &admin).await.status.code(), Some(1));
    assert_eq!(daemon.metrics().await.sum("sobjectd_state", &[("state", "waiting")]), 1);
    bed.org.clear_faults();
    assert_eq!(daemon.settled(2).await.settled("written"), 2);
    daemon.ready().await;
    all_open(&daemon, &admin).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_storage_is_named_until_there_is_room() {
    let (bed, _) = two_routes("closed-storage").await;
    let daemon = Daemon::start(&bed.config).await;
    let admin = daemon.admin().unwrap();
    bed.produce(&[upsert("there", "1")]).await;
    written(&daemon, "the first record", 1).await;
    bed.org.change_settings(json!({"storage_records": 1})).unwrap();
    bed.produce(&(0..20).map(|n| upsert(&format!("new{n}"), "1")).collect::<Vec<_>>()).await;
    let closed = the_closed(&admin).await;
    assert_eq!((&closed["what"], &closed["reason"]), (&json!("new records"), &json!("storage")));
    assert!(closed["why"].as_str().unwrap().contains("STORAGE_LIMIT_EXCEEDED"), "{closed}");
    assert!(closed["hint"].as_str().unwrap().contains("free storage"), "{closed}");
    bed.produce(&[upsert("there", "2")]).await;
    let metrics = written(&daemon, "an upsert that finds its record", 2).await;
    assert_eq!(metrics.sum(CLOSED, &[("what", "new records"), ("reason", "storage")]), 1);
    let (ready, body) = daemon.page("/ready").await.unwrap();
    assert!(ready == 200 && body.contains("\nclosed: new records, since 20"), "the other route is open: {body}");
    until("more probes", async || (bed.org.calls().upsert >= 5).then_some(())).await;
    assert_eq!(daemon.event("storage_full").with("level", "ERROR").lines().len(), 1, "not one line a row");
    bed.org.change_settings(json!({"storage_records": null})).unwrap();
    assert_eq!(daemon.settled(22).await.settled("written"), 22);
    daemon.event("place_reopened").with("reason", "storage").await;
    all_open(&daemon, &admin).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_whose_waiting_records_hold_more_than_their_share_reads_no_further_and_says_so() {
    let (mut bed, contacts) = two_routes("closed-share").await;
    bed.config.set("pipeline.max_in_flight_rows", "40");
    let daemon = Daemon::start(&bed.config).await;
    bed.fault(Fault::on(On::Upsert, Action::page(403, "<html>Request blocked</html>")).sobject("Contact").always());
    let contact = |n: usize| record(format!("c{n}"), json!({"LastName": "x"}).to_string());
    python::produce(bed.broker, &contacts, &(0..100).map(contact).collect::<Vec<_>>()).await;
    let of = |metrics: &Metrics, name: &str| metrics.sum(name, &[("route", &contacts)]);
    let barred = |metrics: &Metrics| of(metrics, "sobjectd_route_barred") == 1;
    let metrics = until("the route to be barred", async || Some(daemon.metrics().await).filter(barred)).await;
    assert!(of(&metrics, "sobjectd_stalled_rows") > 20, "half of the budget is the share of each of two routes");
    bed.produce(&(0..80).map(|n| upsert(&format!("key{n}"), "1")).collect::<Vec<_>>()).await;
    let metrics = written(&daemon, "the other route, more than the budget holds", 80).await;
    assert!(barred(&metrics) && of(&metrics, "sobjectd_records_read_total") < 100, "it reads no further");
    assert_eq!(metrics.sum("sobjectd_route_barred", &[("route", &bed.topic)]), 0);
    bed.org.clear_faults();
    let metrics = daemon.settled(180).await;
    assert_eq!((metrics.settled("written"), of(&metrics, "sobjectd_route_barred")), (180, 0));
    daemon.stop().await;
}
