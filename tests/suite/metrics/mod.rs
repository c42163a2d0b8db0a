//! `/metrics` is what docs/operations.md says, and has what dashboards and alerts ask for.

mod counted;
mod documented;
mod watched;

use std::collections::{BTreeMap, BTreeSet};

use sandbox::{Action, Fault, On};
use serde_json::json;

use crate::harness::{Daemon, FakeRegistry, TestBed, python, record, unique, until, upsert};

const OPERATIONS: &str = include_str!("../../../docs/operations.md");

/// Type and labels of each metric.
type Families = BTreeMap<String, (String, BTreeSet<String>)>;

/// The scrape of a daemon that has written, rejected, looked up, and asked a registry, and for which one place is
/// refused and the storage is full.
async fn exercised() -> String {
    let mut bed = TestBed::new("metrics").await;
    let (topic, contacts, registry) = (unique("metrics.avro"), unique("metrics.contacts"), FakeRegistry::default());
    let schema = r#"{"type":"record","name":"r","fields":[{"name":"Text__c","type":"string"}]}"#;
    registry.schema("schemas/ids/1", "AVRO", schema);
    bed.broker.topic(&topic, 1).await;
    bed.broker.topic(&contacts, 1).await;
    bed.config.route(&[
        ("topic", &format!("'{contacts}'")),
        ("sobject", "'Contact'"),
        ("operation", "'upsert'"),
        ("external_id_field", "'ExternalId__c'"),
    ]);
    bed.config.set("schema_registry.url", &format!("'{}'", registry.start().await)).route(&[
        ("topic", &format!("'{topic}'")),
        ("sobject", "'MyObject__c'"),
        ("external_id_field", "'ExternalId__c'"),
        ("value.format", "'avro'"),
    ]);
    bed.produce(&[upsert("a", "1"), upsert("nobody", "1").operation("UPDATE"), upsert("long", &"x".repeat(300))]).await;
    python::produce(bed.broker, &topic, &[record("b", [0, 0, 0, 0, 1, 2, b'x'])]).await;
    let daemon = Daemon::start(&bed.config).await;
    let metrics = daemon.settled(4).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (2, 2));
    bed.org.change_settings(json!({"storage_records": 0})).unwrap();
    bed.fault(Fault::on(On::Upsert, Action::error(403, "FORBIDDEN", "no")).sobject("Contact").always());
    bed.produce(&[upsert("no-room", "1")]).await;
    python::produce(bed.broker, &contacts, &[record("c", r#"{"LastName":"C"}"#)]).await;
    let parts = ["sobjectd_consumer_lag{", r#"reason="refused""#, r#"reason="storage""#];
    let told =
        async || Some(daemon.page("/metrics").await?.1).filter(|text| parts.iter().all(|part| text.contains(part)));
    let text = until("the lag, and what is closed", told).await;
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

/// The rows of a section's first table: the cells of each, without the ticks.
fn table(section: &str) -> Vec<Vec<&'static str>> {
    let mut sections = OPERATIONS.split("\n## ");
    let section = sections.find(|text| text.strip_prefix(section).is_some_and(|rest| rest.starts_with('\n'))).unwrap();
    let first = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let rows = first.filter(|line| line.starts_with("| `"));
    rows.map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`')).collect()).collect()
}
