//! The only place that names rdkafka: a consumer on its own thread, one queue for each partition, one thread that
//! commits, and the producer of the dead letters.

mod admin;
mod client;
mod consumer;
mod producer;

pub use admin::{Committed, GroupError, LETTER_HEADERS, Letters, OutOfRange, Topics, clients_fit, committed};
pub use client::{Clients, FETCH_BYTES, KafkaConfigError, QUEUED_BYTES, QUEUED_MESSAGES, StartError, producer_queue};
pub use consumer::{Consumer, ConsumerError, LaneStart, Lanes, PartitionStream, Settings, SourceError};
pub use producer::{KafkaDeadLetters, LetterSizes};
