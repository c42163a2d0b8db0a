//! A real Kafka of one's own, run by `script/kafka`. It ends with this process, also when that is killed.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

pub struct Broker {
    /// `host:port`.
    pub bootstrap: String,
    dir: PathBuf,
    attendant: Child,
}

fn script() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../script/kafka"))
}

impl Broker {
    /// On an empty disk in `dir`, which is removed at the end. Takes some seconds.
    pub fn start(dir: &Path) -> Result<Self> {
        let mut attendant = Command::new(script())
            .arg("attend")
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("script/kafka")?;
        let mut bootstrap = String::new();
        BufReader::new(attendant.stdout.take().context("no output")?).read_line(&mut bootstrap)?;
        let broker = Self { bootstrap: bootstrap.trim().to_owned(), dir: dir.to_owned(), attendant };
        ensure!(!broker.bootstrap.is_empty(), "script/kafka started nothing; it says why");
        Ok(broker)
    }

    /// SIGSTOP: connections stay, and nothing answers.
    pub(crate) fn freeze(&self) -> Result<Frozen> {
        let pid = std::fs::read_to_string(self.dir.join("pid"))?;
        let pid = Pid::from_raw(pid.trim().parse()?).context("no process id")?;
        kill_process(pid, Signal::STOP)?;
        Ok(Frozen(pid))
    }

    /// One of the script's commands: `restart`, `kill`, `again`.
    pub async fn command(&self, name: &'static str) -> Result<()> {
        let mut command = tokio::process::Command::new(script());
        let status = command.arg(name).arg(&self.dir).stdout(Stdio::null()).status().await?;
        ensure!(status.success(), "script/kafka {name}: {status}");
        Ok(())
    }
}

/// A broker that stands still until this is dropped.
pub(crate) struct Frozen(Pid);

impl Drop for Frozen {
    fn drop(&mut self) {
        kill_process(self.0, Signal::CONT).ok(); // it may have been killed meanwhile
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // The attendant removes the broker when its input ends.
        drop(self.attendant.stdin.take());
        drop(self.attendant.wait());
    }
}
