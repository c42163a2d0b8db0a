//! What stands around the replicas: the broker, the topics, the org, and the configuration that says so.

use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tokio::{sync::watch, time::sleep};

use crate::{
    broker::Broker,
    config::{self, Places},
    fleet::Fleet,
    history::{PARTITIONS, Planned},
    judge::Source,
    kafka::{Kafka, Replicas},
    org::Org,
    setting::Setting,
};

/// What stands around the replicas.
pub(crate) struct World<'a> {
    pub broker: &'a Broker,
    pub kafka: Kafka,
    pub org: Org,
    pub topics: Vec<String>,
    /// Is deleted, and made again.
    pub victim: Option<String>,
    pub letters: String,
    pub grown: watch::Sender<bool>,
    nodes: i32,
    group: String,
}

/// What each topic's records name their SObject by, and whether that field ignores case.
const KEY_FIELDS: [(&str, bool); 2] = [("ExternalId__c", true), ("ExternalIdCase__c", false)];
pub(crate) const SOBJECT: &str = "MyObject__c";

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
        let topics: Vec<_> = (0..KEY_FIELDS.len()).map(|number| format!("{name}.{number}")).collect();
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
        let org = Org::start(binary).await?;
        Ok(Self { broker, kafka, org, topics, victim, letters, grown: watch::Sender::new(false), nodes, group: name })
    }

    /// Of all replicas.
    pub(crate) fn config(&self, setting: &Setting) -> String {
        let routes = self.topics.iter().zip(KEY_FIELDS).map(|(topic, (field, _))| (topic.as_str(), SOBJECT, field));
        let victim = self.victim.iter().map(|topic| (topic.as_str(), VICTIM, KEY_FIELDS[0].0));
        let places = Places {
            bootstrap: &self.broker.bootstrap,
            org: &self.org.url,
            group: &self.group,
            letters: &self.letters,
            routes: routes.chain(victim).collect(),
        };
        config::text(setting, &places)
    }

    /// In the order of the history; returns when all are durable.
    pub(crate) async fn produce(&self, history: &[Planned], over: Duration) -> Result<()> {
        let producer = self.kafka.producer()?;
        let mut grown = self.grown.subscribe();
        let pause = over / u32::try_from(history.len().max(1))?;
        for planned in history {
            if planned.partition >= PARTITIONS {
                grown.wait_for(|grown| *grown).await?;
            }
            producer.send(&self.topics[planned.topic], planned).await?;
            sleep(pause).await;
        }
        Ok(())
    }

    pub(crate) async fn first_change(&self, fleet: &mut Fleet) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.org.applied().await? == 0 {
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

    /// Deletes the victim while it is read, and makes it again; what it had before need not arrive.
    pub(crate) async fn recreate(&self, fleet: &mut Fleet, gone: Duration) -> Result<()> {
        let Some(victim) = &self.victim else { return Ok(()) };
        self.fill(victim, "old").await?;
        self.kafka.delete(victim).await?;
        fleet.rest(gone).await?;
        self.kafka.create(victim, 1, Replicas::Many(self.nodes)).await?;
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

    /// The two topics of the history, and what they have made.
    pub(crate) async fn sources(&self) -> Result<Vec<Source>> {
        let mut sources = Vec::new();
        for (topic, (key_field, ignores_case)) in self.topics.iter().zip(KEY_FIELDS) {
            sources.push(self.source(topic, key_field, ignores_case).await?);
        }
        Ok(sources)
    }

    /// The victim as it is now.
    pub(crate) async fn victim(&self) -> Result<Option<Source>> {
        let Some(victim) = &self.victim else { return Ok(None) };
        Ok(Some(self.source(victim, KEY_FIELDS[0].0, KEY_FIELDS[0].1).await?))
    }

    async fn source(&self, topic: &str, key_field: &'static str, ignores_case: bool) -> Result<Source> {
        let progress = self.kafka.progress(&self.group, topic).await.context("the committed offsets")?;
        let records = self.kafka.read(topic).await?;
        Ok(Source { topic: topic.to_owned(), key_field, ignores_case, records, progress })
    }
}
