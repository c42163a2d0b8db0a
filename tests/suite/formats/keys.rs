use serde_json::{Value, json};

use super::with_headers;
use crate::harness::{Daemon, TestBed, record, registry, unique};

/// Records under these keys, and the external ids that come of them; `None` is a dead letter of the key's converter.
async fn keys(format: &str, field: Option<&str>, lines: Vec<(Value, Option<&str>)>) {
    let mut bed = TestBed::new("keys").await;
    bed.config.set("schema_registry.url", &format!("'{}'", registry().await.url));
    bed.config.in_route("key.format", &format!("'{format}'"));
    if let Some(field) = field {
        bed.config.in_route("key.field", &format!("'{field}'"));
    }
    let only: Vec<_> = lines.iter().map(|(line, _)| line.clone()).collect();
    let serialized = registry().await.serialize(&only).await;
    let value = r#"{"Text__c":"x"}"#;
    let records: Vec<_> =
        serialized.iter().map(|key| with_headers(record(key.bytes.clone().unwrap(), value), key)).collect();
    bed.produce(&records).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(records.len() as u64).await;
    for (line, id) in &lines {
        if let Some(id) = id {
            assert!(bed.find(id).is_some(), "{id}: {line}");
        }
    }
    let rejected = lines.iter().filter(|(_, id)| id.is_none()).count();
    assert_eq!(bed.org.records(crate::harness::OBJECT).len(), lines.len() - rejected);
    if rejected > 0 {
        for letter in bed.dead_letters(rejected).await {
            assert_eq!(letter.header("__connect.errors.stage").as_deref(), Some("KEY_CONVERTER"));
            assert_eq!(letter.header("__connect.errors.exception.class.name").as_deref(), Some("sobjectd.InvalidKey"));
        }
    }
    daemon.stop().await;
}

fn avro(topic: &str, schema: Value, value: Value) -> Value {
    json!({"format": "avro", "topic": topic, "field": "key", "schema": schema.to_string(), "value": value})
}

#[tokio::test(flavor = "multi_thread")]
async fn avro_primitives_can_be_keys() {
    let lines = vec![
        (avro(&unique("k"), json!("string"), json!("a😀")), Some("a😀")),
        (avro(&unique("k"), json!("long"), json!(i64::MAX)), Some("9223372036854775807")),
        (avro(&unique("k"), json!("boolean"), json!(true)), Some("true")),
        (
            avro(&unique("k"), json!({"type": "int", "logicalType": "date"}), json!({"$date": "2024-02-29"})),
            Some("2024-02-29"),
        ),
        (avro(&unique("k"), json!({"type": "array", "items": "string"}), json!(["a"])), None),
        (
            avro(
                &unique("k"),
                json!({"type": "record", "name": "K", "fields": [{"name": "id", "type": "int"}]}),
                json!({"id": 7}),
            ),
            None,
        ),
    ];
    keys("avro", None, lines).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_of_a_structure_can_be_the_key() {
    let schema = json!({"type": "record", "name": "K", "fields": [
        {"name": "id", "type": ["null", "long"]}, {"name": "region", "type": "string"}]});
    let topic = unique("k");
    let lines = vec![
        (avro(&topic, schema.clone(), json!({"id": 7, "region": "eu"})), Some("7")),
        (avro(&topic, schema, json!({"id": null, "region": "eu"})), None),
    ];
    keys("avro", Some("ID"), lines).await;

    let decimal = json!({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2});
    let schema = json!({"type": "record", "name": "K", "fields": [{"name": "id", "type": decimal}]});
    let line = avro(&unique("k"), schema, json!({"id": {"$decimal": "-1.50"}}));
    keys("avro", Some("id"), vec![(line, Some("-1.50"))]).await;

    let topic = unique("k");
    let schema = json!({"$schema": "http://json-schema.org/draft-07/schema#", "title": "K", "type": "object",
                        "properties": {"id": {"type": ["number", "boolean"]}}});
    let line = |value: Value| json!({"format": "json", "topic": topic, "field": "key", "schema": schema.to_string(), "value": value});
    let lines = vec![
        (line(json!({"id": -1.5})), Some("-1.5")),
        (line(json!({"id": true})), Some("true")),
        (line(json!({})), None),
    ];
    keys("json_schema", Some("id"), lines).await;
}
