//! A server that a script of ours runs for as long as its standard input is open: it ends with this process, also when
//! that is killed.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
};

pub(crate) struct ManagedServer {
    /// What the script prints: the address, and what follows it in the line.
    pub(crate) address: String,
    pub(crate) dir: String,
    pub(crate) process: Child,
}

impl ManagedServer {
    /// `script/NAME attend DIR MODE…`, in a folder of its own below `target/NAME`.
    pub(crate) async fn start(name: &'static str, mode: &'static [&'static str]) -> Self {
        let root = env!("CARGO_MANIFEST_DIR");
        let dir = format!("{root}/target/{name}/{}", super::unique("test"));
        tokio::task::spawn_blocking(move || {
            let mut command = Command::new(format!("{root}/script/{name}"));
            let (process, address, _) = attend(command.args(["attend", &dir]).args(mode));
            Self { address, dir, process }
        })
        .await
        .unwrap()
    }
}

/// Starts a server that ends with its standard input. Returns it with the first line that it prints, where it is found,
/// and the rest of what it prints.
pub(super) fn attend(command: &mut Command) -> (Child, String, BufReader<ChildStdout>) {
    let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut process =
        spawned.unwrap_or_else(|error| panic!("{command:?}: {error}; script/setup installs what is missing"));
    let mut output = BufReader::new(process.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let line = line.trim().to_owned();
    assert!(!line.is_empty(), "{command:?} says why it started nothing");
    (process, line, output)
}
