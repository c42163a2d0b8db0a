//! A rejected record as Kafka Connect would write it into its dead-letter topic: the record untouched, and the headers
//! that other tools read (`WorkerErrantRecordReporter`, `DeadLetterQueueReporter`), then ours.

use bytes::Bytes;

use super::headers::{self, OFFSET, PARTITION, TOPIC};
use crate::record::{Cause, Header, Identity, Operation, Position, Record, Rejection, headers_bytes};

/// A record that was rejected, as it is written to the dead-letter topic.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// The record as it was read, with the new headers after its own.
    pub record: Record,
    /// The number of headers that are the record's own.
    own: usize,
}

/// A record that is to become a dead letter. The letter is built only when there is room to send it.
#[derive(Debug)]
pub struct Rejected<'a> {
    pub record: Record,
    pub rejection: &'a Rejection,
    pub context: LetterContext<'a>,
}

/// The facts of a rejected record beyond the rejection.
#[derive(Debug, Clone, Copy, Default)]
pub struct LetterContext<'a> {
    pub connector: &'a str,
    pub sobject: &'a str,
    pub operation: Option<Operation>,
    pub target: Option<&'a Identity>,
    /// The number of times that the record was sent to the org.
    pub attempts: u32,
}

/// The most that a letter may have beyond its record, in bytes: the new headers.
pub const MAX_OVERHEAD: usize = 64 * 1024;
/// The longest text of ours in a letter for which there is hardly any room, in bytes.
const SHORT: usize = 256;

impl Rejected<'_> {
    /// The most bytes that the letter takes until it is sent: a copy of the record, and the new headers twice, as
    /// they are built and as the client copies them.
    pub fn bytes(&self) -> usize {
        /// The headers without the cause: names, numbers, the target.
        const PLAIN: usize = 3 * 1024;
        // In the message, in Connect's message and in its stack trace.
        let texts = 3 * self.rejection.cause.bytes();
        self.record.bytes() + 2 * (texts + PLAIN)
    }

    /// Builds the letter.
    pub fn letter(self) -> DeadLetter {
        DeadLetter::new(self.record, self.rejection, self.context)
    }
}

impl DeadLetter {
    fn new(mut record: Record, rejection: &Rejection, context: LetterContext<'_>) -> Self {
        let position = record.position.clone();
        let origin = match origin(&record) {
            // The record is a letter that was written again: its old cause is replaced, its origin stays.
            Some(origin) => {
                record.headers.retain(|header| !headers::is_cause(&header.name));
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
        add(headers::CONNECTOR, context.connector.to_owned());
        add(headers::TASK, "0".to_owned());
        add(headers::STAGE, rejection.stage.name().to_owned());
        add(headers::CLASS, rejection.stage.class().to_owned());
        let class = format!("sobjectd.{}", rejection.reason.name());
        let message = format!("{position}: {}", rejection.cause.whole());
        add(headers::EXCEPTION_STACKTRACE, format!("{class}: {message}"));
        add(headers::EXCEPTION_CLASS, class);
        add(headers::EXCEPTION_MESSAGE, message);

        add(headers::SOBJECT, context.sobject.to_owned());
        if let Some(operation) = context.operation {
            add(headers::OPERATION, operation.word().to_owned());
        }
        match context.target {
            Some(Identity::RecordId(id)) => add(headers::RECORD_ID, id.to_string()),
            Some(Identity::ExternalId(external)) => add(headers::EXTERNAL_ID, external.text().to_owned()),
            None => {}
        }
        let cause = &rejection.cause;
        if let Some(code) = &cause.code {
            add(headers::STATUS_CODE, code.to_string());
        }
        add(headers::MESSAGE, cause.message.clone());
        if !cause.fields.is_empty() {
            add(headers::FIELDS, cause.fields.join(","));
        }
        if let Some(status) = cause.http_status {
            add(headers::HTTP_STATUS, status.to_string());
        }
        add(headers::ATTEMPTS, context.attempts.to_string());
        let left: Vec<_> = record.left_parts().map(|(name, bytes)| size_header(name, bytes)).collect();
        record.headers.extend(left);
        Self { record, own }
    }

    /// The same letter for a topic that does not take its timestamp, which becomes a header. The header of an earlier
    /// letter of the record stays.
    #[must_use]
    pub fn without_timestamp(mut self) -> Self {
        let is_known = self.record.headers_named(headers::TIMESTAMP).next().is_some();
        if let Some(timestamp) = self.record.timestamp.take().filter(|_| !is_known) {
            let value = Some(timestamp.millis().to_string().into());
            self.record.headers.push(Header { name: headers::TIMESTAMP.to_owned(), value });
        }
        self
    }

    /// A smaller letter, and the name of the part that it leaves out: first the value, then the record's own headers,
    /// then the key, at last all but the begin of each text. `None` where nothing more can be left out.
    pub fn smaller(&self) -> Option<(Self, &'static str)> {
        let mut smaller = self.clone();
        let record = &mut smaller.record;
        if let Some(value) = record.value.take() {
            record.headers.push(size_header(headers::VALUE_BYTES, value.len()));
            return Some((smaller, "value"));
        }
        if self.own > 0 {
            let own: Vec<_> = record.headers.drain(..self.own).collect();
            smaller.own = 0;
            // A letter that was written again keeps what says what its record had.
            let said = own.iter().filter(|header| header.name.starts_with(headers::OWN)).cloned();
            record.headers.extend(said);
            record.headers.push(size_header(headers::HEADERS_BYTES, headers_bytes(&own)));
            return Some((smaller, "headers"));
        }
        if let Some(key) = record.key.take_if(|key| key.len() > SHORT) {
            record.headers.push(size_header(headers::KEY_BYTES, key.len()));
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

fn size_header(name: &str, bytes: usize) -> Header {
    Header { name: name.to_owned(), value: Some(bytes.to_string().into()) }
}

/// The position of a letter's record when it was rejected for the first time; `None` if it is not a letter.
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
    use crate::record::{Reason, Timestamp};

    fn record(headers: &[(&str, &str)]) -> Record {
        let position = Position { topic: "t".into(), partition: 0, offset: 7 };
        let header = |(name, value): &(&str, &str)| {
            let value = Some(Bytes::copy_from_slice(value.as_bytes()));
            Header { name: (*name).to_owned(), value }
        };
        let headers = headers.iter().map(header).collect();
        let value = Some(Bytes::from_static(b"value"));
        Record { position, timestamp: None, key: None, value, headers, excess: None }
    }

    fn letter(record: Record, rejection: &Rejection) -> DeadLetter {
        Rejected { record, rejection, context: LetterContext { sobject: "Thing__c", ..LetterContext::default() } }
            .letter()
    }

    fn texts<'a>(letter: &'a DeadLetter, name: &'a str) -> Vec<&'a str> {
        let text = |header: &'a Header| std::str::from_utf8(header.value.as_ref().unwrap()).unwrap();
        letter.record.headers_named(name).map(text).collect()
    }

    #[test]
    fn no_header_is_longer_than_the_topic_takes_whatever_the_record_holds() {
        let rejection = Rejection::new(Reason::InvalidOperation, "é".repeat(100_000));
        let rejected = Rejected { record: record(&[]), rejection: &rejection, context: LetterContext::default() };
        let bytes = rejected.bytes();
        let letter = rejected.letter();
        assert!(headers_bytes(&letter.record.headers) < MAX_OVERHEAD);
        assert!(letter.record.bytes() + headers_bytes(&letter.record.headers) <= bytes, "it is charged with {bytes}");
        let message = texts(&letter, headers::MESSAGE);
        assert!(message.len() == 1 && message[0].ends_with("é…") && message[0].len() < 4200, "{message:?}");
    }

    #[test]
    fn a_letter_that_is_rejected_again_has_one_set_of_headers_and_its_first_origin() {
        let first = letter(record(&[("trace", "7")]), &Rejection::new(Reason::NotFound, "not there"));
        let mut replayed = first.record.clone();
        replayed.position = Position { topic: "t.dlq".into(), partition: 3, offset: 99 };
        let second = letter(replayed, &Rejection::new(Reason::InvalidField, "no such field"));
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
            (headers::EXCEPTION_CLASS, "sobjectd.InvalidField"),
            (headers::EXCEPTION_MESSAGE, "t.dlq[3]@99: no such field"),
            (headers::MESSAGE, "no such field"),
        ] {
            assert_eq!(texts(&second, name), [value], "{name}");
        }
        let stray = letter(record(&[(TOPIC, "mine")]), &Rejection::new(Reason::NotFound, "not there"));
        assert_eq!(texts(&stray, TOPIC), ["mine", "t"], "a header without the other two is the record's own");
    }

    #[test]
    fn each_part_that_a_letter_leaves_out_is_named_by_its_size() {
        let mut large = record(&[("trace", "7")]);
        large.key = Some(Bytes::from(vec![b'k'; 1000]));
        let mut letter = letter(large, &Rejection::new(Reason::InvalidKey, "x".repeat(3000)));
        let mut left_behind = Vec::new();
        while let Some((smaller, part)) = letter.smaller() {
            assert!(smaller.record.bytes() < letter.record.bytes() + 40, "{part}");
            letter = smaller;
            left_behind.push(part);
        }
        assert_eq!(left_behind, ["value", "headers", "key", "texts"]);
        for (name, value) in
            [(headers::VALUE_BYTES, "5"), (headers::HEADERS_BYTES, "6"), (headers::KEY_BYTES, "1000"), (OFFSET, "7")]
        {
            assert_eq!(texts(&letter, name), [value], "{name}");
        }
        assert!(letter.record.bytes() < 3000);
    }

    #[test]
    fn a_timestamp_that_the_topic_rejects_becomes_a_header_unless_an_earlier_one_is_there() {
        for (own, header) in [(None, "1700"), (Some((headers::TIMESTAMP, "5")), "5")] {
            let mut dated = record(own.as_slice());
            dated.timestamp = Some(Timestamp::Create(1700));
            let letter = letter(dated, &Rejection::new(Reason::NotFound, "not there")).without_timestamp();
            assert_eq!((letter.record.timestamp, texts(&letter, headers::TIMESTAMP)), (None, vec![header]));
        }
    }

    #[test]
    fn a_reference_that_is_rejected_again_still_says_how_large_its_value_was() {
        let rejection = Rejection::new(Reason::InvalidOperation, "no value");
        let (reference, _) = letter(record(&[]), &rejection).smaller().unwrap();
        let mut again = letter(reference.record, &rejection);
        assert_eq!(texts(&again, headers::VALUE_BYTES), ["5"]);
        again = again.smaller().unwrap().0;
        assert_eq!(texts(&again, headers::VALUE_BYTES), ["5"]);
    }
}
