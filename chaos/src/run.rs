//! One seed from its start to its verdict.

use std::{
    path::{Path, PathBuf},
    sync::PoisonError,
    time::{Duration, Instant},
};

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    broker::Brokers,
    fleet::Fleet,
    history::REFUSED,
    inflict,
    judge::{Evidence, Source, Verdict, judge},
    long::Long,
    plan::Plan,
    schedule::{Fault, Schedule},
    setting::{Orphans, Protocol},
    world::{NATIVE, SOBJECT, VICTIM, World},
};

/// What a run is made of; the same options are the same run, but for what the machine's clock decides.
#[derive(Debug, Clone)]
pub struct Options {
    pub seed: u64,
    /// More where the schedule freezes the broker, or a replica.
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
    pub protocol: Protocol,
    /// Crashes, losses and aborted drains.
    pub interruptions: usize,
    /// Calls that a fault of the org struck.
    pub struck: u64,
    /// The most memory of one replica, in KiB.
    pub memory: u64,
    pub took: Duration,
}

/// How often a plain insert whose calls outlast their time-out may be applied beside the first time.
const OUTLASTING: usize = 2;

/// Runs one seed, on brokers that earlier ones may have used.
pub async fn run(brokers: &mut Brokers, options: &Options) -> Result<Report> {
    carry_out(brokers, options, Plan::of(options)).await
}

/// Runs one of the long schedules; of the options only the binary, the mutation and the folder count.
pub async fn run_long(brokers: &mut Brokers, long: Long, options: &Options) -> Result<Report> {
    carry_out(brokers, options, long.plan(options.seed)).await
}

async fn carry_out(brokers: &mut Brokers, options: &Options, plan: Plan) -> Result<Report> {
    let broker = brokers.get(plan.setting.nodes)?;
    let started = Instant::now();
    let Plan { setting, schedule, history, .. } = &plan;
    let world = World::new(broker, &options.binary, &plan.name, setting).await?;
    world.org.set(&json!({"latency_ms": plan.latency_ms})).await?;
    if schedule.has(Fault::Bytes) {
        world.org.set(&json!({"malformed_text": REFUSED})).await?;
        for setting in ["malformed_value", "unknown_field", "columns"] {
            world.org.set(&json!({setting: "alternate"})).await?;
        }
    }
    let dir = folder(&options.dir.join(&plan.name))?;
    std::fs::write(dir.join("sobjectd.toml"), world.config(setting))?;
    let environment = options.mutation.iter().map(|name| ("SOBJECTD_MUTATION".to_owned(), name.clone())).collect();
    let named = setting.orphans == Orphans::Held && setting.protocol != Protocol::Consumer;
    let mut fleet = Fleet::new(&options.binary, &dir, environment, named, setting.times.drain());
    for _ in 0..plan.replicas {
        fleet.join()?;
    }

    let inflicted = async {
        world.first_change(&mut fleet).await?;
        let (group, org) =
            tokio::join!(inflict::group(&world, &mut fleet, &schedule.group), inflict::org(&world, &schedule.org));
        group.and(org)
    };
    let ((), outages) = tokio::try_join!(world.produce(history, plan.over, plan.transactions), inflicted)?;
    let struck = world.org.struck().await?.iter().map(|fault| fault.hits).sum();
    world.org.clear().await?;
    world.committed(&mut fleet, plan.patience).await?;
    for number in fleet.numbers() {
        fleet.stop(number).await?;
    }
    let changes = world.changes.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let expires =
        [Fault::Expire, Fault::Clock, Fault::Login, Fault::Redirect].into_iter().any(|fault| schedule.has(fault));
    let (interruptions, said) = fleet.interruptions(&changes, &setting.times, expires)?;
    let count = interruptions.len();
    let evidence = Evidence {
        sources: world.sources().await?,
        letters: world.kafka.read(&world.letters).await?,
        journal: [world.org.journal(SOBJECT).await?, world.org.journal(NATIVE).await?].concat(),
        stored: [world.org.records(SOBJECT).await?, world.org.records(NATIVE).await?].concat(),
        interruptions,
        repeats: schedule.faults().any(Fault::hides_answers),
        struck: usize::try_from(struck)? + if schedule.has(Fault::Slow) { OUTLASTING } else { 0 },
        before: world.before.clone(),
    };
    let mut verdict = judge(&evidence);
    if let Some(victim) = world.victim().await? {
        verdict.problems.extend(beginning_hidden(recreated(&world, victim, &evidence).await?));
    }
    if verdict.records != history.len() {
        verdict.problems.push(format!("{} records were produced, and {} are there", history.len(), verdict.records));
    }
    verdict.problems.extend(fleet.growth(&outages));
    verdict.problems.extend(said);
    let memory = fleet.memory();
    verdict.problems.extend(fleet.problems);
    if verdict.problems.is_empty() {
        std::fs::remove_dir_all(&dir)?;
    }
    let Plan { setting, schedule, .. } = plan;
    let took = started.elapsed();
    Ok(Report { verdict, schedule, protocol: setting.protocol, interruptions: count, struck, memory, took })
}

/// The topic that was made again: what it holds now must have arrived, whatever became of what it held before.
async fn recreated(world: &World<'_>, victim: Source, rest: &Evidence) -> Result<Evidence> {
    let is_new = |key: Option<&Value>| key.and_then(Value::as_str).is_some_and(|key| key.starts_with("new"));
    let (mut journal, mut stored) = (world.org.journal(VICTIM).await?, world.org.records(VICTIM).await?);
    journal.retain(|entry| is_new(entry.keys.get(victim.names.field())));
    stored.retain(|stored| is_new(stored.fields.get(victim.names.field())));
    let Evidence { interruptions, repeats, struck, .. } = rest;
    Ok(Evidence {
        sources: vec![victim],
        letters: Vec::new(),
        before: Vec::new(),
        journal,
        stored,
        interruptions: interruptions.clone(),
        repeats: *repeats,
        struck: *struck,
    })
}

/// The problems of a topic that was made again, whatever of its beginning was not read: an offset of its old life may be
/// committed when it is gone, since Kafka's offsets know a topic by its name.
fn beginning_hidden(mut evidence: Evidence) -> Vec<String> {
    let problems = judge(&evidence).problems;
    let mut rest = problems.clone();
    while !rest.is_empty() {
        let records = &mut evidence.sources[0].records;
        if records.len() < 2 {
            return problems;
        }
        records.remove(0);
        rest = judge(&evidence).problems;
    }
    rest
}

/// Empty, for the logs of a run.
fn folder(dir: &Path) -> Result<PathBuf> {
    if dir.exists() {
        std::fs::remove_dir_all(dir)?;
    }
    std::fs::create_dir_all(dir)?;
    Ok(dir.to_owned())
}
