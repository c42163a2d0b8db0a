//! What stands around the replicas: the broker, the topics, the org, and the configuration that says so.

use std::{
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use tokio::{sync::watch, time::sleep};

use crate::{
    broker::Broker,
    change::Fields,
    config::{self, Places, Route},
    fleet::{Fleet, now_ms},
    history::{PARTITIONS, Planned, TOPICS},
    judge::{Names, Source},
    kafka::{Kafka, Replicas},
    native::{self, NATIVES},
    org::Org,
    setting::Setting,
};

/// What stands around the replicas.
pub(crate) struct World<'a> {
    pub broker: &'a Broker,
    pub kafka: Kafka,
    pub org: Org,
    pub topics: Vec<String>,
    /// The records of [`NATIVE`] that were there first, by their ids.
    pub before: Vec<(String, Fields)>,
    /// Is deleted, and made again.
    pub victim: Option<String>,
    pub letters: String,
    /// When the partitions of a topic changed, in milliseconds since the epoch.
    pub changes: Mutex<Vec<u64>>,
    pub grown: watch::Sender<bool>,
    nodes: i32,
    group: String,
}

/// What the first topics' records name their SObject by.
const NAMES: [Names; TOPICS] = [Names::Folded("ExternalId__c"), Names::Exact("ExternalIdCase__c")];
pub(crate) const SOBJECT: &str = "MyObject__c";
/// What the records of the last topic name by its id.
pub(crate) const NATIVE: &str = "Case";

/// What the topic that is deleted makes.
pub(crate) const VICTIM: &str = "Account";

/// Records of it, before and after.
const VICTIMS: usize = 40;

/// With the first change.
const PATIENCE: Duration = Duration::from_secs(60);

impl<'a> World<'a> {
    /// New topics, and an org of its own.
    pub(crate) async fn new(broker: &'a Broker, binary: &Path, name: &str, setting: &Setting) -> Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("chaos-{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let kafka = Kafka::new(&broker.bootstrap);
        let topics: Vec<_> = (0..=TOPICS).map(|number| format!("{name}.{number}")).collect();
        let nodes = setting.nodes;
        for topic in &topics {
            kafka.create(topic, PARTITIONS, Replicas::Many(nodes)).await?;
        }
        let victim = setting.recreates.then(|| format!("{name}.victim"));
        if let Some(victim) = &victim {
            kafka.create(victim, 1, Replicas::Many(nodes)).await?;
        }
        let letters = format!("{name}.dlq");
        let of_letters = if setting.lonely_letters { Replicas::On(nodes) } else { Replicas::Many(nodes) };
        kafka.create(&letters, 1, of_letters).await?;
        let created: Vec<_> = topics.iter().chain(&victim).chain([&letters]).map(String::as_str).collect();
        Kafka::known(&broker.bootstrap, &created).await?;
        let org = Org::start(binary).await?;
        let before = org.fill(NATIVE, (0..NATIVES).map(|n| json!({"Subject": native::first(n)})).collect()).await?;
        Ok(Self {
            broker,
            kafka,
            org,
            topics,
            before,
            victim,
            letters,
            changes: Mutex::default(),
            grown: watch::Sender::new(false),
            nodes,
            group: name,
        })
    }

    /// Of all replicas.
    pub(crate) fn config(&self, setting: &Setting) -> String {
        let of = |topic: &'_ String, sobject, names| Route { topic: topic.clone(), sobject, names };
        let routes = self.topics.iter().zip(NAMES).map(|(topic, names)| of(topic, SOBJECT, names));
        let native = self.topics.get(TOPICS).map(|topic| of(topic, NATIVE, Names::RecordId));
        let victim = self.victim.iter().map(|topic| of(topic, VICTIM, NAMES[0]));
        let places = Places {
            bootstrap: &self.broker.bootstrap,
            org: &self.org.url,
            group: &self.group,
            letters: &self.letters,
            routes: routes.chain(native).chain(victim).collect(),
        };
        config::text(setting, &places)
    }

    /// In the order of the history; returns when all are durable.
    /// With `transactions`, two of three records come in transactions of a few, each after one that is aborted.
    pub(crate) async fn produce(&self, history: &[Planned], over: Duration, transactions: bool) -> Result<()> {
        const TOGETHER: usize = 4;
        let producer = self.kafka.producer()?;
        let together = if transactions { Some(self.kafka.transactions().await?) } else { None };
        let mut grown = self.grown.subscribe();
        let pause = over / u32::try_from(history.len().max(1))?;
        for (number, some) in history.chunks(TOGETHER).enumerate() {
            if some.iter().any(|planned| planned.partition >= PARTITIONS) {
                grown.wait_for(|grown| *grown).await?;
            }
            let named = some.iter().map(|planned| {
                let planned = if planned.topic == TOPICS { self.by_record_id(planned)? } else { planned.clone() };
                Ok((self.topics[planned.topic].as_str(), planned))
            });
            let named: Vec<(&str, Planned)> = named.collect::<Result<_>>()?;
            match &together {
                Some(together) if number % 3 > 0 => {
                    together.abort(&named).await?;
                    together.commit(&named).await?;
                    sleep(pause * u32::try_from(named.len())?).await;
                }
                _ => {
                    for (topic, planned) in &named {
                        producer.send(topic, planned).await?;
                        sleep(pause).await;
                    }
                }
            }
        }
        Ok(())
    }

    /// With the id of its record for its number; every other one is short.
    fn by_record_id(&self, planned: &Planned) -> Result<Planned> {
        let number: usize = planned.key.parse()?;
        let (id, _) = &self.before[number];
        let key = id.get(..if number.is_multiple_of(2) { 15 } else { id.len() }).context("a short id")?.to_owned();
        Ok(Planned { key, ..planned.clone() })
    }

    pub(crate) async fn first_change(&self, fleet: &mut Fleet) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.org.applied().await? <= NATIVES as u64 {
            if Instant::now() > deadline || !fleet.problems.is_empty() {
                bail!("nothing was written: {:?}", fleet.problems);
            }
            fleet.rest(Duration::from_millis(50)).await?;
        }
        Ok(())
    }

    /// Waits, within bounds, until the group has committed everything.
    pub(crate) async fn committed(&self, fleet: &mut Fleet, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            // A broker that comes back does not know at once who coordinates the group.
            let open =
                |sources: Vec<Vec<(i64, i64)>>| sources.iter().flatten().any(|(committed, end)| committed != end);
            let late = Instant::now() > deadline;
            match self.progress().await.map(open) {
                Ok(false) => return Ok(()),
                // What is missing then, the judge says.
                Ok(true) if late => return Ok(()),
                Err(error) if late => return Err(error),
                _ => {}
            }
            fleet.rest(Duration::from_millis(200)).await?;
        }
    }

    async fn progress(&self) -> Result<Vec<Vec<(i64, i64)>>> {
        let mut all = Vec::new();
        for topic in self.topics.iter().chain(&self.victim) {
            all.push(self.kafka.progress(&self.group, topic).await.context("the committed offsets")?);
        }
        Ok(all)
    }

    pub(crate) fn changed(&self) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).push(now_ms());
    }

    /// Deletes the victim while it is read, and makes it again; what it had before need not arrive.
    pub(crate) async fn recreate(&self, fleet: &mut Fleet, gone: Duration) -> Result<()> {
        let Some(victim) = &self.victim else { return Ok(()) };
        self.fill(victim, "old").await?;
        self.kafka.delete(victim).await?;
        self.changed();
        fleet.rest(gone).await?;
        self.kafka.create(victim, 1, Replicas::Many(self.nodes)).await?;
        self.changed();
        self.fill(victim, "new").await
    }

    async fn fill(&self, victim: &str, age: &str) -> Result<()> {
        let producer = self.kafka.producer()?;
        for n in 0..VICTIMS {
            let key = format!("{age}-{}", n % 7);
            let value = Some(format!(r#"{{"Name":"{age} {n}"}}"#));
            producer.send(victim, &Planned { topic: 0, partition: 0, key, value, operation: Some("UPSERT") }).await?;
        }
        Ok(())
    }

    /// The topics of the history, and what they have made.
    pub(crate) async fn sources(&self) -> Result<Vec<Source>> {
        let mut sources = Vec::new();
        for (topic, names) in self.topics.iter().zip(NAMES.into_iter().chain([Names::RecordId])) {
            sources.push(self.source(topic, names).await?);
        }
        Ok(sources)
    }

    /// The victim as it is now.
    pub(crate) async fn victim(&self) -> Result<Option<Source>> {
        let Some(victim) = &self.victim else { return Ok(None) };
        Ok(Some(self.source(victim, NAMES[0]).await?))
    }

    async fn source(&self, topic: &str, names: Names) -> Result<Source> {
        let progress = self.kafka.progress(&self.group, topic).await.context("the committed offsets")?;
        let records = self.kafka.read(topic).await?;
        Ok(Source { topic: topic.to_owned(), names, records, progress })
    }
}
