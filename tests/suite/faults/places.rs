//! One SObject, action and key field is refused, by the org or by something before it: its rows wait, and all others go
//! on.

use sandbox::{Action, Fault, On};
use serde_json::json;

use super::numbered;
use crate::harness::{Daemon, Metrics, OBJECT, Record, TestBed, python, record, side_by_side, unique, until, upsert};

/// The records of the refused route, and of the other one: both more than the budget holds.
const REFUSED: usize = 150;
const OTHERS: usize = 200;

/// A bed with a second route, into `Contact`, and its topic.
async fn two_routes(name: &str) -> (TestBed, String) {
    let mut bed = TestBed::new(name).await;
    let contacts = unique(&format!("{name}.contacts"));
    bed.broker.topic(&contacts, 1).await;
    bed.config
        .set("pipeline.max_in_flight_rows", "100")
        .set("pipeline.batch_rows", "20")
        .set("salesforce.quota.probe_interval", "'200ms'")
        .route(&[
            ("topic", &format!("'{contacts}'")),
            ("sobject", "'Contact'"),
            ("operation", "'upsert'"),
            ("external_id_field", "'ExternalId__c'"),
            ("operation_header", "'operation'"),
        ]);
    (bed, contacts)
}

fn contacts(range: std::ops::Range<usize>, last_name: &str) -> Vec<Record> {
    range.map(|n| record(format!("c{n}"), json!({"LastName": last_name}).to_string())).collect()
}

/// Waits until this many records are written, and returns the metrics then.
async fn written(daemon: &Daemon, what: &str, count: usize) -> Metrics {
    let enough = |metrics: &Metrics| metrics.settled("written") >= count as u64;
    until(what, async || Some(daemon.metrics().await).filter(enough)).await
}

/// Produces for both routes while `refuse` is in force, and more for the other one after that: it is written, and
/// nothing of the refused one. Once `heal` has been called, all of it is.
async fn others_go_on(name: &str, refuse: impl AsyncFn(&TestBed), heal: impl AsyncFn(&TestBed)) {
    let (bed, topic) = two_routes(name).await;
    let daemon = Daemon::start(&bed.config).await;
    refuse(&bed).await;
    python::produce(bed.broker, &topic, &contacts(0..REFUSED, "x")).await;
    until("a refused call", async || (bed.org.calls().upsert > 0).then_some(())).await;
    bed.produce(&numbered(OTHERS)).await;
    written(&daemon, "the other route", OTHERS).await;
    bed.produce(&[upsert("late", "x")]).await;
    let metrics = written(&daemon, "the other route, later", OTHERS + 1).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (OTHERS as u64 + 1, 0), "{name}");
    assert!(bed.org.records("Contact").is_empty(), "{name}");
    heal(&bed).await;
    let all = REFUSED + OTHERS + 1;
    let metrics = daemon.settled(all as u64).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (all as u64, 0), "{name}");
    assert_eq!((bed.org.records("Contact").len(), bed.org.records(OBJECT).len()), (REFUSED, OTHERS + 1), "{name}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_whose_writes_are_refused_stops_no_other() {
    let html = "<html><body>Forbidden</body></html>";
    let refusals = [
        ("place-404", Action::error(404, "NOT_FOUND", "The requested resource does not exist")),
        ("place-403", Action::error(403, "FORBIDDEN", "You don't have permission to view this data.")),
        ("place-access", Action::error(403, "INSUFFICIENT_ACCESS", "insufficient access rights on this resource")),
        ("place-405", Action::error(405, "METHOD_NOT_ALLOWED", "HTTP Method 'PATCH' not allowed.")),
        ("place-waf", Action::page(403, html)),
        ("place-proxy", Action::page(406, html)),
        ("place-moved", Action::redirect(302, "https://portal.example.com/login?from=crm")),
    ];
    side_by_side(refusals, async |(name, refusal)| {
        let refuse =
            async |bed: &TestBed| bed.fault(Fault::on(On::Upsert, refusal.clone()).sobject("Contact").always());
        others_go_on(name, refuse, async |bed: &TestBed| bed.org.clear_faults()).await;
    })
    .await;
}

/// The firewall knows neither SObjects nor routes: it does not like what the payloads of one of them hold.
#[tokio::test(flavor = "multi_thread")]
async fn a_firewall_that_dislikes_the_payloads_of_one_route_stops_no_other() {
    let refuse = async |bed: &TestBed| {
        let page = Action::page(403, "<html><body>Request blocked. Incident 17.</body></html>");
        bed.fault(Fault::on(On::Data, page).text("LastName").always());
    };
    others_go_on("place-payload", refuse, async |bed: &TestBed| bed.org.clear_faults()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_taken_away_stop_their_route_until_they_are_given_back() {
    side_by_side([("place-object", "Contact"), ("place-key", "Contact.ExternalId__c")], async |(name, hidden)| {
        let set = async |bed: &TestBed, hidden: &[&str]| {
            bed.org.change_settings(json!({"hidden": hidden})).unwrap();
        };
        others_go_on(name, async |bed: &TestBed| set(bed, &[hidden]).await, async |bed: &TestBed| set(bed, &[]).await)
            .await;
    })
    .await;
}

/// A look-up that is refused is a refusal of its update: what an upsert of the same SObject writes goes on.
#[tokio::test(flavor = "multi_thread")]
async fn updates_whose_look_up_is_refused_stop_no_upsert() {
    let refusals = [
        ("lookup-waf", Action::page(403, "<html><body>Forbidden</body></html>")),
        ("lookup-404", Action::error(404, "NOT_FOUND", "The requested resource does not exist")),
        ("lookup-type", Action::error(400, "INVALID_TYPE", "sObject type 'Contact' is not supported.")),
    ];
    side_by_side(refusals, async |(name, refusal)| {
        let (bed, topic) = two_routes(name).await;
        let daemon = Daemon::start(&bed.config).await;
        python::produce(bed.broker, &topic, &contacts(0..30, "made")).await;
        written(&daemon, "the records to update", 30).await;
        bed.fault(Fault::on(On::Query, refusal.clone()).always());
        let updates = contacts(0..30, "updated").into_iter().map(|update| update.operation("UPDATE"));
        python::produce(bed.broker, &topic, &updates.collect::<Vec<_>>()).await;
        until("a refused look-up", async || (bed.org.calls().query > 0).then_some(())).await;
        python::produce(bed.broker, &topic, &contacts(30..60, "made")).await;
        bed.produce(&numbered(40)).await;
        let metrics = written(&daemon, "all upserts", 30 + 30 + 40).await;
        assert_eq!((metrics.settled("written"), bed.org.calls().update), (100, 0), "{name}");
        bed.org.clear_faults();
        let metrics = daemon.settled(130).await;
        assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (130, 0), "{name}");
        let names: Vec<_> =
            bed.org.records("Contact").into_iter().map(|contact| contact.fields["LastName"].clone()).collect();
        assert_eq!(names.iter().filter(|name| name.as_text() == Some("updated")).count(), 30);
        daemon.stop().await;
    })
    .await;
}

/// The daemon starts although one of its SObjects cannot be described, and that one's records are not read past.
#[tokio::test(flavor = "multi_thread")]
async fn a_describe_that_a_firewall_refuses_stops_neither_the_start_nor_other_routes() {
    let refusals =
        [("describe-403", Action::page(403, "<html>")), ("describe-302", Action::redirect(302, "https://x.example/"))];
    side_by_side(refusals, async |(name, refusal)| {
        let (bed, topic) = two_routes(name).await;
        bed.fault(Fault::on(On::Describe, refusal.clone()).sobject("Contact").always());
        python::produce(bed.broker, &topic, &contacts(0..30, "x")).await;
        bed.produce(&numbered(30)).await;
        let daemon = Daemon::start(&bed.config).await;
        let refused = daemon.event("describe_refused").with("sobject", "Contact").await;
        assert!(refused.contains(if name == "describe-302" { "https://x.example/" } else { "403" }), "{refused}");
        written(&daemon, "the other route", 30).await;
        assert_eq!(daemon.metrics().await.settled("dead_lettered"), 0);
        bed.org.clear_faults();
        let metrics = daemon.settled(60).await;
        assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (60, 0), "{name}");
        daemon.stop().await;
    })
    .await;
}

/// Creates wait for room; what makes no record goes on, also in the same route.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_storage_stops_creates_only() {
    let (bed, topic) = two_routes("place-storage").await;
    let daemon = Daemon::start(&bed.config).await;
    bed.produce(&numbered(50)).await;
    written(&daemon, "the first records", 50).await;
    bed.org.change_settings(json!({"storage_records": 50})).unwrap();
    python::produce(bed.broker, &topic, &contacts(0..40, "x")).await;
    let created = (100..150).map(|n| upsert(&format!("key{n}"), "created"));
    bed.produce(&created.collect::<Vec<_>>()).await;
    until("a refused create", async || (bed.org.calls().upsert >= 4).then_some(())).await;
    let changes = (0..50).map(|n| upsert(&format!("key{n}"), "changed").operation("UPDATE"));
    bed.produce(&changes.collect::<Vec<_>>()).await;
    let metrics = written(&daemon, "the updates", 100).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (100, 0));
    bed.org.change_settings(json!({"storage_records": null})).unwrap();
    let metrics = daemon.settled(50 + 40 + 50 + 50).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (190, 0));
    assert_eq!((bed.org.records("Contact").len(), bed.org.records(OBJECT).len()), (40, 100));
    daemon.stop().await;
}
