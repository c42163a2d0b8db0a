//! confluent-kafka and its serializers in one attended process, and other scripts of `tests/python`.

use std::{
    ffi::OsStr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::OnceCell,
};

use super::{Broker, Read, Record, managed_server::attend};

pub(crate) const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/python/bin/python");
pub(crate) const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python");

/// Longer than any request waits by itself.
const LIMIT: Duration = Duration::from_secs(90);

/// Writes records, and returns when the broker has acknowledged all of them.
pub(crate) async fn produce(broker: &Broker, topic: &str, records: &[Record]) {
    let lines: String = records.iter().map(|record| record.line(topic) + "\n").collect();
    ask(&["produce", &broker.bootstrap], &lines).await;
}

/// Writes records in compressed batches.
pub(crate) async fn produce_packed(broker: &Broker, topic: &str, records: &[Record], codec: &str) {
    let lines: String = records.iter().map(|record| record.line(topic) + "\n").collect();
    ask(&["produce", &broker.bootstrap, codec], &lines).await;
}

/// Reads a whole topic, in the order of partition and offset, as soon as it holds `at_least` records.
pub(crate) async fn consume(broker: &Broker, topic: &str, at_least: usize) -> Vec<Read> {
    let lines = ask(&["consume", &broker.bootstrap, topic, &at_least.to_string()], "").await;
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// `tests/python/clients.py`, which ends with its standard input, and so with this process.
struct Clients {
    port: u16,
    _process: Child,
}

impl Clients {
    async fn start() -> Self {
        let start = || {
            let (process, port, _) = attend(&mut command(&["clients.py"]));
            Self { port: port.parse().expect("the port of clients.py"), _process: process }
        };
        tokio::task::spawn_blocking(start).await.unwrap()
    }
}

/// Sends a request to `clients.py`: a module, its arguments, and the input of its `main`. Returns the lines of the
/// answer, and fails if the request failed.
pub(crate) async fn ask(request: &[&str], input: &str) -> String {
    static SHARED: OnceCell<Clients> = OnceCell::const_new();
    let clients = SHARED.get_or_init(Clients::start).await;
    let exchange = async {
        let mut stream = TcpStream::connect(("127.0.0.1", clients.port)).await.expect("clients.py to be there");
        stream.write_all(format!("{}\n{input}", serde_json::json!(request)).as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let answer = tokio::time::timeout(LIMIT, exchange).await;
    let answer = answer.unwrap_or_else(|_| panic!("{request:?}: no answer of clients.py within {LIMIT:?}"));
    let (verdict, lines) = answer.split_once('\n').expect("an answer of clients.py");
    assert_eq!(verdict, "ok", "{request:?}: {lines}");
    lines.to_owned()
}

/// Runs a script of `tests/python` in a process of its own, and returns what it prints. Fails if the script fails.
pub(crate) async fn run(args: &[&str]) -> String {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    tokio::task::spawn_blocking(move || {
        let output = command(&args)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("{PYTHON}: {error}; script/setup installs it"));
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {}: {errors}", output.status);
        String::from_utf8(output.stdout).unwrap()
    })
    .await
    .unwrap()
}

fn command(args: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(PYTHON);
    command.args(args).current_dir(SCRIPTS).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}
