//! The only place that names rdkafka: a consumer on its own thread, one queue for each partition, one thread that
//! commits, and the producer of the dead letters.

mod boundaries;
mod client;
mod commit;
mod consumer;
mod dead_letters;
mod denial;
mod ear;
mod fetcher;
mod gap;
mod lag;
mod left_out;
mod lists;
mod log;
mod look;
mod oidc;
mod open_transactions;
mod partition;
mod positions;
mod rebalance;
mod refresh;
mod refusals;
mod standstill;
mod subscription;
mod token;
mod topics;

pub use client::{Clients, FETCH_BYTES, KafkaConfigError, QUEUED_BYTES, QUEUED_MESSAGES, producer_queue};
pub use consumer::{Consumer, ConsumerError, Settings};
pub use dead_letters::{KafkaDeadLetters, LetterSizes};
pub use look::{Committed, GroupError, Letters, OutOfRange, clients_fit, committed};
pub use partition::{PartitionStream, SourceError};
pub use rebalance::{LaneStart, Lanes};
pub use topics::{LETTER_HEADERS, StartError, Topics};
