//! The dead-letter topic, as the sink needs it.

use std::future::Future;

use crate::dead_letter::Rejected;

/// The topic will never take a dead letter.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    #[error("the dead letter has {bytes} bytes, more than the topic {topic} takes; raise its max.message.bytes")]
    TooLarge { topic: String, bytes: usize },
    #[error("the topic {topic} does not take dead letters: {message}")]
    Permanent { topic: String, message: String },
}

/// Delivers dead letters. The daemon implements it with a producer, tests with a list.
pub trait DeadLetters: Send + Sync + 'static {
    /// Returns when the letter is durable (acks=all), however long that takes.
    fn deliver(&self, rejected: Rejected<'_>) -> impl Future<Output = Result<(), DeadLetterError>> + Send;
}
