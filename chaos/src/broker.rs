//! A real Kafka, run by `script/kafka`. It ends with this process, also when that is killed.

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Pid, Signal, kill_process};

/// The number of nodes of a cluster. They are numbered from 1.
pub(crate) const NODES: i32 = 3;

/// The brokers that seeds run on, one seed after the other. Each is started when a seed first needs it, and kept.
pub struct Brokers {
    dir: PathBuf,
    single: Option<Broker>,
    cluster: Option<Broker>,
}

impl Brokers {
    /// Brokers that live below `dir`, which is removed at the end.
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), single: None, cluster: None }
    }

    pub(crate) fn get(&mut self, nodes: i32) -> Result<&Broker> {
        let cluster = nodes > 1;
        let (place, name) = if cluster { (&mut self.cluster, "cluster") } else { (&mut self.single, "single") };
        let broker = match place.take() {
            Some(broker) => broker,
            None => tokio::task::block_in_place(|| Broker::start(&self.dir.join(name), cluster))?,
        };
        Ok(place.insert(broker))
    }
}

impl Drop for Brokers {
    fn drop(&mut self) {
        drop((self.single.take(), self.cluster.take()));
        std::fs::remove_dir_all(&self.dir).ok();
    }
}

pub(crate) struct Broker {
    /// `host:port`, with commas between those of a cluster.
    pub bootstrap: String,
    dir: PathBuf,
    attendant: Child,
}

fn script() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../script/kafka"))
}

impl Broker {
    /// Starts a broker, or a cluster, on an empty disk in `dir`, which is removed at the end. Takes some seconds.
    fn start(dir: &Path, cluster: bool) -> Result<Self> {
        let mut attendant = Command::new(script())
            .arg("attend")
            .arg(dir)
            .args(cluster.then_some("cluster"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("script/kafka")?;
        let mut bootstrap = String::new();
        BufReader::new(attendant.stdout.take().context("no output")?).read_line(&mut bootstrap)?;
        let broker = Self { bootstrap: bootstrap.trim().to_owned(), dir: dir.to_owned(), attendant };
        ensure!(!broker.bootstrap.is_empty(), "script/kafka started no broker; its output says why");
        Ok(broker)
    }

    /// SIGSTOP: connections stay, and nothing answers.
    pub(crate) fn freeze(&self) -> Result<Frozen> {
        let pid = std::fs::read_to_string(self.dir.join("pid"))?;
        let pid = Pid::from_raw(pid.trim().parse()?).context("no process id")?;
        kill_process(pid, Signal::STOP)?;
        Ok(Frozen(pid))
    }

    /// Runs one of the script's commands (`stop`, `kill`, `again`) on the broker, or on this node of the cluster.
    pub(crate) async fn command(&self, name: &'static str, node: Option<i32>) -> Result<()> {
        let dir = node.map_or_else(|| self.dir.clone(), |node| self.dir.join(node.to_string()));
        let mut command = tokio::process::Command::new(script());
        let status = command.arg(name).arg(dir).stdout(Stdio::null()).status().await?;
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
