//! A producer of records that belong together.

use std::{
    process,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use anyhow::Result;
use rdkafka::{
    ClientConfig,
    error::KafkaError,
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord, Producer as _},
};

use crate::history::Planned;

const LIMIT: Duration = Duration::from_secs(20);
/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(100);

pub(crate) struct Transactions(FutureProducer);

/// How a transaction is to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Commit,
    Abort,
}

impl Transactions {
    pub(crate) async fn new(mut config: ClientConfig) -> Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let id = format!("chaos-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        config.set("transactional.id", id).set("linger.ms", "0").set("topic.metadata.refresh.interval.ms", "300");
        let producer: FutureProducer = config.create()?;
        let this = Self(producer);
        this.retried(|producer| producer.init_transactions(LIMIT)).await?;
        Ok(this)
    }

    /// Returns when all of the records are durable, each once.
    pub(crate) async fn commit(&self, records: &[(&str, Planned)]) -> Result<()> {
        self.transaction(records, End::Commit).await
    }

    /// The records are in their topics, and no reader of what is committed sees them.
    pub(crate) async fn abort(&self, records: &[(&str, Planned)]) -> Result<()> {
        self.transaction(records, End::Abort).await
    }

    async fn transaction(&self, records: &[(&str, Planned)], end: End) -> Result<()> {
        loop {
            self.retried(FutureProducer::begin_transaction).await?;
            let sent = self.send(records, end).await;
            if sent && end == End::Commit {
                match self.retried(|producer| producer.commit_transaction(LIMIT)).await {
                    Ok(()) => return Ok(()),
                    Err(KafkaError::Transaction(error)) if error.txn_requires_abort() => {}
                    Err(error) => return Err(error.into()),
                }
            }
            self.retried(|producer| producer.abort_transaction(LIMIT)).await?;
            if sent && end == End::Abort {
                return Ok(());
            }
            // A broker that went away, or a partition that is not known everywhere yet: from the beginning.
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Whether all were taken. What is to be aborted says so, for those who read it all the same.
    async fn send(&self, records: &[(&str, Planned)], end: End) -> bool {
        for (topic, planned) in records {
            let value = match end {
                End::Commit => planned.value.clone(),
                End::Abort => Some(r#"{"Text__c":"aborted"}"#.to_owned()),
            };
            let mut record = FutureRecord::to(topic).partition(planned.partition).key(&planned.key);
            record.payload = value.as_ref();
            if let Some(word) = planned.operation {
                record = record.headers(OwnedHeaders::new().insert(Header { key: "operation", value: Some(word) }));
            }
            if self.0.send(record, LIMIT).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Off the runtime, and again where the producer says that this may help.
    async fn retried(
        &self,
        work: impl Fn(&FutureProducer) -> Result<(), KafkaError> + Copy + Send + 'static,
    ) -> Result<(), KafkaError> {
        loop {
            let producer = self.0.clone();
            let done = tokio::task::spawn_blocking(move || work(&producer)).await.unwrap_or(Err(KafkaError::Canceled));
            match done {
                Err(KafkaError::Transaction(error)) if error.is_retriable() => tokio::time::sleep(AGAIN).await,
                done => return done,
            }
        }
    }
}
