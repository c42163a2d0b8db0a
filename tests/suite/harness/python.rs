//! confluent-kafka, and the judge of the big runs, as scripts of `tests/python`.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use super::{Broker, Read, Record};

pub(crate) const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/python/bin/python");
pub(crate) const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python");

/// Writes records, and returns when the broker has acknowledged all of them.
pub(crate) async fn produce(broker: &Broker, topic: &str, records: &[Record]) {
    let lines: String = records.iter().map(|record| record.line(topic) + "\n").collect();
    run(&["produce.py", &broker.bootstrap], lines).await;
}

/// The same, in compressed batches.
pub(crate) async fn produce_packed(broker: &Broker, topic: &str, records: &[Record], codec: &str) {
    let lines: String = records.iter().map(|record| record.line(topic) + "\n").collect();
    run(&["produce.py", &broker.bootstrap, codec], lines).await;
}

/// A whole topic, in the order of partition and offset, as soon as it holds `at_least` records.
pub(crate) async fn consume(broker: &Broker, topic: &str, at_least: usize) -> Vec<Read> {
    let lines = run(&["consume.py", &broker.bootstrap, topic, &at_least.to_string()], String::new()).await;
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Runs a script of `tests/python` with this standard input; returns what it prints, and fails if it fails.
pub(crate) async fn run(args: &[&str], input: String) -> String {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    tokio::task::spawn_blocking(move || {
        let mut child = Command::new(PYTHON)
            .args(&args)
            .current_dir(SCRIPTS)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{PYTHON}: {error}; script/setup installs it"));
        let mut stdin = child.stdin.take().unwrap();
        let feeder = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {}: {errors}", output.status);
        feeder.join().unwrap().unwrap();
        String::from_utf8(output.stdout).unwrap()
    })
    .await
    .unwrap()
}
