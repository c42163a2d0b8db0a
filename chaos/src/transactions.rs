//! A transactional producer.

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

use crate::planned::Planned;

const LIMIT: Duration = Duration::from_secs(20);
/// The pause between two attempts.
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

    /// Produces the records in a transaction that is committed. Returns when all are durable, each once.
    pub(crate) async fn commit(&self, records: &[(&str, Planned)]) -> Result<()> {
        self.transaction(records, End::Commit).await
    }

    /// Produces the records in a transaction that is aborted: they are in their topics, but no reader of committed data
    /// sees them.
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

    /// Sends the records; returns whether all were taken. The values of a transaction that is to be aborted say so, for
    /// readers that see them by mistake.
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

    /// Does `work` off the runtime, and again while the producer says that the error is retriable.
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
