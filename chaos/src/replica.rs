//! One replica of the daemon: a process, its log in a file, and its signals.

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::replica_log::ReplicaLog;

/// Where the log of a replica goes.
pub(crate) enum Log {
    File(PathBuf),
    /// A pipe that is not read.
    Unread,
    /// A disk without room.
    Full,
}

pub(crate) struct Replica {
    /// The path of its log, if it is read.
    pub log: Option<PathBuf>,
    process: Child,
    pid: Pid,
}

impl Replica {
    /// Starts a replica whose environment is `environment` alone.
    pub(crate) fn start(binary: &Path, config: &Path, log: Log, environment: &[(String, String)]) -> Result<Self> {
        let stderr = match &log {
            Log::File(path) => OpenOptions::new().create(true).append(true).open(path)?.into(),
            Log::Full => OpenOptions::new().append(true).open("/dev/full")?.into(),
            // The process holds the other end, and never reads it.
            Log::Unread => Stdio::piped(),
        };
        let process = Command::new(binary)
            .args(["run", "--config"])
            .arg(config)
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{}", binary.display()))?;
        let pid = process.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).context("no process id")?;
        Ok(Self { log: if let Log::File(path) = log { Some(path) } else { None }, process, pid })
    }

    pub(crate) fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(self.pid, signal)?)
    }

    /// `None` if it is still running after `limit`.
    pub(crate) async fn exit(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        tokio::time::timeout(limit, self.process.wait()).await.ok().transpose().context("waiting for a replica")
    }

    /// Its exit status, if it has ended.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.process.try_wait()?)
    }

    /// Reads its log so far.
    pub(crate) fn read_log(&self) -> Result<ReplicaLog> {
        self.log
            .as_ref()
            .map_or_else(|| Ok(ReplicaLog::default()), |log| Ok(ReplicaLog::read(&std::fs::read_to_string(log)?)))
    }

    /// Its own memory in KiB, without files and shared pages.
    pub(crate) fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid.as_raw_nonzero())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
        line.trim().strip_suffix("kB")?.trim().parse().ok()
    }
}
