//! The replicas of a run, with those that have ended: their logs show what was interrupted.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use rustix::process::Signal;

use crate::{
    interruptions::{Interruption, Suspension},
    memory::Samples,
    replica::{Log, Replica},
    replica_log::ReplicaLog,
    scenario::Times,
};

/// The longest time that closing takes after `drain_timeout`.
const CLOSING: Duration = Duration::from_secs(11);
const TICK: Duration = Duration::from_millis(100);

/// The replicas of a run.
pub(crate) struct Fleet {
    binary: PathBuf,
    dir: PathBuf,
    environment: Vec<(String, String)>,
    /// Whether replicas are static members: each has a name that it keeps when it starts again.
    static_members: bool,
    replicas: Vec<Option<Replica>>,
    logs: Vec<PathBuf>,
    kills: Vec<Interruption>,
    /// Suspensions, by the log of their replica.
    suspensions: Vec<(PathBuf, Suspension)>,
    /// Behaviour of replicas that the judge reports as problems.
    pub problems: Vec<String>,
    /// The memory of the replica that writes this log.
    memory: BTreeMap<PathBuf, Samples>,
    /// The longest time of a drain.
    drain: Duration,
}

impl Fleet {
    /// `dir` holds their configuration, `sobjectd.toml`, and gets their logs.
    pub(crate) fn new(
        binary: &Path,
        dir: &Path,
        environment: Vec<(String, String)>,
        static_members: bool,
        drain: Duration,
    ) -> Self {
        Self {
            binary: binary.to_owned(),
            dir: dir.to_owned(),
            environment,
            static_members,
            replicas: Vec::new(),
            logs: Vec::new(),
            kills: Vec::new(),
            suspensions: Vec::new(),
            problems: Vec::new(),
            memory: BTreeMap::new(),
            drain: drain + CLOSING,
        }
    }

    /// The numbers of all replicas, also of those that have ended.
    pub(crate) fn numbers(&self) -> std::ops::Range<usize> {
        0..self.replicas.len()
    }

    /// Starts one more, and returns its number.
    pub(crate) fn join(&mut self) -> Result<usize> {
        self.replicas.push(None);
        self.start(self.replicas.len() - 1)?;
        Ok(self.replicas.len() - 1)
    }

    /// Starts one more whose log is long and is lost. What interrupts it is not known, so nothing may interrupt it.
    pub(crate) fn join_without_log(&mut self, full: bool) -> Result<usize> {
        self.replicas.push(None);
        let number = self.replicas.len() - 1;
        self.launch(
            number,
            if full { Log::Full } else { Log::Unread },
            &[("SOBJECTD__LOG__LEVEL", "trace".to_owned())],
        )?;
        Ok(number)
    }

    /// Starts one in the place of one that has ended.
    pub(crate) fn start(&mut self, number: usize) -> Result<()> {
        let log = self.dir.join(format!("replica-{number}.{}.log", self.logs.len()));
        self.logs.push(log.clone());
        self.launch(number, Log::File(log), &[])
    }

    fn launch(&mut self, number: usize, log: Log, more: &[(&str, String)]) -> Result<()> {
        let mut environment = self.environment.clone();
        environment.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        if self.static_members {
            environment.push(("SOBJECTD__KAFKA__GROUP_INSTANCE_ID".to_owned(), format!("replica-{number}")));
        }
        let replica = Replica::start(&self.binary, &self.dir.join("sobjectd.toml"), log, &environment)?;
        self.replicas[number] = Some(replica);
        Ok(())
    }

    /// SIGKILL.
    pub(crate) async fn kill(&mut self, number: usize) -> Result<()> {
        let Some(mut replica) = self.replicas[number].take() else { return Ok(()) };
        replica.signal(Signal::KILL)?;
        let at_ms = now_ms();
        replica.exit(self.drain).await?;
        let log = replica.read_log()?;
        let limit = self.drain.as_millis() as u64;
        let draining =
            log.draining.filter(|(since, _)| at_ms < since + limit).into_iter().flat_map(|(_, partitions)| partitions);
        let partitions = log.owned.into_iter().chain(draining).collect();
        self.kills.push(Interruption { at_ms, partitions: Some(partitions), wire_ms: None });
        Ok(())
    }

    /// SIGTERM, and the end of the drain.
    pub(crate) async fn stop(&mut self, number: usize) -> Result<()> {
        let Some(mut replica) = self.replicas[number].take() else { return Ok(()) };
        replica.signal(Signal::TERM)?;
        match replica.exit(self.drain).await? {
            Some(status) if status.success() => {}
            Some(status) => self.problems.push(format!("replica {number} was stopped and ended with {status}")),
            None => self.problems.push(format!("replica {number} was stopped and runs on after {:?}", self.drain)),
        }
        Ok(())
    }

    /// SIGSTOP, and SIGCONT after `time`.
    pub(crate) async fn suspend(&mut self, number: usize, time: Duration) -> Result<()> {
        let signal = |fleet: &Self, signal| {
            let replica = fleet.replicas[number].as_ref();
            replica.map(|replica| replica.signal(signal).map(|()| replica.log.clone())).transpose()
        };
        signal(self, Signal::STOP)?;
        let from_ms = now_ms();
        self.wait(time).await?;
        let to_ms = now_ms();
        if let Some(Some(log)) = signal(self, Signal::CONT)? {
            self.suspensions.push((log, Suspension { from_ms, to_ms }));
        }
        Ok(())
    }

    /// Waits, and checks the replicas meanwhile.
    pub(crate) async fn wait(&mut self, time: Duration) -> Result<()> {
        let end = tokio::time::Instant::now() + time;
        loop {
            self.check()?;
            let now = tokio::time::Instant::now();
            if now >= end {
                return Ok(());
            }
            tokio::time::sleep_until(end.min(now + TICK)).await;
        }
    }

    /// Notes the memory of the replicas, and those that have ended by themselves.
    fn check(&mut self) -> Result<()> {
        let mut out = Vec::new();
        for (number, place) in self.replicas.iter_mut().enumerate() {
            let Some(replica) = place else { continue };
            if let (Some(log), Some(kib)) = (&replica.log, replica.memory()) {
                self.memory.entry(log.clone()).or_default().add(now_ms(), kib);
            }
            if let Some(status) = replica.ended()? {
                if status.code() == Some(1) && replica.read_log()?.removed_for_good {
                    out.push(number);
                } else {
                    self.problems.push(format!("replica {number} has ended by itself with {status}"));
                }
                *place = None;
            }
        }
        // Starts them again, as a supervisor does.
        out.into_iter().try_for_each(|number| self.start(number))
    }

    /// Reads from the logs what was interrupted so far, and what no log may say. `changes`: the times at which the
    /// topics changed. `expires`: sessions may end as soon as they are given.
    pub(crate) fn interruptions(
        &self,
        changes: &[u64],
        times: &Times,
        expires: bool,
    ) -> Result<(Vec<Interruption>, Vec<String>)> {
        let (mut all, mut errors) = (self.kills.clone(), Vec::new());
        for log in &self.logs {
            let mut read = ReplicaLog::read(&std::fs::read_to_string(log)?);
            for (_, suspension) in self.suspensions.iter().filter(|(of, _)| of == log) {
                read.interruptions.iter_mut().for_each(|interruption| suspension.limit_late_calls(interruption));
            }
            all.extend(read.overtaken(changes, times));
            all.extend(read.interruptions);
            let alarms = read.alarms.into_iter().filter(|_| !expires);
            errors.extend(read.errors.into_iter().chain(alarms).map(|error| format!("an error in a log: {error}")));
            let most = self.memory.get(log).map(Samples::most).unwrap_or_default();
            if read.bound.is_some_and(|bytes| most * 1024 > bytes) {
                errors.push(format!("{} had {most} KiB, and said {:?} bytes", log.display(), read.bound));
            }
        }
        Ok((all, errors))
    }

    /// The largest memory of one replica, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        self.memory.values().map(Samples::most).max().unwrap_or_default()
    }

    /// The replicas whose memory has grown in these outages.
    pub(crate) fn growth(&self, outages: &[(u64, u64)]) -> impl Iterator<Item = String> {
        let of = move |(from, to): &(u64, u64)| {
            let grown = self.memory.iter().filter_map(|(log, samples)| Some((log, samples.growth(*from, *to)?)));
            grown.map(|(log, kib)| format!("{} has grown by {kib} KiB in an outage", log.display())).collect::<Vec<_>>()
        };
        outages.iter().flat_map(of)
    }
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
