//! `sobjectd sandbox`: the org by itself, with objects of one's own.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::harness::output;

struct Sandbox {
    child: Child,
    url: String,
}

impl Sandbox {
    fn start(schema: &Path) -> Self {
        let mut child = command(schema).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("org ").map(str::to_owned);
        let mut sandbox = Self { child, url: String::new() };
        sandbox.url = url.unwrap_or_else(|| panic!("no address: {line:?}"));
        sandbox
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("{}{path}", self.url)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn command(schema: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sobjectd"));
    command
        .args(["sandbox", "--port", "0", "--schema"])
        .arg(schema)
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_file_takes_the_place_of_the_built_in_objects() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("orders.json");
    let schema = r#"{"name": "Order__c", "keyPrefix": "a05", "fields": [{"name": "Id", "type": "id"}]}"#;
    std::fs::write(&file, schema).unwrap();
    let sandbox = Sandbox::start(&file);
    assert_eq!(sandbox.get("/sandbox/records/Order__c").await, (200, "[]".to_owned()));
    assert_eq!(sandbox.get("/sandbox/records/Account").await.0, 404);
}

#[tokio::test]
async fn a_schema_file_that_cannot_be_taken_is_named_with_the_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("orders.json");
    let refused = async |file: &Path| {
        let output = output(&mut command(file)).await;
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let said = refused(&file).await;
    assert!(said.starts_with(&format!("sobjectd: {}: No such file", file.display())), "{said}");
    let schema =
        "{\"name\": \"Order__c\", \"keyPrefix\": \"a05\", \"fields\": [\n  {\"name\": \"Id\", \"type\": \"idd\"}]}";
    std::fs::write(&file, schema).unwrap();
    let said = refused(&file).await;
    let begin = format!(
        "sobjectd: {}:2:30: Order__c.Id: unknown variant `idd`, expected one of `id`, `string`",
        file.display()
    );
    assert!(said.starts_with(&begin), "{said}");
}
