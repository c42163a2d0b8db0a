//! The topics, as an ordinary client writes and reads them.

use std::{collections::HashSet, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use rdkafka::{
    ClientConfig, Message as _, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    message::{Header, Headers as _, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
    types::RDKafkaErrorCode,
};

use crate::{planned::Planned, transactions::Transactions};

const LIMIT: Duration = Duration::from_secs(10);

/// A record that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Read {
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Read {
    /// The text of the last header of this name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().rfind(|(header, _)| header == name)?;
        std::str::from_utf8(value.as_deref()?).ok()
    }
}

/// The replicas of each partition of a topic.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Replicas {
    Many(i32),
    /// One, of the first partition, on this node.
    On(i32),
}

#[derive(Debug, Clone)]
pub(crate) struct Kafka {
    config: ClientConfig,
}

impl Kafka {
    pub(crate) fn new(bootstrap: &str) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap).set("reconnect.backoff.max.ms", "500").set("log_level", "0");
        Self { config }
    }

    pub(crate) async fn create(&self, topic: &str, partitions: i32, replicas: Replicas) -> Result<()> {
        let (nodes, alone);
        let replication = match replicas {
            Replicas::Many(many) => TopicReplication::Fixed(many),
            Replicas::On(node) => {
                alone = [node];
                nodes = [&alone[..]];
                TopicReplication::Variable(&nodes)
            }
        };
        let new = NewTopic::new(topic, partitions, replication);
        done(self.admin()?.create_topics([&new], &AdminOptions::new()).await?)
    }

    /// Returns when each broker of this list knows the topics: they learn of new topics one by one.
    pub(crate) async fn known(brokers: &str, topics: &[&str]) -> Result<()> {
        for broker in brokers.split(',') {
            let client = Self::new(broker);
            for topic in topics.iter().map(|topic| (*topic).to_owned()) {
                let mut tries = 0;
                while client
                    .ask({
                        let topic = topic.clone();
                        move |client| partitions(client, &topic)
                    })
                    .await
                    .unwrap_or(0)
                    == 0
                {
                    tries += 1;
                    ensure!(tries < 100, "{broker} does not know {topic}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        Ok(())
    }

    pub(crate) async fn delete(&self, topic: &str) -> Result<()> {
        done(self.admin()?.delete_topics(&[topic], &AdminOptions::new()).await?)
    }

    /// The topic takes no message of more bytes from now on.
    pub(crate) async fn limit(&self, topic: &str, bytes: usize) -> Result<()> {
        let bytes = bytes.to_string();
        let new = AlterConfig::new(ResourceSpecifier::Topic(topic)).set("max.message.bytes", &bytes);
        for altered in self.admin()?.alter_configs([&new], &AdminOptions::new()).await? {
            altered.map_err(|(_, code)| anyhow::anyhow!("{topic}: {code}"))?;
        }
        Ok(())
    }

    /// Adds partitions to a topic, up to this number.
    pub(crate) async fn grow(&self, topic: &str, partitions: i32) -> Result<()> {
        let count = usize::try_from(partitions)?;
        done(self.admin()?.create_partitions([&NewPartitions::new(topic, count)], &AdminOptions::new()).await?)
    }

    pub(crate) fn producer(&self) -> Result<Producer> {
        let mut config = self.config.clone();
        config
            .set("enable.idempotence", "true")
            .set("linger.ms", "0")
            .set("message.timeout.ms", "0")
            .set("topic.metadata.refresh.interval.ms", "300");
        Ok(Producer(config.create()?))
    }

    pub(crate) async fn transactions(&self) -> Result<Transactions> {
        Transactions::new(self.config.clone()).await
    }

    /// All records of a topic that are committed, in the order of each partition.
    pub(crate) async fn read(&self, topic: &str) -> Result<Vec<Read>> {
        let topic = topic.to_owned();
        self.ask(move |client| read(client, &topic)).await
    }

    /// The group's committed offset and the end offset, for each partition.
    pub(crate) async fn progress(&self, group: &str, topic: &str) -> Result<Vec<(i64, i64)>> {
        let (group, topic) = (group.to_owned(), topic.to_owned());
        let config = self.config.clone().set("group.id", group).clone();
        let ask = move || {
            let client: BaseConsumer = config.create()?;
            let partitions = partitions(&client, &topic)?;
            let mut asked = TopicPartitionList::new();
            asked.add_partition_range(&topic, 0, partitions - 1);
            let answered = client.committed_offsets(asked, LIMIT)?;
            let of = |partition| {
                let committed = match answered.find_partition(&topic, partition).map(|found| found.offset()) {
                    Some(Offset::Offset(offset)) => offset,
                    _ => 0,
                };
                Ok((committed, client.fetch_watermarks(&topic, partition, LIMIT)?.1))
            };
            (0..partitions).map(of).collect()
        };
        tokio::task::spawn_blocking(ask).await?
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>> {
        Ok(self.config.create()?)
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&BaseConsumer) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut config = self.config.clone();
        config.set("group.id", "chaos").set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        tokio::task::spawn_blocking(move || question(&config.create()?)).await?
    }
}

fn done(results: Vec<Result<String, (String, RDKafkaErrorCode)>>) -> Result<()> {
    for result in results {
        result.map_err(|(topic, code)| anyhow::anyhow!("{topic}: {code}"))?;
    }
    Ok(())
}

fn partitions(client: &BaseConsumer, topic: &str) -> Result<i32> {
    let metadata = client.fetch_metadata(Some(topic), LIMIT)?;
    Ok(i32::try_from(metadata.topics().first().context("no such topic")?.partitions().len())?)
}

fn read(client: &BaseConsumer, topic: &str) -> Result<Vec<Read>> {
    let mut unread = HashSet::new();
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions(client, topic)? {
        let (low, high) = client.fetch_watermarks(topic, partition, LIMIT)?;
        if low < high {
            unread.insert(partition);
            list.add_partition_offset(topic, partition, Offset::Offset(low))?;
        }
    }
    client.assign(&list)?;
    let mut records = Vec::new();
    while !unread.is_empty() {
        let message = match client.poll(LIMIT) {
            None => bail!("{topic} cannot be read to its end"),
            // Not the last record: after it there may be markers, and what was aborted.
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                unread.remove(&partition);
                continue;
            }
            Some(message) => message?,
        };
        let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
        records.push(Read {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect(),
        });
    }
    records.sort_by_key(|record| (record.partition, record.offset));
    Ok(records)
}

/// An idempotent producer that waits for a broker that is away.
pub(crate) struct Producer(FutureProducer);

impl Producer {
    /// Returns when the record is durable.
    pub(crate) async fn send(&self, topic: &str, planned: &Planned) -> Result<()> {
        use RDKafkaErrorCode::{UnknownPartition, UnknownTopic, UnknownTopicOrPartition};

        loop {
            let mut record = FutureRecord::to(topic).partition(planned.partition).key(&planned.key);
            record.payload = planned.value.as_ref();
            if let Some(word) = planned.operation {
                record = record.headers(OwnedHeaders::new().insert(Header { key: "operation", value: Some(word) }));
            }
            match self.0.send(record, LIMIT).await {
                Ok(_) => return Ok(()),
                // A new topic or partition is not known to all brokers at once.
                Err((KafkaError::MessageProduction(UnknownPartition | UnknownTopic | UnknownTopicOrPartition), _)) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }
}
