//! Errors of the consumer's start, and of reading a partition.

use std::sync::Arc;

use rdkafka::error::KafkaError;

/// The consumer could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ConsumerError {
    #[error("the consumer cannot be created: {0}")]
    Create(KafkaError),
    #[error("no committed offsets of the group: {0}")]
    StartOffsets(KafkaError),
    #[error("librdkafka rejects the subscription: {0}")]
    Subscribe(KafkaError),
    #[error("no thread")]
    Thread(#[from] std::io::Error),
}

/// A partition gives no more records.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{topic}[{partition}]: the offsets from {next} on are lost: {}", lost_range(*.next, *.watermarks))]
    LostOffsets { topic: Arc<str>, partition: i32, next: i64, watermarks: Option<(i64, i64)> },
    #[error("{topic}[{partition}]: the batch from {next} on cannot be read: {source}; nothing after it is read")]
    Unreadable { topic: Arc<str>, partition: i32, next: i64, source: KafkaError },
    #[error("{topic}[{partition}]: {source}")]
    Fatal { topic: Arc<str>, partition: i32, source: KafkaError },
}

/// Describes what is missing, by the low and the high watermark of the partition.
fn lost_range(next: i64, watermarks: Option<(i64, i64)>) -> String {
    match watermarks {
        Some((low, _)) if low > next => format!("{next} to {} were deleted, the partition begins at {low}", low - 1),
        Some((_, high)) if high < next => format!("the partition ends at {high}, it was created again or cut off"),
        Some((_, high)) => format!(
            "the partition was cut off before {next} and written on from there, as after an unclean leader election, or it was \
             created again; it ends at {high}"
        ),
        None => "where the partition begins is not known".to_owned(),
    }
}
