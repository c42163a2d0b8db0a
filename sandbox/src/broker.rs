//! An embedded Kafka cluster: librdkafka's mock, on loopback, in this process.
//!
//! It keeps 5 MiB a partition and drops the oldest silently, and it stays in memory: good for trying and for tests of
//! behaviour, never a proof of retention or of exactly-once.

use rdkafka::{
    ClientConfig,
    bindings::{rd_kafka_handle_mock_cluster, rd_kafka_mock_group_initial_rebalance_delay_ms},
    error::KafkaError,
    producer::{BaseProducer, Producer},
};

/// A failure to start the embedded cluster.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    #[error("the embedded broker did not start")]
    Start(#[from] KafkaError),
    #[error("the embedded broker has no mock cluster")]
    NoCluster,
}

/// A running cluster of one broker; it ends when dropped.
pub struct Broker {
    /// Owns the cluster.
    client: BaseProducer,
    bootstrap_servers: String,
}

impl Broker {
    /// Starts a cluster with these topics and their numbers of partitions.
    pub fn start(topics: &[(&str, i32)]) -> Result<Self, BrokerError> {
        let client: BaseProducer =
            ClientConfig::new().set("client.id", "sandbox-broker").set("test.mock.num.brokers", "1").create()?;
        let bootstrap_servers = client.client().mock_cluster().ok_or(BrokerError::NoCluster)?.bootstrap_servers();
        let broker = Self { client, bootstrap_servers };
        broker.hasten_rebalances()?;
        for (topic, partitions) in topics {
            broker.create_topic(topic, *partitions)?;
        }
        Ok(broker)
    }

    /// `127.0.0.1:{port}`.
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    pub fn create_topic(&self, topic: &str, partitions: i32) -> Result<(), BrokerError> {
        let cluster = self.client.client().mock_cluster().ok_or(BrokerError::NoCluster)?;
        Ok(cluster.create_topic(topic, partitions, 1)?)
    }

    /// The first member of a group waits 3 s for others unless told otherwise.
    #[expect(unsafe_code, reason = "the binding has no safe call for this knob of the mock cluster")]
    fn hasten_rebalances(&self) -> Result<(), BrokerError> {
        // SAFETY: the client is alive for the whole call and owns the cluster that the first function returns; the
        // second only stores a number in it, under the cluster's own lock.
        unsafe {
            let cluster = rd_kafka_handle_mock_cluster(self.client.client().native_ptr());
            if cluster.is_null() {
                return Err(BrokerError::NoCluster);
            }
            rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0);
        }
        Ok(())
    }
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker").field("bootstrap_servers", &self.bootstrap_servers).finish_non_exhaustive()
    }
}
