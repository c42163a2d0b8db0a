//! Delivers the sink's dead letters with a Kafka producer.

use tracing::warn;

use crate::{
    config::TooLarge,
    dead_letter::{DeadLetter, Rejected},
    kafka::{Message, ProduceError, Producer},
    record::Timestamp,
    sink::dead_letters::{DeadLetterError, DeadLetters},
};

pub(super) struct KafkaDeadLetters {
    pub(super) producer: Producer,
    pub(super) topic: String,
    pub(super) too_large: TooLarge,
}

impl KafkaDeadLetters {
    fn message<'a>(&'a self, letter: &'a DeadLetter) -> Message<'a> {
        let record = &letter.record;
        Message {
            topic: &self.topic,
            partition: None,
            key: record.key.as_deref(),
            value: record.value.as_deref(),
            headers: &record.headers,
            timestamp: record.timestamp.map(Timestamp::millis),
        }
    }

    /// The letter to send in place of one of this size, which the topic does not take.
    fn smaller(&self, letter: &DeadLetter, bytes: usize) -> Result<DeadLetter, DeadLetterError> {
        let smaller = letter.smaller().filter(|_| self.too_large == TooLarge::Reference);
        let Some((smaller, part)) = smaller else {
            return Err(DeadLetterError::TooLarge { topic: self.topic.clone(), bytes });
        };
        warn!(
            event = "dead_letter_too_large",
            position = %letter.record.position,
            bytes,
            topic = self.topic,
            part,
            "dead letter larger than its topic takes; a part of it is left out, and the record itself has to be read from its topic"
        );
        Ok(smaller)
    }
}

impl DeadLetters for KafkaDeadLetters {
    async fn deliver(&self, rejected: Rejected<'_>) -> Result<(), DeadLetterError> {
        if self.too_large == TooLarge::Stop && rejected.record.left_parts().next().is_some() {
            let bytes = rejected.record.whole_bytes();
            return Err(DeadLetterError::TooLarge { topic: self.topic.clone(), bytes });
        }
        let _space = self.producer.reserve(rejected.bytes()).await;
        let mut letter = rejected.letter();
        loop {
            letter = match self.producer.send(&self.message(&letter)).await {
                Ok(()) => return Ok(()),
                Err(ProduceError::InvalidTimestamp) => letter.without_timestamp(),
                Err(ProduceError::TooLarge { bytes }) => self.smaller(&letter, bytes)?,
                Err(ProduceError::Permanent(message)) => {
                    return Err(DeadLetterError::Permanent { topic: self.topic.clone(), message });
                }
            };
        }
    }
}
