//! A broker or an org that is not there yet, or not as the configuration says.

use std::time::{Duration, Instant};

use sandbox::{Server, ServerOptions};
use serde_json::{Value, json};

use crate::harness::{Daemon, TestBed, python, upsert};

/// A port that is closed, below the ephemeral ports.
fn closed_port() -> u16 {
    let held = (20_000..30_000).find_map(|port| std::net::TcpListener::bind(("127.0.0.1", port)).ok());
    held.unwrap().local_addr().unwrap().port()
}

async fn ended_within_a_second(daemon: &mut Daemon) {
    let before = Instant::now();
    daemon.terminate();
    let status = daemon.exit().await;
    assert!(before.elapsed() < Duration::from_millis(1200), "{:?} after SIGTERM", before.elapsed());
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_broker_is_waited_for_and_named() {
    let mut bed = TestBed::new("no-broker").await;
    let closed = format!("127.0.0.1:{}", closed_port());
    bed.config.set("kafka.bootstrap_servers", &format!("'{closed}'"));
    let mut daemon = Daemon::spawn(&bed.config);
    daemon.event("brokers_unreachable").with("bootstrap_servers", &*closed).await;
    assert_eq!(daemon.status("/live").await, Some(200));
    assert_eq!(daemon.status("/ready").await, Some(503));
    ended_within_a_second(&mut daemon).await;

    bed.config.set("startup_timeout", "'1s'");
    let mut daemon = Daemon::spawn(&bed.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    daemon.event("exited_with_error").mentions(&closed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_org_is_waited_for_and_named() {
    let mut bed = TestBed::new("no-org").await;
    let port = closed_port();
    bed.config.set("salesforce.login_url", &format!("'http://127.0.0.1:{port}'"));
    let mut daemon = Daemon::spawn(&bed.config);
    daemon.event("salesforce_login_failed").mentions(&port.to_string()).await;
    ended_within_a_second(&mut daemon).await;

    let daemon = Daemon::spawn(&bed.config);
    daemon.event("salesforce_login_failed").mentions(&port.to_string()).await;
    bed.org = Server::start(ServerOptions { port, ..ServerOptions::default() }).await.unwrap();
    daemon.ready().await;
    python::produce(bed.broker, &bed.topic, &[upsert("a", "1")]).await;
    daemon.settled(1).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_that_start_up_finds_is_named_at_once() {
    let mut bed = TestBed::new("start-up").await;
    bed.config.route(&[("topic", "'no.such.topic'"), ("sobject", "'NoSuchObject__c'")]);
    bed.config.route(&[
        ("topic", "'no.such.topic.2'"),
        ("sobject", "'Contact'"),
        ("operation", "'upsert'"),
        ("external_id_field", "'NoSuchField__c'"),
    ]);
    bed.config.route(&[
        ("topic", "'no.such.topic.3'"),
        ("sobject", "'MyObject__c'"),
        ("operation", "'upsert'"),
        ("external_id_field", "'Text__c'"),
    ]);
    let mut daemon = Daemon::spawn(&bed.config);
    assert_eq!(daemon.exit().await.code(), Some(78));
    for problem in ["no.such.topic", "no.such.topic.2", "NoSuchObject__c", "NoSuchField__c", "Text__c"] {
        daemon.event("configuration_finding").with("level", "ERROR").mentions(problem).await;
    }
    for key in ["routes[1].topic", "routes[1].sobject", "routes[2].external_id_field", "routes[3].external_id_field"] {
        daemon.event("configuration_finding").with("level", "ERROR").mentions(key).await;
    }
    assert_eq!(bed.org.calls().login, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_id_field_that_is_not_unique_is_a_warning() {
    let mut bed = TestBed::new("loose").await;
    bed.config.in_route("external_id_field", "'ExternalLoose__c'");
    let daemon = Daemon::start(&bed.config).await;
    daemon.event("configuration_finding").with("level", "WARN").mentions("ExternalLoose__c").await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_sobjects_start_in_the_time_of_their_answers() {
    let digit = |n: usize| char::from_digit(n as u32, 36).unwrap();
    let sobject = |n: usize| {
        let prefix = format!("b{}{}", digit(n / 36), digit(n % 36));
        let fields = json!([{"name": "Id", "type": "id"}, {"name": "Name", "type": "string", "length": 80}]);
        json!({"name": format!("Thing{n}__c"), "keyPrefix": prefix, "fields": fields})
    };
    let schema = Value::from((0..500).map(sobject).collect::<Vec<_>>()).to_string();
    let options = ServerOptions { schema: sandbox::SchemaSource::Json(schema), ..ServerOptions::default() };
    let mut bed = TestBed::new("many").await;
    bed.org = Server::start(options).await.unwrap();
    bed.org.change_settings(json!({"latency_ms": 100})).unwrap();
    bed.config.set("salesforce.login_url", &format!("'{}'", bed.org.url())).clear_routes();
    bed.config.set("startup_timeout", "'2s'").set("salesforce.max_concurrent_requests", "10");
    for n in 0..500 {
        let (topic, sobject) = (format!("'{}-{n}.*'", bed.topic), format!("'Thing{n}__c'"));
        bed.config.route(&[("topic", &topic), ("sobject", &sobject)]);
    }
    let before = Instant::now();
    let daemon = Daemon::start(&bed.config).await;
    let took = before.elapsed();
    assert!(took > Duration::from_secs(5), "500 answers of 100 ms, ten at a time, took {took:?}");
    let calls = bed.org.calls();
    assert_eq!((calls.login, calls.describe), (1, 500));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_made_after_the_start_is_waited_for() {
    let mut bed = TestBed::new("made-later").await;
    let later = format!("{}-later", bed.topic);
    bed.config.route(&[
        ("topic", &format!("'{later}'")),
        ("sobject", "'MyObject__c'"),
        ("operation", "'upsert'"),
        ("external_id_field", "'ExternalId__c'"),
    ]);
    let daemon = Daemon::spawn(&bed.config);
    daemon.event("topics_missing").mentions(&later).await;
    assert_eq!(daemon.status("/ready").await, Some(503));
    bed.broker.topic(&later, 1).await;
    daemon.ready().await;
    python::produce(bed.broker, &later, &[upsert("a", "1")]).await;
    daemon.settled(1).await;
    daemon.stop().await;

    bed.config.in_route("topic", "'no.such.topic'").set("startup_timeout", "'1s'");
    let mut daemon = Daemon::spawn(&bed.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    daemon.event("exited_with_error").mentions("startup_timeout").mentions("no.such.topic").await;
}
