//! A real Kafka, run by `script/kafka`. One is shared by all tests, and another one by those that kill a broker.

use std::{
    collections::HashMap,
    process::{Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
};
use tokio::{
    net::TcpStream,
    sync::{Mutex, MutexGuard, OnceCell},
};

use super::ManagedServer;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/script/kafka");
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct Broker {
    /// The address of the listener without authentication.
    pub(crate) bootstrap: String,
    server: ManagedServer,
}

/// The broker of all tests, started by the first that asks.
pub(crate) async fn broker() -> &'static Broker {
    static SHARED: OnceCell<Broker> = OnceCell::const_new();
    SHARED.get_or_init(Broker::start).await
}

/// The broker with security of all tests. Its user is alice, and her password alice-secret.
pub(crate) async fn secured() -> &'static Broker {
    static SHARED: OnceCell<Broker> = OnceCell::const_new();
    SHARED.get_or_init(|| Broker::start_in(&["security"])).await
}

/// The broker that tests kill, for one test at a time. It serves when a test gets it.
pub(crate) async fn killable() -> (&'static Broker, MutexGuard<'static, ()>) {
    static SHARED: OnceCell<Broker> = OnceCell::const_new();
    static TURN: Mutex<()> = Mutex::const_new(());
    let turn = TURN.lock().await;
    let broker = SHARED.get_or_init(Broker::start).await;
    if TcpStream::connect(&broker.bootstrap).await.is_err() {
        broker.script("again").await; // the test before this one has failed while it was down
    }
    (broker, turn)
}

/// A name that no other test has, in this run or an earlier one.
pub(crate) fn unique(name: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{name}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

impl Broker {
    pub(crate) async fn start() -> Self {
        Self::start_in(&[]).await
    }

    async fn start_in(mode: &'static [&'static str]) -> Self {
        let server = ManagedServer::start("kafka", mode).await;
        let bootstrap = server.address.split(' ').next().unwrap_or_default().to_owned();
        Self { bootstrap, server }
    }

    /// Starts three nodes for one test.
    pub(crate) async fn cluster() -> Self {
        Self::start_in(&["cluster"]).await
    }

    /// The address of a listener of the broker with security: `SASL_SSL`, `MTLS`, `OAUTH`.
    pub(crate) fn listener(&self, name: &str) -> &str {
        let mut listeners = self.server.address.split(' ').filter_map(|listener| listener.split_once('='));
        listeners.find(|(known, _)| *known == name).unwrap_or_else(|| panic!("no listener {name}")).1
    }

    /// A file of the broker with security: `ca.pem`, `client.pem`, `client.key`, `stranger.pem`.
    pub(crate) fn tls(&self, file: &str) -> String {
        format!("{}/tls/{file}", self.server.dir)
    }

    /// Adds an access rule: `ALLOW` or `DENY`, a user, an operation such as `READ`, and `topic`, `group` or `cluster` with
    /// the name of one.
    pub(crate) async fn acl(&self, permission: &str, user: &str, operation: &str, kind: &str, name: &str) {
        let principal = format!("User:{user}");
        super::python::ask(&["acl", &self.bootstrap, permission, &principal, operation, kind, name], "").await;
    }

    /// Deletes a topic, and waits until the metadata has it no more.
    pub(crate) async fn delete_topic(&self, name: &str) {
        let deleted = self.admin().delete_topics(&[name], &AdminOptions::new()).await.unwrap();
        for result in deleted {
            result.unwrap();
        }
        super::until("the topic to be gone", async || self.partitions(name).await.is_none().then_some(())).await;
    }

    /// Runs `kill` or `again`; for [`killable`] only.
    pub(crate) async fn script(&self, command: &'static str) {
        self.script_in(command, self.server.dir.clone()).await;
    }

    /// Runs `kill`, `stop` or `again` for one node of three.
    pub(crate) async fn node(&self, command: &'static str, node: i32) {
        self.script_in(command, format!("{}/{node}", self.server.dir)).await;
    }

    async fn script_in(&self, command: &'static str, dir: String) {
        let run = move || Command::new(SCRIPT).args([command, &dir]).stdout(Stdio::null()).status();
        let status = tokio::task::spawn_blocking(run).await.unwrap().unwrap();
        assert!(status.success(), "script/kafka {command}: {status}");
    }

    pub(crate) async fn topic(&self, name: &str, partitions: i32) {
        self.topic_with(name, partitions, &[]).await;
    }

    /// Creates a topic, and waits until a client can see it.
    pub(crate) async fn topic_with(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        self.topic_on(name, partitions, TopicReplication::Fixed(1), settings).await;
    }

    /// Creates a topic on these nodes, and waits until a client can see it.
    pub(crate) async fn topic_on(
        &self,
        name: &str,
        partitions: i32,
        replication: TopicReplication<'_>,
        settings: &[(&str, &str)],
    ) {
        let topic = NewTopic::new(name, partitions, replication);
        let topic = settings.iter().fold(topic, |topic, (key, value)| topic.set(key, value));
        let results = self.admin().create_topics([&topic], &AdminOptions::new()).await.unwrap();
        for result in results {
            result.unwrap();
        }
        super::until("the new topic", async || (self.partitions(name).await == Some(partitions)).then_some(())).await;
    }

    /// Gives a topic more partitions, up to the given number, and waits until a client can see them.
    pub(crate) async fn grow(&self, name: &str, partitions: i32) {
        let more = NewPartitions::new(name, usize::try_from(partitions).unwrap());
        self.admin().create_partitions([&more], &AdminOptions::new()).await.unwrap().remove(0).unwrap();
        let visible = async || (self.partitions(name).await == Some(partitions)).then_some(());
        super::until("the new partitions", visible).await;
    }

    /// Deletes a topic that an earlier run on the same broker has left.
    pub(crate) async fn remove(&self, name: &str) {
        self.admin().delete_topics(&[name], &AdminOptions::new()).await.unwrap();
        super::until("the topic to be gone", async || self.partitions(name).await.is_none().then_some(())).await;
    }

    /// The node that leads a partition; `None` while there is none.
    pub(crate) async fn leader(&self, name: &str, partition: usize) -> Option<i32> {
        let name = name.to_owned();
        self.ask(move |client| {
            let metadata = client.fetch_metadata(Some(&name), LIMIT).ok()?;
            let leader = metadata.topics().first()?.partitions().get(partition)?.leader();
            (leader > 0).then_some(leader)
        })
        .await
    }

    /// How many partitions a topic has; `None` without that topic.
    pub(crate) async fn partitions(&self, name: &str) -> Option<i32> {
        let name = name.to_owned();
        self.ask(move |client| {
            let metadata = client.fetch_metadata(Some(&name), LIMIT).unwrap();
            let topic = &metadata.topics()[0];
            (topic.error().is_none() && !topic.partitions().is_empty()).then(|| topic.partitions().len() as i32)
        })
        .await
    }

    /// The group's committed offset of each partition.
    pub(crate) async fn committed(&self, group: &str, topic: &str, partitions: i32) -> Vec<Option<i64>> {
        let (group, topic) = (group.to_owned(), topic.to_owned());
        let config = self.client().set("group.id", group).clone();
        tokio::task::spawn_blocking(move || {
            let client: BaseConsumer = config.create().unwrap();
            let mut asked = TopicPartitionList::new();
            asked.add_partition_range(&topic, 0, partitions - 1);
            let answered = client.committed_offsets(asked, LIMIT).unwrap();
            let offset = |partition| match answered.find_partition(&topic, partition)?.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            };
            (0..partitions).map(offset).collect()
        })
        .await
        .unwrap()
    }

    /// The lowest and the next offset of a partition.
    pub(crate) async fn watermarks(&self, topic: &str, partition: i32) -> (i64, i64) {
        let topic = topic.to_owned();
        self.ask(move |client| client.fetch_watermarks(&topic, partition, LIMIT).unwrap()).await
    }

    /// Deletes all records before an offset, as retention does.
    pub(crate) async fn delete_before(&self, topic: &str, partition: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset)).unwrap();
        self.admin().delete_records(&list, &AdminOptions::new()).await.unwrap();
        let deleted = async || (self.watermarks(topic, partition).await.0 == offset).then_some(());
        super::until("the records to be deleted", deleted).await;
    }

    /// All settings of a topic.
    pub(crate) async fn settings(&self, topic: &str) -> HashMap<String, String> {
        let described = self.admin().describe_configs(&[ResourceSpecifier::Topic(topic)], &AdminOptions::new()).await;
        let entries = described.unwrap().remove(0).unwrap().entries;
        entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect()
    }

    /// Changes one setting of a topic.
    pub(crate) async fn set(&self, topic: &str, name: &str, value: &str) {
        let change = AlterConfig::new(ResourceSpecifier::Topic(topic)).set(name, value);
        self.admin().alter_configs([&change], &AdminOptions::new()).await.unwrap().remove(0).unwrap();
        let changed = async || (self.settings(topic).await[name] == value).then_some(());
        super::until("the setting", changed).await;
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set("group.id", "tests");
        config
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().unwrap()
    }

    async fn ask<T: Send + 'static>(&self, question: impl FnOnce(&BaseConsumer) -> T + Send + 'static) -> T {
        let config = self.client();
        tokio::task::spawn_blocking(move || question(&config.create().unwrap())).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attended_broker_ends_with_its_pipe() {
    let mut broker = Broker::start().await;
    drop(broker.server.process.stdin.take());
    super::until("the attendant to end", async || broker.server.process.try_wait().unwrap()).await;
    assert!(!std::path::Path::new(&broker.server.dir).exists(), "and its disk with it");
    assert!(std::net::TcpStream::connect(&broker.bootstrap).is_err());
}
