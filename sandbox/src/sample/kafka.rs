use std::{collections::BTreeMap, time::Duration};

use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, Headers as _, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer as _},
};

use super::Sample;

/// A failure of the sample's own Kafka client.
#[derive(Debug, thiserror::Error)]
#[error("the sample's Kafka client failed")]
pub struct SampleError(#[from] KafkaError);

/// The headers of a dead letter that the sample checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Topic, partition and offset of the record.
    pub origin: (String, String, String),
    /// Salesforce's code, else the last part of the exception's class.
    pub cause: String,
    /// The operation that the record asked for; empty if it is not known.
    pub operation: String,
}

const TIMEOUT: Duration = Duration::from_secs(30);

impl Sample {
    /// Produces all records in their order.
    pub fn produce(&self, bootstrap_servers: &str) -> Result<(), SampleError> {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap_servers).set("enable.idempotence", "true");
        let producer: BaseProducer = config.create()?;
        for record in &self.records {
            loop {
                let headers = record
                    .operation
                    .map(|word| OwnedHeaders::new().insert(Header { key: "operation", value: Some(word) }));
                let mut message: BaseRecord<'_, str, str> = BaseRecord::to(record.topic);
                message.key = record.key.as_deref();
                message.payload = record.value.as_deref();
                message.headers = headers;
                match producer.send(message) {
                    Ok(()) => break,
                    Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                        producer.poll(Duration::from_millis(50));
                    }
                    Err((error, _)) => return Err(error.into()),
                }
            }
        }
        Ok(producer.flush(TIMEOUT)?)
    }
}

/// Reads all dead letters of a topic with one partition, up to its current end.
pub fn read_dead_letters(bootstrap_servers: &str, topic: &str) -> Result<Vec<DeadLetter>, SampleError> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap_servers).set("group.id", "sample").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create()?;
    let (low, high) = consumer.fetch_watermarks(topic, 0, TIMEOUT)?;
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, Offset::Offset(low))?;
    consumer.assign(&assignment)?;
    let mut letters = Vec::new();
    let mut next = low;
    while next < high {
        let Some(message) = consumer.poll(TIMEOUT) else { break };
        let message = message?;
        next = message.offset() + 1;
        letters.push(dead_letter(&message));
    }
    Ok(letters)
}

/// The number of letters of each cause.
pub fn by_cause(letters: &[DeadLetter]) -> BTreeMap<&str, u64> {
    let mut counts = BTreeMap::new();
    for letter in letters {
        *counts.entry(letter.cause.as_str()).or_default() += 1;
    }
    counts
}

fn dead_letter(message: &impl Message) -> DeadLetter {
    let header = |name: &str| {
        let all = message.headers().into_iter().flat_map(|headers| headers.iter());
        let value = all.filter(|header| header.key == name).find_map(|header| header.value);
        value.map(|value| String::from_utf8_lossy(value).into_owned())
    };
    let of = |name: &str| header(&format!("__connect.errors.{name}")).unwrap_or_default();
    let class = of("exception.class.name");
    let cause = header("sobjectd.status_code").unwrap_or_else(|| class.rsplit('.').next().unwrap_or("").to_owned());
    let operation = header("sobjectd.operation").unwrap_or_default();
    DeadLetter { origin: (of("topic"), of("partition"), of("offset")), cause, operation }
}
