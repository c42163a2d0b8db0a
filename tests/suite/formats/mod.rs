//! Every format, written by serializers of other projects: Confluent's for Python, and Connect's own
//! `JsonConverter`. What the org is sent is compared letter by letter.

mod as_sent;
mod avro;
mod bad;
mod connect;
mod fields;
mod json_schema;
mod keys;
mod protobuf;
mod schemas;

use serde_json::Value;

use crate::harness::{Daemon, Record, Serialized, TestBed, bytes, record, registry};

/// The route reads values of this format, with schemas of the real registry.
async fn reads(bed: &mut TestBed, format: &str) {
    bed.config.set("schema_registry.url", &format!("'{}'", registry().await.url));
    bed.config.in_route("value.format", &format!("'{format}'"));
}

/// One record: what is serialized, under which key, and what the org is sent of it, or words of its dead letter.
struct Case {
    key: String,
    line: Value,
    expect: Result<Vec<(&'static str, String)>, &'static str>,
}

fn with_headers(mut record: Record, serialized: &Serialized) -> Record {
    for (name, value) in &serialized.headers {
        record = record.header(name, bytes(value));
    }
    record
}

/// A text in one spelling; everything else as it is.
fn canonical(json: &str) -> String {
    serde_json::from_str::<String>(json).map_or_else(|_| json.to_owned(), |text| Value::from(text).to_string())
}

/// Every case through the daemon, all in one run.
async fn check(bed: &TestBed, cases: Vec<Case>) {
    let lines: Vec<_> = cases.iter().map(|case| case.line.clone()).collect();
    let serialized = registry().await.serialize(&lines).await;
    let to_record = |(case, serialized): (&Case, &Serialized)| {
        with_headers(record(case.key.as_str(), serialized.bytes.clone().unwrap()), serialized)
    };
    let records: Vec<_> = cases.iter().zip(&serialized).map(to_record).collect();
    bed.produce(&records).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(records.len() as u64).await;
    for case in &cases {
        let sent = bed.sent(&case.key).map(|fields| fields.into_iter().collect::<Vec<_>>());
        let sent =
            sent.map(|fields| fields.into_iter().map(|(name, json)| (name, canonical(&json))).collect::<Vec<_>>());
        let mut expected = case.expect.clone().ok();
        if let Some(fields) = &mut expected {
            fields.sort();
        }
        let expected =
            expected.map(|fields| fields.into_iter().map(|(name, json)| (name.to_owned(), canonical(&json))).collect());
        assert_eq!(sent, expected, "{}: {}", case.key, case.line);
    }
    let bad: Vec<_> = cases.iter().filter_map(|case| Some((&case.key, case.expect.as_ref().err()?))).collect();
    if !bad.is_empty() {
        let letters = bed.dead_letters(bad.len()).await;
        for (key, words) in bad {
            let letter = letters.iter().find(|letter| letter.key.as_deref() == Some(key.as_bytes())).unwrap();
            let message = letter.header("__connect.errors.exception.message").unwrap();
            assert!(message.contains(words), "{key}: {message:?} does not say {words:?}");
        }
    }
    daemon.stop().await;
}
