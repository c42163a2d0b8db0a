use std::{collections::BTreeMap, process::Command};

use serde::Deserialize;

use super::{canonical, reads};
use crate::harness::{Daemon, Seeded, TestBed, bytes, record};

#[derive(Deserialize)]
struct Printed {
    case: String,
    key: Option<String>,
    value: Option<String>,
    /// The operation's header, where there is one.
    operation: Option<String>,
    expect: Option<BTreeMap<String, String>>,
    /// A null, which deletes.
    #[serde(default)]
    deletes: bool,
}

/// Connect's own `JsonConverter` at work.
fn cases(decimals: &str) -> Vec<Printed> {
    let root = env!("CARGO_MANIFEST_DIR");
    let jars = std::fs::read_dir(format!("{root}/target/kafka-libs")).unwrap().next().unwrap().unwrap().path();
    let output = Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", &format!("{}/*", jars.display())])
        .args([&format!("{root}/tests/java/JsonConverterCases.java"), decimals])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let cases = String::from_utf8(output.stdout).unwrap();
    cases.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn what_json_converter_writes(decimals: &'static str) {
    let mut bed = TestBed::wide("connect").await;
    reads(&mut bed, "json_with_schema").await;
    bed.config.in_route("key.format", "'json_with_schema'");
    Seeded(&bed.org).create("Account", r#"{"Name":"Acme","ExternalId__c":"1580"}"#).await;
    let cases = tokio::task::spawn_blocking(move || cases(decimals)).await.unwrap();
    assert!(cases.len() > 90);
    let records: Vec<_> = cases
        .iter()
        .map(|case| {
            let (key, value) = (case.key.as_deref().map(bytes), case.value.as_deref().map(bytes));
            let record = record(key.unwrap(), value.unwrap());
            match case.operation.as_deref() {
                Some(word) => record.header("operation", bytes(word)),
                None => record,
            }
        })
        .collect();
    bed.produce(&records).await;
    let daemon = Daemon::start(&bed.config).await;
    let metrics = daemon.settled(records.len() as u64).await;
    let rejected = cases.iter().filter(|case| case.expect.is_none() && !case.deletes).count() as u64;
    for case in &cases {
        // A parent is cleared by its reference.
        let name = |name: &str, json: &str| if json == "null" { name.replace("__r", "__c") } else { name.to_owned() };
        let expected = case.expect.as_ref().map(|fields| {
            fields.iter().map(|(field, json)| (name(field, json), canonical(json))).collect::<BTreeMap<_, _>>()
        });
        let sent = bed.sent(&case.case);
        let sent = sent.map(|fields| fields.into_iter().map(|(name, json)| (name, canonical(&json))).collect());
        assert_eq!(sent, expected, "{}", case.case);
    }
    assert_eq!(metrics.settled("dead_lettered"), rejected);
    let letters = bed.dead_letters(rejected as usize).await;
    assert!(letters.iter().all(|l| l.header("__connect.errors.stage").as_deref() == Some("VALUE_CONVERTER")));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_converter_with_decimals_in_base64() {
    what_json_converter_writes("BASE64").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_converter_with_numeric_decimals() {
    what_json_converter_writes("NUMERIC").await;
}
