//! `/metrics` is what docs/operations.md says.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::json;

use crate::harness::{Broker, Daemon, FakeRegistry, Rig, python, record, unique, until, upsert};

const OPERATIONS: &str = include_str!("../../docs/operations.md");

/// Type and labels of each metric.
type Families = BTreeMap<String, (String, BTreeSet<String>)>;

/// The scrape of a daemon that has written, rejected, looked up, and asked a registry.
async fn exercised() -> String {
    let mut rig = Rig::new("metrics").await;
    let (topic, registry) = (unique("metrics.avro"), FakeRegistry::default());
    let schema = r#"{"type":"record","name":"r","fields":[{"name":"Text__c","type":"string"}]}"#;
    registry.schema("schemas/ids/1", "AVRO", schema);
    rig.broker.topic(&topic, 1).await;
    rig.config.set("schema_registry.url", &format!("'{}'", registry.start().await)).route(&[
        ("topic", &format!("'{topic}'")),
        ("sobject", "'MyObject__c'"),
        ("external_id_field", "'ExternalId__c'"),
        ("value.format", "'avro'"),
    ]);
    rig.produce(&[upsert("a", "1"), upsert("nobody", "1").operation("UPDATE"), upsert("long", &"x".repeat(300))]).await;
    python::produce(rig.broker, &topic, &[record("b", [0, 0, 0, 0, 1, 2, b'x'])]).await;
    let daemon = Daemon::start(&rig.config).await;
    let metrics = daemon.settled(4).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (2, 2));
    let (_, text) = daemon.page("/metrics").await.unwrap();
    daemon.stop().await;
    text
}

/// As the scrape declares them.
fn declared(text: &str) -> Families {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let of_type = |(name, kind): (&str, &str)| {
        let suffix = match kind {
            "counter" => "_total",
            "info" => "_info",
            "histogram" => "_count",
            _ => "",
        };
        let series = format!("{name}{suffix}");
        let samples =
            text.lines().filter_map(|line| line.strip_prefix(&series)).filter(|rest| rest.starts_with(['{', ' ']));
        let labels = samples.flat_map(labels).collect();
        (if kind == "histogram" { name.to_owned() } else { series }, (kind.to_owned(), labels))
    };
    types.map(of_type).collect()
}

/// The names in `{route="t",code="X"} 1`; no value of ours holds a comma.
fn labels(rest: &str) -> Vec<String> {
    let pairs = rest.split_once('}').map_or("", |(pairs, _)| pairs.trim_start_matches('{'));
    pairs.split(',').filter_map(|pair| Some(pair.split_once('=')?.0.to_owned())).collect()
}

/// As the table of the section says.
fn documented(page: &str) -> Families {
    let section = page.split("\n## ").find(|section| section.starts_with("Metrics")).unwrap();
    let in_ticks = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
    let row = |line: &str| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, name, kind, labels, meaning, _] = cells[..] else { panic!("{line}") };
        assert!(!meaning.is_empty(), "{line}");
        (in_ticks(name).remove(0), (kind.to_owned(), in_ticks(labels).into_iter().collect()))
    };
    section.lines().filter(|line| line.starts_with("| `")).map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_documented_with_its_labels() {
    let (there, documented) = (declared(&exercised().await), documented(OPERATIONS));
    for (name, family) in &there {
        assert_eq!(documented.get(name), Some(family), "{name}: in docs/operations.md");
    }
    let gone: Vec<_> = documented.keys().filter(|name| !there.contains_key(*name)).collect();
    assert!(gone.is_empty(), "not in /metrics: {gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_parts_do_is_counted() {
    let rig = Rig::with_partitions("counted", 2).await;
    rig.fault("login", json!({"kind": "status", "status": 503, "body": ""}), json!({}));
    rig.fault("upsert", json!({"kind": "lock"}), json!({"key": "locked", "times": 2}));
    let slow = json!({"kind": "latency", "ms": 500});
    rig.fault("query", slow, json!({}));
    let daemon = Daemon::start(&rig.config).await;
    rig.produce(&[upsert("known", "1"), upsert("locked", "1")]).await;
    daemon.settled(2).await;
    rig.produce(&[upsert("known", "2").operation("UPDATE"), upsert("stranger", "2").operation("UPDATE")]).await;
    let asking = async || (daemon.metrics().await.sum("sobjectd_calls_in_flight", &[]) == 1).then_some(());
    until("a call in flight", asking).await;
    assert_eq!(daemon.metrics().await.sum("sobjectd_identities_in_flight", &[]), 2, "both wait for the query");
    let settled = daemon.settled(4).await;
    let committed = async || {
        (rig.broker.committed(&rig.group, &rig.topic, 2).await.iter().flatten().sum::<i64>() == 4).then_some(())
    };
    until("the commit", committed).await;
    for (name, label, expected) in [
        ("sobjectd_logins_total", Some(("result", "ok")), 1),
        ("sobjectd_logins_total", Some(("result", "failed")), 1),
        ("sobjectd_rows_repeated_total", Some(("verdict", "again")), 2),
        ("sobjectd_rows_repeated_total", None, 2),
        ("sobjectd_cache_lookups_total", Some(("result", "hit")), 1),
        ("sobjectd_cache_lookups_total", Some(("result", "miss")), 1),
        ("sobjectd_rebalances_total", Some(("event", "assigned")), 1),
        ("sobjectd_rebalances_total", None, 1),
        ("sobjectd_assigned_partitions", None, 2),
        ("sobjectd_commits_total", Some(("result", "failed")), 0),
        ("sobjectd_record_duration_seconds_count", None, 4),
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
    static OWN: OnceLock<Broker> = OnceLock::new();
    let broker = Broker::start().await;
    let broker = OWN.get_or_init(|| broker);
    let mut rig = Rig::on(broker, "pending", 1).await;
    rig.config.set("kafka.session_timeout", "'30s'"); // the partition is not lost meanwhile
    rig.fault("upsert", json!({"kind": "latency", "ms": 1000}), json!({}));
    let daemon = Daemon::start(&rig.config).await;
    rig.produce(&[upsert("long", &"x".repeat(300))]).await;
    until("the call", async || (rig.org.calls().upsert == 1).then_some(())).await;
    broker.script("kill").await;
    let pending = async || (daemon.metrics().await.sum("sobjectd_dead_letters_pending", &[]) == 1).then_some(());
    until("a pending letter", pending).await;
    broker.script("again").await;
    let metrics = daemon.settled(1).await;
    assert_eq!((metrics.settled("dead_lettered"), metrics.sum("sobjectd_dead_letters_pending", &[])), (1, 0));
    daemon.stop().await;
}
