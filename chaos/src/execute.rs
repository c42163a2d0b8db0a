//! One run from its start to its verdict.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    broker::Brokers,
    fault::Fault,
    fleet::Fleet,
    history::REFUSED,
    inject,
    interruptions::Interruption,
    judge::{Evidence, Verdict, judge, judge_recreated},
    long::Long,
    options::Options,
    plan::Plan,
    scenario::{Orphans, Protocol},
    schedule::Schedule,
    topics::{BY_RECORD_ID, RECREATED, SOBJECT},
    world::World,
};

/// The result of a run.
#[derive(Debug)]
pub struct Report {
    pub verdict: Verdict,
    pub schedule: Schedule,
    pub protocol: Protocol,
    /// Crashes, losses and aborted drains.
    pub interruptions: usize,
    /// Calls that a fault of the org struck.
    pub struck: u64,
    /// The largest memory of one replica, in KiB.
    pub memory: u64,
    pub took: Duration,
}

/// The number of times that a plain insert whose calls outlast their time-out may be applied beside the first time.
const OUTLASTING: usize = 2;

/// Runs one seed, on brokers that earlier ones may have used.
pub async fn execute(brokers: &mut Brokers, options: &Options) -> Result<Report> {
    carry_out(brokers, options, Plan::of(options)).await
}

/// Runs one of the long schedules. Of the options only the binary, the mutation and the folder count.
pub async fn execute_long(brokers: &mut Brokers, long: Long, options: &Options) -> Result<Report> {
    carry_out(brokers, options, long.plan(options.seed)).await
}

async fn carry_out(brokers: &mut Brokers, options: &Options, plan: Plan) -> Result<Report> {
    let started = Instant::now();
    let mut run = Run::start(brokers, options, &plan).await?;
    let outages = run.produce_and_inject().await?;
    let struck = run.end_faults().await?;
    run.wait_for_commits().await?;
    run.stop_replicas().await?;
    let (interruptions, complaints) = run.read_logs()?;
    let interrupted = interruptions.len();
    let evidence = run.collect_evidence(interruptions, struck).await?;
    let mut verdict = run.judge(&evidence).await?;
    verdict.problems.extend(run.fleet.growth(&outages));
    verdict.problems.extend(complaints);
    verdict.problems.append(&mut run.fleet.problems);
    if verdict.problems.is_empty() {
        std::fs::remove_dir_all(&run.logs)?;
    }
    let memory = run.fleet.memory();
    let Plan { scenario, schedule, .. } = plan;
    let took = started.elapsed();
    Ok(Report { verdict, schedule, protocol: scenario.protocol, interruptions: interrupted, struck, memory, took })
}

/// A run under way: the broker, the topics, the org, and the replicas between them.
struct Run<'a> {
    plan: &'a Plan,
    world: World<'a>,
    fleet: Fleet,
    /// The folder of the replicas' configuration and logs.
    logs: PathBuf,
}

impl<'a> Run<'a> {
    /// Makes the topics, starts the org, and starts the replicas.
    async fn start(brokers: &'a mut Brokers, options: &Options, plan: &'a Plan) -> Result<Self> {
        let Plan { scenario, schedule, .. } = plan;
        let broker = brokers.get(scenario.nodes)?;
        let world = World::new(broker, &options.binary, &plan.name, scenario).await?;
        world.org.set(&json!({"latency_ms": plan.latency_ms})).await?;
        if schedule.has(Fault::Bytes) {
            world.org.set(&json!({"malformed_text": REFUSED})).await?;
            for setting in ["malformed_value", "unknown_field", "columns"] {
                world.org.set(&json!({setting: "alternate"})).await?;
            }
        }
        let logs = empty_folder(&options.dir.join(&plan.name))?;
        std::fs::write(logs.join("sobjectd.toml"), world.config(scenario))?;
        let environment = options.mutation.iter().map(|name| ("SOBJECTD_MUTATION".to_owned(), name.clone())).collect();
        let static_members = scenario.orphans == Orphans::Held && scenario.protocol != Protocol::Consumer;
        let mut fleet = Fleet::new(&options.binary, &logs, environment, static_members, scenario.times.drain());
        for _ in 0..plan.replicas {
            fleet.join()?;
        }
        Ok(Self { plan, world, fleet, logs })
    }

    /// Produces the history, and injects the faults of the schedule meanwhile. Returns the outages of the org.
    async fn produce_and_inject(&mut self) -> Result<Vec<(u64, u64)>> {
        let Self { plan, world, fleet, .. } = self;
        let Plan { schedule, history, .. } = plan;
        let inject = async {
            world.first_change(fleet).await?;
            let (group, outages) =
                tokio::join!(inject::group(world, fleet, &schedule.group), inject::org(world, &schedule.org));
            group.and(outages)
        };
        let ((), outages) = tokio::try_join!(world.produce(history, plan.over, plan.transactions), inject)?;
        Ok(outages)
    }

    /// Ends the faults of the org. Returns the number of calls that they struck.
    async fn end_faults(&self) -> Result<u64> {
        let struck = self.world.org.struck().await?.iter().map(|fault| fault.hits).sum();
        self.world.org.clear().await?;
        Ok(struck)
    }

    async fn wait_for_commits(&mut self) -> Result<()> {
        self.world.committed(&mut self.fleet, self.plan.patience).await
    }

    async fn stop_replicas(&mut self) -> Result<()> {
        for number in self.fleet.numbers() {
            self.fleet.stop(number).await?;
        }
        Ok(())
    }

    /// Reads from the replicas' logs what interrupted their work, and what no log may say.
    fn read_logs(&self) -> Result<(Vec<Interruption>, Vec<String>)> {
        let may_expire = [Fault::Expire, Fault::Clock, Fault::Login, Fault::Redirect];
        let sessions_expire = may_expire.into_iter().any(|fault| self.plan.schedule.has(fault));
        self.fleet.interruptions(&self.world.topic_changes(), &self.plan.scenario.times, sessions_expire)
    }

    /// Reads the topics, the dead letters, the committed offsets, and the org's journal and records.
    async fn collect_evidence(&self, interruptions: Vec<Interruption>, struck: u64) -> Result<Evidence> {
        let Self { plan: Plan { schedule, .. }, world, .. } = self;
        Ok(Evidence {
            sources: world.sources().await?,
            letters: world.kafka.read(&world.letters).await?,
            journal: [world.org.journal(SOBJECT).await?, world.org.journal(BY_RECORD_ID).await?].concat(),
            stored: [world.org.records(SOBJECT).await?, world.org.records(BY_RECORD_ID).await?].concat(),
            interruptions,
            repeats: schedule.faults().any(Fault::hides_answers),
            struck: usize::try_from(struck)? + if schedule.has(Fault::Slow) { OUTLASTING } else { 0 },
            before: world.before.clone(),
        })
    }

    async fn judge(&self, evidence: &Evidence) -> Result<Verdict> {
        let mut verdict = judge(evidence);
        if let Some(recreated) = self.recreated_evidence(evidence).await? {
            verdict.problems.extend(judge_recreated(recreated));
        }
        let (produced, read) = (self.plan.history.len(), verdict.records);
        if read != produced {
            verdict.problems.push(format!("{produced} records were produced, and {read} are in the topics"));
        }
        Ok(verdict)
    }

    /// The evidence of the topic that was made again: what it holds now.
    async fn recreated_evidence(&self, rest: &Evidence) -> Result<Option<Evidence>> {
        let world = &self.world;
        let Some(source) = world.recreated_source().await? else { return Ok(None) };
        let is_new = |key: Option<&Value>| key.and_then(Value::as_str).is_some_and(|key| key.starts_with("new"));
        let (mut journal, mut stored) = (world.org.journal(RECREATED).await?, world.org.records(RECREATED).await?);
        journal.retain(|entry| is_new(entry.keys.get(source.names.field())));
        stored.retain(|stored| is_new(stored.fields.get(source.names.field())));
        Ok(Some(Evidence {
            sources: vec![source],
            letters: Vec::new(),
            before: Vec::new(),
            journal,
            stored,
            interruptions: rest.interruptions.clone(),
            repeats: rest.repeats,
            struck: rest.struck,
        }))
    }
}

/// Makes this folder, or empties it.
fn empty_folder(dir: &Path) -> Result<PathBuf> {
    if dir.exists() {
        std::fs::remove_dir_all(dir)?;
    }
    std::fs::create_dir_all(dir)?;
    Ok(dir.to_owned())
}
