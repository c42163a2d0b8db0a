//! Kafka's clients, and the only place that names rdkafka. They know no flow: a flow is reached by the traits
//! [`LaneHost`] and [`ConsumerObserver`], which the daemon implements, and reaches a topic by the [`Producer`].

mod admin;
mod client;
mod consumer;
mod producer;

pub use admin::{
    Committed, DeadLetterTopic, DeadLetterTopicState, GroupError, OutOfRange, Topics, check_clients, fetch_committed,
};
pub use client::{Clients, FETCH_BYTES, KafkaConfigError, QUEUED_BYTES, QUEUED_MESSAGES, StartError, producer_queue};
pub use consumer::{
    Consumer, ConsumerError, ConsumerObserver, ConsumerSettings, LaneEnd, LaneHost, LaneStart, OpenTransaction,
    PartitionStream, ReadError, WaitGuard,
};
pub use producer::{Message, MessageSizes, ProduceError, Producer};
