//! One seed from its start to its verdict.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Result;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;

use crate::{
    broker::Broker,
    fleet::Fleet,
    history::history,
    inflict,
    judge::{Evidence, Verdict, judge},
    schedule::{Fault, Schedule, millis},
    world::{SOBJECT, World},
};

/// What a run is made of; the same options are the same run, but for what the machine's clock decides.
#[derive(Debug, Clone)]
pub struct Options {
    pub seed: u64,
    /// Four times as many where the schedule freezes the broker.
    pub records: usize,
    pub replicas: usize,
    /// The records are produced over so long.
    pub over: Duration,
    pub faults: Vec<Fault>,
    /// `sobjectd`.
    pub binary: PathBuf,
    /// `SOBJECTD_MUTATION` of the replicas: a bug that a build with the feature `mutations` has on request.
    pub mutation: Option<String>,
    /// Gets a folder of logs for each seed.
    pub dir: PathBuf,
}

/// What a run has shown.
#[derive(Debug)]
pub struct Report {
    pub verdict: Verdict,
    pub schedule: Schedule,
    /// Crashes, losses and aborted drains.
    pub interruptions: usize,
    /// Calls that a fault of the org struck.
    pub struck: u64,
    /// The most memory of one replica, in KiB.
    pub memory: u64,
    pub took: Duration,
}

/// Runs one seed on a broker of its own, or one that earlier seeds have used.
pub async fn run(broker: &Broker, options: &Options) -> Result<Report> {
    let started = Instant::now();
    let mut random = StdRng::seed_from_u64(options.seed);
    let schedule = Schedule::new(&mut random, &options.faults, options.replicas);
    let grows = schedule.faults().any(|fault| fault == Fault::Partitions);
    // A frozen broker brings no records: what is under way then, a backlog has left.
    let backlog = schedule.faults().any(|fault| fault == Fault::Freeze);
    let records = options.records * if backlog { 4 } else { 1 };
    let over = if backlog { Duration::ZERO } else { options.over };
    let history = history(&mut random, records, grows, backlog);
    let latency = if backlog { 50..100 } else { 1..60 };
    let latency = random.random_range(latency);
    let commits = millis(&mut random, 50..1_000);

    let world = World::new(broker, &options.binary, options.seed).await?;
    world.org.set(&json!({"latency_ms": latency})).await?;
    let dir = folder(options)?;
    std::fs::write(dir.join("sobjectd.toml"), world.config(commits))?;
    let environment = options.mutation.iter().map(|name| ("SOBJECTD_MUTATION".to_owned(), name.clone()));
    let mut fleet = Fleet::new(&options.binary, &dir, environment.collect());
    for _ in 0..options.replicas {
        fleet.join()?;
    }

    let inflicted = async {
        world.first_change(&mut fleet).await?;
        let (group, org) =
            tokio::join!(inflict::group(&world, &mut fleet, &schedule.group), inflict::org(&world, &schedule.org));
        group.and(org)
    };
    tokio::try_join!(world.produce(&history, over), inflicted)?;
    let struck = world.org.struck().await?.iter().map(|fault| fault.hits).sum();
    world.org.clear().await?;
    world.committed(&mut fleet).await?;
    for number in fleet.numbers() {
        fleet.stop(number).await?;
    }
    let (interruptions, errors) = fleet.interruptions()?;
    let count = interruptions.len();
    let evidence = Evidence {
        sources: world.sources().await?,
        letters: world.kafka.read(&world.letters).await?,
        journal: world.org.journal().await?,
        stored: world.org.records(SOBJECT).await?,
        interruptions,
        repeats: schedule.faults().any(Fault::hides_answers),
    };
    let mut verdict = judge(&evidence);
    if verdict.records != history.len() {
        verdict.problems.push(format!("{} records were produced, and {} are there", history.len(), verdict.records));
    }
    verdict.problems.extend(fleet.problems);
    verdict.problems.extend(errors.into_iter().map(|error| format!("an error in a log: {error}")));
    if verdict.problems.is_empty() {
        std::fs::remove_dir_all(&dir)?;
    }
    Ok(Report { verdict, schedule, interruptions: count, struck, memory: fleet.memory, took: started.elapsed() })
}

/// Empty, for the logs of a seed.
fn folder(options: &Options) -> Result<PathBuf> {
    let dir = options.dir.join(format!("seed-{}", options.seed));
    if Path::new(&dir).exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}
