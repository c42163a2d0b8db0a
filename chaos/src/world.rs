//! Everything around the replicas: the broker, the topics, the org, and the configuration that names them.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use parking_lot::Mutex;
use serde_json::json;
use tokio::{sync::watch, time::sleep};

use crate::{
    broker::Broker,
    by_record_id,
    change::Fields,
    config::{self, Addresses, Route},
    fleet::{Fleet, now_ms},
    kafka::{Kafka, Replicas},
    org::Org,
    planned::{PARTITIONS, Planned, TOPICS},
    scenario::Scenario,
    source::{Names, Source},
    topics::{BY_RECORD_ID, NAMES, RECREATED, SOBJECT},
};

/// The broker, the topics and the org of a run.
pub(crate) struct World<'a> {
    pub broker: &'a Broker,
    pub kafka: Kafka,
    pub org: Org,
    pub topics: Vec<String>,
    /// The records of [`BY_RECORD_ID`] that are there before the run, by their ids.
    pub before: Vec<(String, Fields)>,
    /// The topic that is deleted and made again.
    pub recreated: Option<String>,
    pub letters: String,
    changes: Mutex<Vec<u64>>,
    pub grown: watch::Sender<bool>,
    nodes: i32,
    group: String,
}

/// Records of the topic that is deleted and made again, in each of its lives.
const FILLED: usize = 40;

/// The longest wait for the first change.
const PATIENCE: Duration = Duration::from_secs(60);

impl<'a> World<'a> {
    /// New topics, and an org of its own.
    pub(crate) async fn new(broker: &'a Broker, binary: &Path, name: &str, scenario: &Scenario) -> Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("chaos-{name}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let kafka = Kafka::new(&broker.bootstrap);
        let topics: Vec<_> = (0..=TOPICS).map(|number| format!("{name}.{number}")).collect();
        let nodes = scenario.nodes;
        for topic in &topics {
            kafka.create(topic, PARTITIONS, Replicas::Many(nodes)).await?;
        }
        let recreated = scenario.recreates.then(|| format!("{name}.recreated"));
        if let Some(recreated) = &recreated {
            kafka.create(recreated, 1, Replicas::Many(nodes)).await?;
        }
        let letters = format!("{name}.dlq");
        let of_letters = if scenario.lonely_letters { Replicas::On(nodes) } else { Replicas::Many(nodes) };
        kafka.create(&letters, 1, of_letters).await?;
        let created: Vec<_> = topics.iter().chain(&recreated).chain([&letters]).map(String::as_str).collect();
        Kafka::known(&broker.bootstrap, &created).await?;
        let org = Org::start(binary).await?;
        let before = org
            .fill(
                BY_RECORD_ID,
                (0..by_record_id::RECORDS).map(|n| json!({"Subject": by_record_id::first(n)})).collect(),
            )
            .await?;
        Ok(Self {
            broker,
            kafka,
            org,
            topics,
            before,
            recreated,
            letters,
            changes: Mutex::default(),
            grown: watch::Sender::new(false),
            nodes,
            group: name,
        })
    }

    /// The configuration of all replicas.
    pub(crate) fn config(&self, scenario: &Scenario) -> String {
        let of = |topic: &'_ String, sobject, names| Route { topic: topic.clone(), sobject, names };
        let routes = self.topics.iter().zip(NAMES).map(|(topic, names)| of(topic, SOBJECT, names));
        let by_record_id = self.topics.get(TOPICS).map(|topic| of(topic, BY_RECORD_ID, Names::RecordId));
        let recreated = self.recreated.iter().map(|topic| of(topic, RECREATED, NAMES[0]));
        let addresses = Addresses {
            bootstrap: &self.broker.bootstrap,
            org: &self.org.url,
            group: &self.group,
            letters: &self.letters,
            routes: routes.chain(by_record_id).chain(recreated).collect(),
        };
        config::text(scenario, &addresses)
    }

    /// Produces the history in its order; returns when all records are durable. With `transactions`, two of three
    /// records come in transactions of a few, each after one that is aborted.
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
        while self.org.applied().await? <= by_record_id::RECORDS as u64 {
            if Instant::now() > deadline || !fleet.problems.is_empty() {
                bail!("nothing was written: {:?}", fleet.problems);
            }
            fleet.wait(Duration::from_millis(50)).await?;
        }
        Ok(())
    }

    /// Waits until the group has committed everything, or `patience` is over.
    pub(crate) async fn committed(&self, fleet: &mut Fleet, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        loop {
            // A broker that comes back does not know at once who coordinates the group.
            let open =
                |sources: Vec<Vec<(i64, i64)>>| sources.iter().flatten().any(|(committed, end)| committed != end);
            let late = Instant::now() > deadline;
            match self.progress().await.map(open) {
                Ok(false) => return Ok(()),
                // The judge reports what is missing then.
                Ok(true) if late => return Ok(()),
                Err(error) if late => return Err(error),
                _ => {}
            }
            fleet.wait(Duration::from_millis(200)).await?;
        }
    }

    async fn progress(&self) -> Result<Vec<Vec<(i64, i64)>>> {
        let mut all = Vec::new();
        for topic in self.topics.iter().chain(&self.recreated) {
            all.push(self.kafka.progress(&self.group, topic).await.context("the committed offsets")?);
        }
        Ok(all)
    }

    /// Notes that the partitions of a topic have changed.
    pub(crate) fn changed(&self) {
        self.changes.lock().push(now_ms());
    }

    /// The times at which the partitions of a topic changed, in milliseconds since the epoch.
    pub(crate) fn topic_changes(&self) -> Vec<u64> {
        self.changes.lock().clone()
    }

    /// Deletes a topic while it is read, and makes it again. Its records of before need not arrive.
    pub(crate) async fn recreate(&self, fleet: &mut Fleet, gone: Duration) -> Result<()> {
        let Some(topic) = &self.recreated else { return Ok(()) };
        self.fill(topic, "old").await?;
        self.kafka.delete(topic).await?;
        self.changed();
        fleet.wait(gone).await?;
        self.kafka.create(topic, 1, Replicas::Many(self.nodes)).await?;
        self.changed();
        self.fill(topic, "new").await
    }

    async fn fill(&self, topic: &str, age: &str) -> Result<()> {
        let producer = self.kafka.producer()?;
        for n in 0..FILLED {
            let key = format!("{age}-{}", n % 7);
            let value = Some(format!(r#"{{"Name":"{age} {n}"}}"#));
            producer.send(topic, &Planned { topic: 0, partition: 0, key, value, operation: Some("UPSERT") }).await?;
        }
        Ok(())
    }

    /// The topics of the history, with their records and offsets.
    pub(crate) async fn sources(&self) -> Result<Vec<Source>> {
        let mut sources = Vec::new();
        for (topic, names) in self.topics.iter().zip(NAMES.into_iter().chain([Names::RecordId])) {
            sources.push(self.source(topic, names).await?);
        }
        Ok(sources)
    }

    /// The topic that was made again, as it is now.
    pub(crate) async fn recreated_source(&self) -> Result<Option<Source>> {
        let Some(topic) = &self.recreated else { return Ok(None) };
        Ok(Some(self.source(topic, NAMES[0]).await?))
    }

    async fn source(&self, topic: &str, names: Names) -> Result<Source> {
        let progress = self.kafka.progress(&self.group, topic).await.context("the committed offsets")?;
        let records = self.kafka.read(topic).await?;
        Ok(Source { topic: topic.to_owned(), names, records, progress })
    }
}
