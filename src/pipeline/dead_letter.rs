//! A rejected record as Kafka Connect would write it into its dead-letter topic: the record untouched, and headers that
//! everyone's tools read (`WorkerErrantRecordReporter`, `DeadLetterQueueReporter`), then ours.

use std::future::Future;

use bytes::Bytes;

use crate::record::{Header, Identity, Operation, Record, Rejection};

#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// As it was read, with the new headers behind its own.
    pub record: Record,
}

/// Why a dead letter will never be taken.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    #[error("the dead letter has {bytes} bytes, more than the topic {topic} takes; raise its max.message.bytes")]
    TooLarge { topic: String, bytes: usize },
    #[error("the topic {topic} does not take dead letters: {message}")]
    Refused { topic: String, message: String },
}

/// The dead-letter topic, as the pipeline sees it.
pub trait DeadLetters: Send + Sync + 'static {
    /// Returns when the letter is durable (acks=all), however long that takes.
    fn deliver(&self, letter: &DeadLetter) -> impl Future<Output = Result<(), DeadLetterError>> + Send;
}

/// What is known of a rejected record beyond the rejection.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    pub connector: &'a str,
    pub sobject: &'a str,
    pub operation: Option<Operation>,
    pub target: Option<&'a Identity>,
    /// How often it was sent.
    pub attempts: u32,
}

impl DeadLetter {
    pub fn new(mut record: Record, rejection: &Rejection, about: About<'_>) -> Self {
        let position = record.position.clone();
        let mut add = |name: &str, value: String| {
            record.headers.push(Header { name: name.to_owned(), value: Some(Bytes::from(cut(value))) });
        };
        add("__connect.errors.topic", position.topic.to_string());
        add("__connect.errors.partition", position.partition.to_string());
        add("__connect.errors.offset", position.offset.to_string());
        add("__connect.errors.connector.name", about.connector.to_owned());
        add("__connect.errors.task.id", "0".to_owned());
        add("__connect.errors.stage", rejection.stage.name().to_owned());
        add("__connect.errors.class.name", rejection.stage.class().to_owned());
        let class = format!("sobjectd.{}", rejection.reason.name());
        let message = format!("{position}: {}", rejection.cause.whole());
        add("__connect.errors.exception.stacktrace", format!("{class}: {message}"));
        add("__connect.errors.exception.class.name", class);
        add("__connect.errors.exception.message", message);

        add("sobjectd.sobject", about.sobject.to_owned());
        if let Some(operation) = about.operation {
            add("sobjectd.operation", operation.word().to_owned());
        }
        match about.target {
            Some(Identity::RecordId(id)) => add("sobjectd.record_id", id.to_string()),
            Some(Identity::ExternalId(external)) => add("sobjectd.external_id", external.text().to_owned()),
            None => {}
        }
        let cause = &rejection.cause;
        if let Some(code) = &cause.code {
            add("sobjectd.status_code", code.to_string());
        }
        add("sobjectd.message", cause.message.clone());
        if !cause.fields.is_empty() {
            add("sobjectd.fields", cause.fields.join(","));
        }
        if let Some(status) = cause.http_status {
            add("sobjectd.http_status", status.to_string());
        }
        add("sobjectd.attempts", about.attempts.to_string());
        Self { record }
    }
}

/// The longest value of a header of ours, in bytes: a cause may quote what the record holds, and the topic leaves 64
/// KiB for all of them.
const LONGEST: usize = 4 * 1024;

fn cut(mut value: String) -> String {
    if value.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|end| value.is_char_boundary(*end));
        value.truncate(end.unwrap_or(0));
        value.push('…');
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Position, Reason};

    #[test]
    fn what_the_record_holds_makes_no_header_longer_than_the_topic_takes() {
        let position = Position { topic: "t".into(), partition: 0, offset: 7 };
        let record = Record { position, timestamp: None, key: None, value: None, headers: Vec::new() };
        let rejection = Rejection::put(Reason::InvalidOperation, "é".repeat(100_000));
        let letter = DeadLetter::new(record, &rejection, About::default());
        let len = |header: &Header| header.name.len() + header.value.as_ref().map_or(0, Bytes::len);
        assert!(letter.record.headers.iter().map(len).sum::<usize>() < 64 * 1024);
        let message = letter.record.headers_named("sobjectd.message").next().and_then(|header| header.value.clone());
        assert!(String::from_utf8(message.unwrap().to_vec()).unwrap().ends_with("é…"));
    }
}
