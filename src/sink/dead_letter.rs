//! A rejected record as Kafka Connect would write it into its dead-letter topic: the record untouched, and headers that
//! everyone's tools read (`WorkerErrantRecordReporter`, `DeadLetterQueueReporter`), then ours.

use std::future::Future;

use bytes::Bytes;

use crate::record::{Cause, Header, Identity, Operation, Position, Record, Rejection, headers_bytes};

#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// As it was read, with the new headers behind its own.
    pub record: Record,
    /// How many of the headers are the record's own.
    own: usize,
}

/// A record that is to become a dead letter. The letter is built only when there is room to send it.
#[derive(Debug)]
pub struct Rejected<'a> {
    pub record: Record,
    pub rejection: &'a Rejection,
    pub about: About<'a>,
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
    fn deliver(&self, rejected: Rejected<'_>) -> impl Future<Output = Result<(), DeadLetterError>> + Send;
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

/// Where the record lies.
const TOPIC: &str = "__connect.errors.topic";
const PARTITION: &str = "__connect.errors.partition";
const OFFSET: &str = "__connect.errors.offset";
/// All of Connect's begin so.
const CONNECT: &str = "__connect.errors.";
/// Our own headers that say why. Those that say what the record had are not among them: they stay with it.
const WHY: [&str; 9] = [
    "sobjectd.sobject",
    "sobjectd.operation",
    "sobjectd.record_id",
    "sobjectd.external_id",
    "sobjectd.status_code",
    "sobjectd.message",
    "sobjectd.fields",
    "sobjectd.http_status",
    "sobjectd.attempts",
];
/// A text of ours in a letter for which there is hardly any room, in bytes.
const SHORT: usize = 256;

impl Rejected<'_> {
    /// What the letter takes until it is sent, in bytes, at most: a copy of the record, and the new headers twice, as
    /// they are built and as the client copies them.
    pub fn bytes(&self) -> usize {
        /// Of the headers without the cause: names, numbers, the target.
        const PLAIN: usize = 3 * 1024;
        // In the message, in Connect's message and in its stack trace.
        let texts = 3 * self.rejection.cause.bytes();
        self.record.bytes() + 2 * (texts + PLAIN)
    }

    pub fn letter(self) -> DeadLetter {
        DeadLetter::new(self.record, self.rejection, self.about)
    }
}

impl DeadLetter {
    fn new(mut record: Record, rejection: &Rejection, about: About<'_>) -> Self {
        let position = record.position.clone();
        let origin = match origin(&record) {
            // A letter that was written again: what it was rejected for before is over, where it comes from is not.
            Some(origin) => {
                record.headers.retain(|header| !says_why(&header.name));
                origin
            }
            None => position.clone(),
        };
        let own = record.headers.len();
        let mut add = |name: &str, value: String| {
            record.headers.push(Header { name: name.to_owned(), value: Some(Bytes::from(Cause::cut(value))) });
        };
        add(TOPIC, origin.topic.to_string());
        add(PARTITION, origin.partition.to_string());
        add(OFFSET, origin.offset.to_string());
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
        record.headers.extend(record.excess.parts().map(|(name, bytes)| left(name, bytes)));
        Self { record, own }
    }

    /// The same letter without its value; without a value, without the record's own headers; then without its key; and
    /// at last with short texts. `None` where nothing more can stay behind. Also names what does.
    pub fn smaller(&self) -> Option<(Self, &'static str)> {
        let mut smaller = self.clone();
        let record = &mut smaller.record;
        if let Some(value) = record.value.take() {
            record.headers.push(left(Record::VALUE_LEFT, value.len()));
            return Some((smaller, "value"));
        }
        if self.own > 0 {
            let own: Vec<_> = record.headers.drain(..self.own).collect();
            smaller.own = 0;
            // Of a letter that was written again: what its record had stays known.
            let said = own.iter().filter(|header| header.name.starts_with("sobjectd.")).cloned();
            record.headers.extend(said);
            record.headers.push(left(Record::HEADERS_LEFT, headers_bytes(&own)));
            return Some((smaller, "headers"));
        }
        if let Some(key) = record.key.take_if(|key| key.len() > SHORT) {
            record.headers.push(left(Record::KEY_LEFT, key.len()));
            return Some((smaller, "key"));
        }
        let mut cut = false;
        for value in record.headers.iter_mut().filter_map(|header| header.value.as_mut()) {
            if value.len() > SHORT {
                value.truncate(SHORT);
                cut = true;
            }
        }
        cut.then_some((smaller, "texts"))
    }
}

fn left(name: &str, bytes: usize) -> Header {
    Header { name: name.to_owned(), value: Some(bytes.to_string().into()) }
}

fn says_why(header: &str) -> bool {
    header.starts_with(CONNECT) || WHY.contains(&header)
}

/// Where the record of a letter lay when it was rejected for the first time; `None` if this is no letter.
fn origin(record: &Record) -> Option<Position> {
    let first = |name| {
        let header = record.headers_named(name).next()?;
        std::str::from_utf8(header.value.as_deref()?).ok()
    };
    let topic = first(TOPIC).filter(|topic| !topic.is_empty())?.into();
    let partition = first(PARTITION)?.parse().ok().filter(|partition: &i32| *partition >= 0)?;
    let offset = first(OFFSET)?.parse().ok().filter(|offset: &i64| *offset >= 0)?;
    Some(Position { topic, partition, offset })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Excess, Reason};

    fn record(headers: &[(&str, &str)]) -> Record {
        let position = Position { topic: "t".into(), partition: 0, offset: 7 };
        let header = |(name, value): &(&str, &str)| {
            let value = Some(Bytes::copy_from_slice(value.as_bytes()));
            Header { name: (*name).to_owned(), value }
        };
        let headers = headers.iter().map(header).collect();
        let value = Some(Bytes::from_static(b"value"));
        Record { position, timestamp: None, key: None, value, headers, excess: Excess::default() }
    }

    fn letter(record: Record, rejection: &Rejection) -> DeadLetter {
        Rejected { record, rejection, about: About { sobject: "Thing__c", ..About::default() } }.letter()
    }

    fn texts<'a>(letter: &'a DeadLetter, name: &'a str) -> Vec<&'a str> {
        let text = |header: &'a Header| std::str::from_utf8(header.value.as_ref().unwrap()).unwrap();
        letter.record.headers_named(name).map(text).collect()
    }

    #[test]
    fn what_the_record_holds_makes_no_header_longer_than_the_topic_takes() {
        let rejection = Rejection::put(Reason::InvalidOperation, "é".repeat(100_000));
        let rejected = Rejected { record: record(&[]), rejection: &rejection, about: About::default() };
        let bytes = rejected.bytes();
        let letter = rejected.letter();
        assert!(headers_bytes(&letter.record.headers) < 64 * 1024);
        assert!(letter.record.bytes() + headers_bytes(&letter.record.headers) <= bytes, "it is charged with {bytes}");
        let message = texts(&letter, "sobjectd.message");
        assert!(message.len() == 1 && message[0].ends_with("é…") && message[0].len() < 4200, "{message:?}");
    }

    #[test]
    fn a_letter_that_is_rejected_again_has_one_set_of_headers_and_its_first_origin() {
        let first = letter(record(&[("trace", "7")]), &Rejection::put(Reason::NotFound, "not there"));
        let mut replayed = first.record.clone();
        replayed.position = Position { topic: "t.dlq".into(), partition: 3, offset: 99 };
        let second = letter(replayed, &Rejection::put(Reason::InvalidField, "no such field"));
        let names: Vec<_> = second.record.headers.iter().map(|header| header.name.clone()).collect();
        let mut unique = names.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), names.len(), "each once: {names:?}");
        for (name, value) in [
            (TOPIC, "t"),
            (PARTITION, "0"),
            (OFFSET, "7"),
            ("trace", "7"),
            ("__connect.errors.exception.class.name", "sobjectd.InvalidField"),
            ("__connect.errors.exception.message", "t.dlq[3]@99: no such field"),
            ("sobjectd.message", "no such field"),
        ] {
            assert_eq!(texts(&second, name), [value], "{name}");
        }
        let stray = letter(record(&[(TOPIC, "mine")]), &Rejection::put(Reason::NotFound, "not there"));
        assert_eq!(texts(&stray, TOPIC), ["mine", "t"], "a header without the other two is the record's own");
    }

    #[test]
    fn what_stays_behind_is_named_by_its_size_part_by_part() {
        let mut large = record(&[("trace", "7")]);
        large.key = Some(Bytes::from(vec![b'k'; 1000]));
        let mut letter = letter(large, &Rejection::put(Reason::InvalidKey, "x".repeat(3000)));
        let mut left = Vec::new();
        while let Some((smaller, part)) = letter.smaller() {
            assert!(smaller.record.bytes() < letter.record.bytes() + 40, "{part}");
            letter = smaller;
            left.push(part);
        }
        assert_eq!(left, ["value", "headers", "key", "texts"]);
        for (name, value) in
            [(Record::VALUE_LEFT, "5"), (Record::HEADERS_LEFT, "6"), (Record::KEY_LEFT, "1000"), (OFFSET, "7")]
        {
            assert_eq!(texts(&letter, name), [value], "{name}");
        }
        assert!(letter.record.bytes() < 3000);
    }

    #[test]
    fn a_reference_that_is_rejected_again_still_says_how_large_its_value_was() {
        let rejection = Rejection::put(Reason::InvalidOperation, "no value");
        let (reference, _) = letter(record(&[]), &rejection).smaller().unwrap();
        let mut again = letter(reference.record, &rejection);
        assert_eq!(texts(&again, Record::VALUE_LEFT), ["5"]);
        again = again.smaller().unwrap().0;
        assert_eq!(texts(&again, Record::VALUE_LEFT), ["5"]);
    }
}
