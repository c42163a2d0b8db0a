//! The two examples that everybody who comes from Axual's sink begins with: Avro values, text keys, INSERT.

use serde_json::{Value, json};

use super::reads;
use crate::harness::{Rig, key_pair, record, registry, unique};

async fn insert_contacts(mut rig: Rig) {
    reads(&mut rig, "avro").await;
    rig.config
        .in_route("sobject", "'Contact'")
        .in_route("operation", "'insert'")
        .not_in_route("external_id_field")
        .not_in_route("operation_header")
        .not_in_route("tombstone");
    let schema = json!({"type": "record", "name": "Contact", "namespace": "crm", "fields": [
        {"name": "FirstName", "type": ["null", "string"], "default": null},
        {"name": "LastName", "type": "string"},
        {"name": "Birthdate", "type": ["null", {"type": "int", "logicalType": "date"}], "default": null}]});
    let topic = unique("contacts");
    let line = |value: Value| json!({"format": "avro", "topic": topic, "field": "value", "schema": schema.to_string(), "value": value});
    let lines = [
        line(json!({"FirstName": "Ada", "LastName": "Lovelace", "Birthdate": {"$date": "1815-12-10"}})),
        line(json!({"FirstName": null, "LastName": "Hopper", "Birthdate": null})),
    ];
    let serialized = registry().await.serialize(&lines).await;
    let records: Vec<_> = serialized.into_iter().map(|s| record("any text", s.bytes.unwrap())).collect();
    let metrics = rig.run(&records).await;
    assert_eq!(metrics.settled("written"), 2);
    let contacts = rig.org.records("Contact");
    let names: Vec<_> = contacts.iter().map(|c| serde_json::to_string(&c.fields["LastName"]).unwrap()).collect();
    assert_eq!(names, ["\"Lovelace\"", "\"Hopper\""]);
    assert_eq!(serde_json::to_string(&contacts[0].fields["Birthdate"]).unwrap(), "\"1815-12-10\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn minimal_insert_with_client_credentials() {
    insert_contacts(Rig::new("axual-1").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn minimal_insert_with_a_jwt() {
    let mut rig = Rig::new("axual-2").await;
    let dir = tempfile::tempdir().unwrap();
    let (private, public) = key_pair();
    let key = dir.path().join("key.pem");
    std::fs::write(&key, private).unwrap();
    rig.org.change_settings(json!({"jwt_public_key": public})).unwrap();
    rig.config.set("salesforce.auth.flow", "'jwt_bearer'").unset("salesforce.auth.client_secret");
    rig.config.set("salesforce.auth.username", "'sync@example.com'");
    rig.config.set("salesforce.auth.private_key", &format!("{{ file = '{}' }}", key.display()));
    insert_contacts(rig).await;
}
