//! Clients of other authors, as their registries have them: jsforce and simple-salesforce. Their scripts say what
//! they see; what they did is in the org.

use std::{collections::BTreeSet, path::Path, process::Command};

use sandbox::Org;
use serde_json::json;

use crate::Client;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Runs `program script URL CLIENT_ID CLIENT_SECRET`, and fails if it fails.
async fn run(client: &Client, program: &str, script: &str) {
    client.org.change_settings(json!({"page_size": 20})).unwrap();
    let mut command = Command::new(program);
    command.arg(Path::new(ROOT).join(script)).args([client.org.url(), sandbox::CLIENT_ID, sandbox::CLIENT_SECRET]);
    command.env("NODE_PATH", Path::new(ROOT).join("target/js/node_modules"));
    let what = format!("{command:?}");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    let output = output.unwrap_or_else(|error| panic!("{what}: {error}; script/setup installs it"));
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    assert!(output.status.success(), "{what}: {}\n{said}", output.status);
}

/// The names of what is there at the end.
fn names(org: &Org, sobject: &str) -> BTreeSet<String> {
    let name = |fields: &std::collections::BTreeMap<String, sandbox::Value>| {
        fields.get("LastName").or(fields.get("Name")).and_then(|name| name.as_text().map(str::to_owned))
    };
    org.records(sobject).iter().filter_map(|record| name(&record.fields)).collect()
}

fn fifty() -> BTreeSet<String> {
    (0..50).map(|n| format!("L{n}")).collect()
}

#[tokio::test]
async fn jsforce() {
    let client = Client::start().await;
    run(&client, "node", "tests/js/jsforce_client.cjs").await;
    assert_eq!(names(&client.org, "Contact"), ["Hopper".to_owned()].into());
    assert_eq!(names(&client.org, "Lead"), fifty());
    assert!(client.org.records("Case").is_empty());
    let calls = client.org.calls();
    assert_eq!((calls.row_calls, calls.rows_delete), (10, 6));
}

#[tokio::test]
async fn simple_salesforce() {
    let client = Client::start().await;
    let python = format!("{ROOT}/target/python/bin/python");
    run(&client, &python, "tests/python/simple_salesforce_client.py").await;
    assert_eq!(names(&client.org, "Contact"), ["Hopper".to_owned()].into());
    assert_eq!(names(&client.org, "Lead"), fifty());
    assert!(client.org.records("Opportunity").is_empty());
    assert_eq!(client.org.calls().rows_delete, 4);
}
