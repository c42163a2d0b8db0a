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
    fleet::Fleet,
    history::{PARTITIONS, Planned},
    judge::Source,
    kafka::Kafka,
    org::Org,
    setting::Times,
};

/// What stands around the replicas.
pub(crate) struct World<'a> {
    pub broker: &'a Broker,
    pub kafka: Kafka,
    pub org: Org,
    pub topics: Vec<String>,
    pub letters: String,
    pub grown: watch::Sender<bool>,
    group: String,
}

/// What each topic's records name their SObject by, and whether that field ignores case.
const KEY_FIELDS: [(&str, bool); 2] = [("ExternalId__c", true), ("ExternalIdCase__c", false)];
pub(crate) const SOBJECT: &str = "MyObject__c";

/// After the last fault.
const PATIENCE: Duration = Duration::from_secs(60);

impl<'a> World<'a> {
    /// New topics, and an org of its own.
    pub(crate) async fn new(broker: &'a Broker, binary: &Path, seed: u64) -> Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("chaos-{}-{}", seed, COUNT.fetch_add(1, Ordering::Relaxed));
        let kafka = Kafka::new(&broker.bootstrap);
        let topics: Vec<_> = (0..KEY_FIELDS.len()).map(|number| format!("{name}.{number}")).collect();
        for topic in &topics {
            kafka.create(topic, PARTITIONS).await?;
        }
        let letters = format!("{name}.dlq");
        kafka.create(&letters, 1).await?;
        let org = Org::start(binary).await?;
        Ok(Self { broker, kafka, org, topics, letters, grown: watch::Sender::new(false), group: name })
    }

    /// Of all replicas; what takes seconds or minutes in production takes a tenth of that.
    pub(crate) fn config(&self, commits: Duration) -> String {
        let Times { session, request, hold } = Times::SCALED;
        let millis = |time: Duration| format!("{}ms", time.as_millis());
        let routes = self.topics.iter().zip(KEY_FIELDS).map(|(topic, (field, _))| {
            format!(
                "[[routes]]\ntopic = '{topic}'\nsobject = '{SOBJECT}'\noperation = 'upsert'\n\
                 external_id_field = '{field}'\noperation_header = 'operation'\ntombstone = 'delete'\n"
            )
        });
        format!(
            "name = 'chaos'\n\
             drain_timeout = '{drain}'\n\
             kafka.bootstrap_servers = '{bootstrap}'\n\
             kafka.group_id = '{group}'\n\
             kafka.session_timeout = '{session}'\n\
             kafka.commit_interval = '{commits}'\n\
             kafka.properties.'heartbeat.interval.ms' = '500'\n\
             kafka.properties.'topic.metadata.refresh.interval.ms' = '500'\n\
             kafka.properties.'reconnect.backoff.max.ms' = '500'\n\
             salesforce.login_url = '{org}'\n\
             salesforce.auth = {{ flow = 'client_credentials', client_id = '{id}', client_secret = '{secret}' }}\n\
             salesforce.login_interval = '100ms'\n\
             salesforce.request_timeout = '{request}'\n\
             salesforce.unknown_hold = '{hold}'\n\
             salesforce.quota.probe_interval = '500ms'\n\
             pipeline.batch_rows = 25\n\
             pipeline.linger = '10ms'\n\
             retry.initial_backoff = '50ms'\n\
             retry.max_backoff = '500ms'\n\
             retry.max_attempts = 1000\n\
             dead_letter.topic = '{letters}'\n\
             log.format = 'json'\n\
             admin.listen = ''\n\n{routes}",
            drain = millis(hold.max(request) + Duration::from_secs(10)),
            bootstrap = self.broker.bootstrap,
            group = self.group,
            session = millis(session),
            org = self.org.url,
            id = sandbox::CLIENT_ID,
            secret = sandbox::CLIENT_SECRET,
            request = millis(request),
            commits = millis(commits),
            hold = millis(hold),
            letters = self.letters,
            routes = routes.collect::<String>(),
        )
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
    pub(crate) async fn committed(&self, fleet: &mut Fleet) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
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
        for topic in &self.topics {
            all.push(self.kafka.progress(&self.group, topic).await.context("the committed offsets")?);
        }
        Ok(all)
    }

    pub(crate) async fn sources(&self) -> Result<Vec<Source>> {
        let mut sources = Vec::new();
        for ((topic, (key_field, ignores_case)), progress) in
            self.topics.iter().zip(KEY_FIELDS).zip(self.progress().await?)
        {
            let records = self.kafka.read(topic).await?;
            sources.push(Source { topic: topic.clone(), key_field, ignores_case, records, progress });
        }
        Ok(sources)
    }
}
