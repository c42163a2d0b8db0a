//! kcat, the client that people have at hand.

use std::{ffi::OsString, process::Command};

use serde::Deserialize;

use super::{Broker, output::output_for};

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
    let mut command = Command::new("kcat");
    let output = output_for(command.args(["-b", &broker.bootstrap]).args(args), input).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {errors}", output.status);
    String::from_utf8(output.stdout).unwrap()
}
