//! kcat, the client that people have at hand.

use std::{
    ffi::OsString,
    io::Write as _,
    process::{Command, Stdio},
};

use serde::Deserialize;

use super::Broker;

/// Writes lines of `key<TAB>value`, all with these headers; an empty key or value is null.
pub(crate) async fn produce(broker: &Broker, topic: &str, headers: &[&str], lines: &[(&str, &str)]) {
    produce_bytes(broker, topic, headers.iter().map(OsString::from).collect(), lines).await;
}

/// Writes lines as [`produce`] does, with headers that are any bytes.
pub(crate) async fn produce_bytes(broker: &Broker, topic: &str, headers: Vec<OsString>, lines: &[(&str, &str)]) {
    let mut args = ["-P", "-t", topic, "-K", "\t", "-Z", "-X", "acks=all"].map(OsString::from).to_vec();
    for header in headers {
        args.extend(["-H".into(), header]);
    }
    let input: String = lines.iter().map(|(key, value)| format!("{key}\t{value}\n")).collect();
    kcat(broker, args, input).await;
}

/// A record as kcat prints it with `-J`.
#[derive(Debug, Deserialize)]
pub(crate) struct Printed {
    pub(crate) offset: i64,
    pub(crate) key: Option<String>,
    pub(crate) payload: Option<String>,
    /// Names and values in turn.
    #[serde(default)]
    headers: Vec<Option<String>>,
}

impl Printed {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.chunks(2).rfind(|pair| pair[0].as_deref() == Some(name))?[1].as_deref()
    }
}

/// A whole topic.
pub(crate) async fn consume(broker: &Broker, topic: &str) -> Vec<Printed> {
    let args = ["-C", "-t", topic, "-o", "beginning", "-e", "-q", "-J"].map(OsString::from).to_vec();
    let lines = kcat(broker, args, String::new()).await;
    lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

async fn kcat(broker: &Broker, args: Vec<OsString>, input: String) -> String {
    let bootstrap = broker.bootstrap.clone();
    tokio::task::spawn_blocking(move || {
        let mut child = Command::new("kcat")
            .args(["-b", &bootstrap])
            .args(&args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("kcat: {error}; script/setup installs it"));
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "kcat {args:?}: {}", output.status);
        String::from_utf8(output.stdout).unwrap()
    })
    .await
    .unwrap()
}
