//! A fault of a whole route: with `routes.breaker` it costs that number of dead letters, and is waited for.

use sandbox::{Action, Fault, On};
use serde_json::json;

use super::started;
use crate::harness::{Daemon, Metrics, OBJECT, TestBed, python, record, unique, until};

async fn bed(name: &str) -> TestBed {
    let mut bed = TestBed::new(name).await;
    bed.config.in_route("breaker", "5").set("pipeline.batch_rows", "20");
    bed
}

/// A validation rule that no record of the object fulfils.
fn rule() -> Action {
    Action::row_error("FIELD_CUSTOM_VALIDATION_EXCEPTION", "not on a Monday")
}

fn is_open(metrics: &Metrics, route: &str) -> bool {
    metrics.sum("sobjectd_breaker_open", &[("route", route)]) == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_refuses_all_rows_of_a_route_opens_its_breaker_only() {
    let mut bed = bed("breaker").await;
    let accounts = unique("accounts");
    bed.broker.topic(&accounts, 1).await;
    bed.config.set("pipeline.max_in_flight_rows", "100").route(&[
        ("topic", &format!("'{accounts}'")),
        ("sobject", "'Account'"),
        ("operation", "'upsert'"),
        ("external_id_field", "'ExternalId__c'"),
    ]);
    bed.fault(Fault::on(On::Upsert, rule()).sobject(OBJECT).always());
    let daemon = started(&bed, 300).await;
    let opened = daemon.event("breaker_opened").with("route", &*bed.topic).await;
    assert_eq!(
        (&opened["code"], &opened["count"]),
        (&json!("FIELD_CUSTOM_VALIDATION_EXCEPTION"), &json!(5)),
        "{opened}"
    );
    assert!(opened.contains("not on a Monday"), "{opened}");
    let (status, body) = daemon.page("/ready").await.unwrap();
    assert!(status == 200 && body.contains(&format!("closed: {}", bed.topic)), "the other route goes on: {body}");
    let probes = async || {
        (daemon.metrics().await.sum("sobjectd_rows_repeated_total", &[("reason", "breaker")]) > 30).then_some(())
    };
    until("some probes", probes).await;
    // The other route goes on, with more records than the budget holds.
    let others: Vec<_> = (0..200).map(|n| record(format!("a{n}"), json!({"Name": "x"}).to_string())).collect();
    python::produce(bed.broker, &accounts, &others).await;
    let written = async || Some(daemon.metrics().await).filter(|metrics| metrics.settled("written") == 200);
    let metrics = until("the other route", written).await;
    assert!(is_open(&metrics, &bed.topic) && !is_open(&metrics, &accounts));
    assert_eq!(metrics.settled("dead_lettered"), 5);
    bed.org.clear_faults();
    let metrics = daemon.settled(500).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (495, 5));
    daemon.ready().await;
    daemon.event("breaker_closed").await;
    assert!(!is_open(&metrics, &bed.topic));
    daemon.stop().await;
    let dead: Vec<_> = bed.dead_letters(5).await.into_iter().map(|letter| letter.key.unwrap()).collect();
    for n in 0..300 {
        let key = format!("key{n}");
        assert_ne!(
            bed.find(&key).is_some(),
            dead.iter().any(|dead| *dead == key.as_bytes()),
            "{key} is in one of both"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_while_the_breaker_is_open_drains_at_once() {
    let bed = bed("breaker-stop").await;
    bed.fault(Fault::on(On::Upsert, rule()).always());
    let daemon = started(&bed, 100).await;
    daemon.not_ready().await;
    let from = std::time::Instant::now();
    daemon.stop().await;
    assert!(from.elapsed().as_secs() < 5, "{:?}", from.elapsed());
    let committed = bed.committed().await;
    assert!(committed <= 5, "{committed}");
    bed.org.clear_faults();
    let daemon = Daemon::start(&bed.config).await;
    let rest = u64::try_from(100 - committed).unwrap();
    let metrics = daemon.settled(rest).await;
    assert_eq!(metrics.settled("written"), rest);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_format_in_the_configuration_opens_the_breaker() {
    let mut bed = bed("breaker-format").await;
    bed.config.in_route("value.format", "'json_with_schema'");
    let daemon = started(&bed, 100).await;
    daemon.not_ready().await;
    let opened = daemon.event("breaker_opened").with("code", "InvalidValue").await;
    assert!(opened.contains("needs a restart"), "{opened}");
    let dead = async || (daemon.metrics().await.settled("dead_lettered") == 5).then_some(());
    until("the dead letters", dead).await;
    daemon.stop().await;
    assert_eq!(bed.committed().await, 5);
    bed.config.not_in_route("value.format");
    let daemon = Daemon::start(&bed.config).await;
    let metrics = daemon.settled(95).await;
    assert_eq!(metrics.settled("written"), 95);
    daemon.stop().await;
    (5..100).for_each(|n| assert_eq!(bed.text(&format!("key{n}")), n.to_string()));
    bed.dead_letters(5).await;
}
