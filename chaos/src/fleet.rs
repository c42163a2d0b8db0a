//! The replicas of a run, those that have ended included: their logs tell what was interrupted.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use rustix::process::Signal;

use crate::{
    interruptions::{Interruption, Nap, Story},
    replica::Replica,
    setting::LEASE,
};

/// A drain must have ended by then: `drain_timeout`, and what closing takes.
const DRAIN: Duration = Duration::from_secs(25);
/// More of its own memory than this, in KiB, is a leak: the loads here are small.
const MEMORY: u64 = 128 * 1024;
const TICK: Duration = Duration::from_millis(100);

pub(crate) struct Fleet {
    binary: PathBuf,
    dir: PathBuf,
    environment: Vec<(String, String)>,
    replicas: Vec<Option<Replica>>,
    logs: Vec<PathBuf>,
    kills: Vec<Interruption>,
    /// By log.
    naps: Vec<(PathBuf, Nap)>,
    /// What no replica may do.
    pub problems: Vec<String>,
    /// The most memory that one had, in KiB.
    pub memory: u64,
}

impl Fleet {
    /// `dir` holds their configuration, `sobjectd.toml`, and gets their logs.
    pub(crate) fn new(binary: &Path, dir: &Path, environment: Vec<(String, String)>) -> Self {
        Self {
            binary: binary.to_owned(),
            dir: dir.to_owned(),
            environment,
            replicas: Vec::new(),
            logs: Vec::new(),
            kills: Vec::new(),
            naps: Vec::new(),
            problems: Vec::new(),
            memory: 0,
        }
    }

    /// The numbers of all, those that have ended too.
    pub(crate) fn numbers(&self) -> std::ops::Range<usize> {
        0..self.replicas.len()
    }

    /// Starts one more, and returns its number.
    pub(crate) fn join(&mut self) -> Result<usize> {
        self.replicas.push(None);
        self.start(self.replicas.len() - 1)?;
        Ok(self.replicas.len() - 1)
    }

    /// Starts one in the place of one that has ended.
    pub(crate) fn start(&mut self, number: usize) -> Result<()> {
        let log = self.dir.join(format!("replica-{number}.{}.log", self.logs.len()));
        let replica = Replica::start(&self.binary, &self.dir.join("sobjectd.toml"), &log, &self.environment)?;
        self.logs.push(log);
        self.replicas[number] = Some(replica);
        Ok(())
    }

    /// SIGKILL.
    pub(crate) async fn kill(&mut self, number: usize) -> Result<()> {
        let Some(mut replica) = self.replicas[number].take() else { return Ok(()) };
        replica.signal(Signal::KILL)?;
        let at_ms = now();
        replica.exit(DRAIN).await?;
        let places = replica.story()?.owned.into_iter().collect();
        self.kills.push(Interruption { at_ms, places: Some(places), wire_ms: None });
        Ok(())
    }

    /// SIGTERM, and the end of the drain.
    pub(crate) async fn stop(&mut self, number: usize) -> Result<()> {
        let Some(mut replica) = self.replicas[number].take() else { return Ok(()) };
        replica.signal(Signal::TERM)?;
        match replica.exit(DRAIN).await? {
            Some(status) if status.success() => {}
            Some(status) => self.problems.push(format!("replica {number} was stopped and ended with {status}")),
            None => self.problems.push(format!("replica {number} was stopped and runs on after {DRAIN:?}")),
        }
        Ok(())
    }

    /// SIGSTOP, and SIGCONT so much later.
    pub(crate) async fn nap(&mut self, number: usize, time: Duration) -> Result<()> {
        let signal = |fleet: &Self, signal| {
            let replica = fleet.replicas[number].as_ref();
            replica.map(|replica| replica.signal(signal).map(|()| replica.log.clone())).transpose()
        };
        signal(self, Signal::STOP)?;
        let from_ms = now();
        self.rest(time).await?;
        let to_ms = now();
        if let Some(log) = signal(self, Signal::CONT)? {
            self.naps.push((log, Nap { from_ms, to_ms }));
        }
        Ok(())
    }

    /// Lets time pass, and looks after the replicas meanwhile.
    pub(crate) async fn rest(&mut self, time: Duration) -> Result<()> {
        let end = tokio::time::Instant::now() + time;
        loop {
            self.look()?;
            let now = tokio::time::Instant::now();
            if now >= end {
                return Ok(());
            }
            tokio::time::sleep_until(end.min(now + TICK)).await;
        }
    }

    fn look(&mut self) -> Result<()> {
        for (number, place) in self.replicas.iter_mut().enumerate() {
            let Some(replica) = place else { continue };
            let memory = replica.memory().unwrap_or_default();
            if memory > MEMORY && self.memory <= MEMORY {
                self.problems.push(format!("replica {number} has {memory} KiB of its own"));
            }
            self.memory = self.memory.max(memory);
            if let Some(status) = replica.ended()? {
                self.problems.push(format!("replica {number} has ended by itself with {status}"));
                *place = None;
            }
        }
        Ok(())
    }

    /// What interrupted anything so far, and the errors in the logs.
    pub(crate) fn interruptions(&self) -> Result<(Vec<Interruption>, Vec<String>)> {
        let (mut all, mut errors) = (self.kills.clone(), Vec::new());
        for log in &self.logs {
            let mut story = Story::read(&std::fs::read_to_string(log)?);
            for (_, nap) in self.naps.iter().filter(|(of, _)| LEASE && of == log) {
                story.interruptions.iter_mut().for_each(|interruption| nap.excuses_less(interruption));
            }
            all.extend(story.interruptions);
            errors.extend(story.errors);
        }
        Ok((all, errors))
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
