//! A transaction of a producer, which is open until the test ends it.

use std::time::Duration;

use rdkafka::{
    ClientConfig,
    producer::{BaseProducer, BaseRecord, Producer as _},
};

use super::{Broker, Record, unique};

const LIMIT: Duration = Duration::from_secs(20);

pub(crate) struct Transaction(BaseProducer);

impl Transaction {
    /// Its records are in the topic, and no transaction ends by itself while a test runs.
    pub(crate) async fn begin(broker: &Broker, topic: &str, records: &[Record]) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &broker.bootstrap).set("transactional.id", unique("transaction"));
        config.set("transaction.timeout.ms", "600000");
        let (topic, records) = (topic.to_owned(), records.to_vec());
        blocking(move || {
            let producer: BaseProducer = config.create().unwrap();
            producer.init_transactions(LIMIT).unwrap();
            producer.begin_transaction().unwrap();
            for Record { partition, key, value, .. } in &records {
                let record = BaseRecord::<[u8], [u8]>::to(&topic).partition(partition.unwrap_or(0));
                let record = key.iter().fold(record, |record, key| record.key(key));
                producer.send(value.iter().fold(record, |record, value| record.payload(value))).unwrap();
            }
            producer.flush(LIMIT).unwrap();
            Self(producer)
        })
        .await
    }

    pub(crate) async fn commit(self) {
        blocking(move || self.0.commit_transaction(LIMIT).unwrap()).await;
    }

    pub(crate) async fn abort(self) {
        blocking(move || self.0.abort_transaction(LIMIT).unwrap()).await;
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}
