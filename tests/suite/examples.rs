//! The files of `config/examples`, each loaded whole as it stands: the four examples that everybody who comes from
//! Axual's sink begins with. Only addresses, the group and the private key come from the environment.

use sandbox::{Server, ServerOptions};
use serde_json::{Value, json};

use crate::harness::{
    Broker, Daemon, OBJECT, Read, Record, Serialized, broker, key_pair, org, python, record, registry, unique,
};

/// A file, the broker and the org that it runs between, and its topics, which are new.
struct Example {
    file: &'static str,
    topic: &'static str,
    broker: &'static Broker,
    org: Server,
}

impl Example {
    async fn new(file: &'static str, topic: &'static str, letters: Option<&str>) -> Self {
        let broker = broker().await;
        broker.remove(topic).await;
        broker.topic(topic, 1).await;
        if let Some(letters) = letters {
            broker.remove(letters).await;
        }
        let org = Server::start(ServerOptions::default()).await.unwrap();
        org.change_settings(json!({"jwt_public_key": key_pair().1})).unwrap();
        Self { file, topic, broker, org }
    }

    /// The Avro values that foreign serializers make of these, with text keys and perhaps the header that names the
    /// operation.
    async fn produce(&self, schema: &Value, rows: &[(&str, Option<&str>, Value)]) {
        let schema = schema.to_string();
        let line = |value: &Value| json!({"format": "avro", "topic": self.topic, "field": "value", "schema": schema, "value": value});
        let lines: Vec<_> = rows.iter().map(|(.., value)| line(value)).collect();
        let values = registry().await.serialize(&lines).await;
        let to_record = |((key, operation, _), value): (&(&str, Option<&str>, Value), Serialized)| {
            let record = Record { key: Some((*key).into()), value: value.bytes, ..Record::default() };
            operation.iter().fold(record, |record, word| record.operation(word))
        };
        let records: Vec<Record> = rows.iter().zip(values).map(to_record).collect();
        python::produce(self.broker, self.topic, &records).await;
    }

    async fn start(&self) -> Daemon {
        let path = format!("{}/config/examples/{}", env!("CARGO_MANIFEST_DIR"), self.file);
        let toml = std::fs::read_to_string(path).unwrap();
        let mut environment = vec![
            ("SOBJECTD__KAFKA__BOOTSTRAP_SERVERS", self.broker.bootstrap.clone()),
            ("SOBJECTD__KAFKA__GROUP_ID", unique(self.file)),
            ("SOBJECTD__SALESFORCE__LOGIN_URL", self.org.url().to_owned()),
            ("SOBJECTD__SCHEMA_REGISTRY__URL", registry().await.url.clone()),
            ("SOBJECTD__ADMIN__LISTEN", "127.0.0.1:0".to_owned()),
            ("SF_CLIENT_ID", sandbox::CLIENT_ID.to_owned()),
            ("SF_CLIENT_SECRET", sandbox::CLIENT_SECRET.to_owned()),
        ];
        if toml.contains("jwt_bearer") {
            environment.push(("SOBJECTD__SALESFORCE__AUTH__PRIVATE_KEY", key_pair().0.clone()));
        }
        let environment: Vec<_> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let daemon = Daemon::spawn_with(&toml, &environment);
        daemon.ready().await;
        daemon
    }

    /// What the record of this external id holds in one field, as JSON.
    fn field(&self, sobject: &str, key: &str, field: &str) -> Option<String> {
        let key = Value::from(key).to_string();
        org::find(&self.org, sobject, "ExternalId__c", &key).map(|fields| fields[field].clone())
    }

    /// All dead letters: the exception's class by record key.
    async fn letters(&self, topic: &str, count: usize) -> Vec<(String, String)> {
        let letters = python::consume(self.broker, topic, count).await;
        assert_eq!(letters.len(), count, "{letters:#?}");
        let told = |letter: &Read| {
            assert_eq!(letter.header("__connect.errors.topic").unwrap(), self.topic);
            let key = String::from_utf8(letter.key.clone().unwrap()).unwrap();
            (key, letter.header("__connect.errors.exception.class.name").unwrap())
        };
        letters.iter().map(told).collect()
    }
}

fn contact() -> Value {
    json!({"type": "record", "name": "Contact", "namespace": "crm", "fields": [
        {"name": "FirstName", "type": ["null", "string"], "default": null},
        {"name": "LastName", "type": "string"},
        {"name": "Birthdate", "type": ["null", {"type": "int", "logicalType": "date"}], "default": null}]})
}

fn named(last_name: &str) -> Value {
    json!({"FirstName": null, "LastName": last_name, "Birthdate": null})
}

async fn inserts_contacts(file: &'static str, topic: &'static str) {
    let example = Example::new(file, topic, None).await;
    let ada = json!({"FirstName": "Ada", "LastName": "Lovelace", "Birthdate": {"$date": "1815-12-10"}});
    // The same key: plain inserts do not ask for it.
    example.produce(&contact(), &[("any text", None, ada), ("any text", None, named("Hopper"))]).await;
    let daemon = example.start().await;
    let metrics = daemon.settled(2).await;
    assert_eq!(metrics.settled("written"), 2);
    let contacts = example.org.records("Contact");
    let text = |row: usize, field: &str| serde_json::to_string(&contacts[row].fields[field]).unwrap();
    assert_eq!(contacts.len(), 2);
    assert_eq!((text(0, "LastName"), text(1, "LastName")), ("\"Lovelace\"".into(), "\"Hopper\"".into()));
    assert_eq!(text(0, "Birthdate"), "\"1815-12-10\"");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn insert_client_credentials() {
    inserts_contacts("insert-client-credentials.toml", "contacts").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn insert_jwt() {
    inserts_contacts("insert-jwt.toml", "new-contacts").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn upsert_dead_letters() {
    let letters = "salesforce-sobject-sink-dlq";
    let example = Example::new("upsert-dead-letters.toml", "my-objects", Some(letters)).await;
    let schema = json!({"type": "record", "name": "MyObject", "namespace": "crm", "fields": [
        {"name": "Text__c", "type": "string"},
        {"name": "Number__c", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}}]});
    let row = |text: &str, number: &str| json!({"Text__c": text, "Number__c": {"$decimal": number}});
    let rows = [
        ("M-1", None, row("first", "1.00")),
        ("M-2", None, row(&"x".repeat(300), "2.00")),
        ("M-1", None, row("second", "1.50")),
        ("M-3", None, row("third", "3.00")),
    ];
    example.produce(&schema, &rows).await;
    // Nothing that the registry knows.
    python::produce(example.broker, example.topic, &[record("M-4", "not avro")]).await;
    let daemon = example.start().await;
    let metrics = daemon.settled(5).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (3, 2));
    assert_eq!(example.org.records(OBJECT).len(), 2);
    let field = |key: &str, field: &str| example.field(OBJECT, key, field).unwrap();
    assert_eq!((field("M-1", "Text__c"), field("M-1", "Number__c")), ("\"second\"".into(), "1.50".into()));
    assert_eq!(field("M-3", "Text__c"), "\"third\"");
    let mut found = example.letters(letters, 2).await;
    found.sort();
    let class = |key: &str, class: &str| (key.to_owned(), format!("sobjectd.{class}"));
    assert_eq!(found, [class("M-2", "Refused"), class("M-4", "InvalidValue")]);
    assert_eq!(example.broker.partitions(letters).await, Some(1));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cdc_headers() {
    let letters = "contact-changes-dlq";
    let example = Example::new("cdc-headers.toml", "contact-changes", Some(letters)).await;
    let rows = [
        ("C-1", Some("c"), named("Lovelace")),
        ("C-2", Some("INSERT"), named("Hopper")),
        ("C-3", None, named("Hamilton")),
        ("C-4", Some("c"), named("Liskov")),
        ("C-1", Some("UPDATE"), named("King")),
        ("C-2", Some("DELETE"), named("Hopper")),
        ("C-4", None, Value::Null),
        ("C-5", Some("MERGE"), named("Perlman")),
        ("C-6", Some("u"), named("Lamarr")),
    ];
    example.produce(&contact(), &rows).await;
    let daemon = example.start().await;
    let metrics = daemon.settled(9).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (7, 2));
    let name = |key: &str| example.field("Contact", key, "LastName");
    assert_eq!((name("C-1"), name("C-3")), (Some("\"King\"".into()), Some("\"Hamilton\"".into())));
    assert_eq!((name("C-2"), name("C-4")), (None, None), "deleted by a header, and by a tombstone");
    let mut found = example.letters(letters, 2).await;
    found.sort();
    let class = |key: &str, class: &str| (key.to_owned(), format!("sobjectd.{class}"));
    assert_eq!(found, [class("C-5", "InvalidOperation"), class("C-6", "NotFound")]);
    daemon.stop().await;
}
