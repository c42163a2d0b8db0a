//! A server that a script of ours runs for as long as its standard input is open: it ends with this process, also when
//! that is killed.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
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
            let mut process = Command::new(format!("{root}/script/{name}"))
                .args(["attend", &dir])
                .args(mode)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap_or_else(|error| panic!("script/{name}: {error}"));
            let mut address = String::new();
            BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
            let address = address.trim().to_owned();
            assert!(!address.is_empty(), "script/{name} says why it started nothing");
            Self { address, dir, process }
        })
        .await
        .unwrap()
    }
}
