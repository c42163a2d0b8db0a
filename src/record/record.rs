use std::{fmt, sync::Arc};

use bytes::Bytes;

/// One Kafka record, copied out of the client's fetch buffer: all that a dead letter needs to repeat it byte for byte.
#[derive(Debug, Clone)]
pub struct Record {
    pub position: Position,
    pub timestamp: Option<Timestamp>,
    pub key: Option<Bytes>,
    /// `None` is a tombstone.
    pub value: Option<Bytes>,
    pub headers: Vec<Header>,
}

/// Where a record lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    pub topic: Arc<str>,
    pub partition: i32,
    pub offset: i64,
}

/// Milliseconds since 1970, and who set them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timestamp {
    Create(i64),
    LogAppend(i64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub name: String,
    pub value: Option<Bytes>,
}

impl Record {
    /// The header of a dead letter whose value was left behind, since it is larger than the topic takes: its size in bytes.
    pub const LEFT_BEHIND: &str = "sobjectd.value.bytes";

    /// What a record costs besides its bytes: its fields, its ticket, its place in the queues.
    const OVERHEAD: usize = 1024;

    /// What this record is charged against `pipeline.max_in_flight_bytes`, in bytes.
    pub fn charge(&self) -> usize {
        Self::OVERHEAD + self.bytes()
    }

    /// Its key, value and headers, in bytes.
    pub fn bytes(&self) -> usize {
        let len = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        let headers: usize = self.headers.iter().map(|h| h.name.len() + len(&h.value)).sum();
        len(&self.key) + len(&self.value) + headers
    }

    /// A dead letter without the value that its record has: no tombstone.
    pub fn lacks_its_value(&self) -> bool {
        self.value.is_none() && self.headers_named(Self::LEFT_BEHIND).next().is_some()
    }

    /// All headers of this name, in order.
    pub fn headers_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Header> {
        self.headers.iter().filter(move |header| header.name == name)
    }
}

impl Timestamp {
    pub fn millis(self) -> i64 {
        match self {
            Self::Create(millis) | Self::LogAppend(millis) => millis,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]@{}", self.topic, self.partition, self.offset)
    }
}
