use std::{fmt, sync::Arc};

use bytes::Bytes;

/// One Kafka record, copied out of the client's fetch buffer: all that a dead letter needs to repeat it byte for byte.
#[derive(Debug, Clone)]
pub struct Record {
    pub position: Position,
    pub timestamp: Option<Timestamp>,
    pub key: Option<Bytes>,
    /// The value; `None` is a tombstone.
    pub value: Option<Bytes>,
    pub headers: Vec<Header>,
    /// The parts of the record that are too large to be held in memory.
    pub excess: Option<Box<Excess>>,
}

/// The sizes of the parts in which a record is larger than the daemon takes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Excess {
    /// `pipeline.max_record_bytes`, where the record is larger than that.
    pub bound: Option<usize>,
    /// The sizes in bytes of the parts that still lie in Kafka only.
    pub value: Option<usize>,
    pub headers: Option<usize>,
    pub key: Option<usize>,
}

/// The limits of a record's size, in bytes of key, value and headers.
#[derive(Debug, Clone, Copy)]
pub struct RecordBounds {
    /// A larger one is rejected: `pipeline.max_record_bytes`.
    pub taken: usize,
    /// A larger one is not copied out of the client's buffer as a whole, also for its dead letter. At least `taken`,
    /// and what the topics hold without compression.
    pub held: usize,
}

/// The position of a record: topic, partition and offset.
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
    /// The header of a dead letter whose value was left out, since it is too large: its size in bytes.
    pub const VALUE_LEFT: &str = "sobjectd.value.bytes";
    /// The same of the record's own headers, and of its key.
    pub const HEADERS_LEFT: &str = "sobjectd.headers.bytes";
    pub const KEY_LEFT: &str = "sobjectd.key.bytes";

    /// The memory that a record costs besides its bytes and fields, in bytes: itself, its command, its row and identity
    /// in the scheduler. A test of the sink measures it.
    const OVERHEAD: usize = 768;

    /// The charge of this record against `pipeline.max_in_flight_bytes`, in bytes.
    pub fn charge(&self) -> usize {
        Self::OVERHEAD + self.bytes()
    }

    /// The size of key, value and headers in memory, in bytes.
    pub fn bytes(&self) -> usize {
        let len = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        len(&self.key) + len(&self.value) + headers_bytes(&self.headers)
    }

    /// The size of key, value and headers in Kafka, in bytes.
    pub fn whole_bytes(&self) -> usize {
        self.bytes() + self.left_parts().map(|(_, bytes)| bytes).sum::<usize>()
    }

    /// A dead letter without the value that its record has: no tombstone.
    pub fn lacks_its_value(&self) -> bool {
        let left = self.excess.as_ref().is_some_and(|excess| excess.value.is_some())
            || self.headers_named(Self::VALUE_LEFT).next().is_some();
        self.value.is_none() && left
    }

    /// A dead letter without the headers that its record has: one of them may have named the operation.
    pub fn lacks_its_headers(&self) -> bool {
        self.excess.as_ref().is_some_and(|excess| excess.headers.is_some())
            || self.headers_named(Self::HEADERS_LEFT).next().is_some()
    }

    /// The parts that lie in Kafka only: the header of a dead letter that says so, and how many bytes they have.
    pub fn left_parts(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.excess.iter().flat_map(|excess| excess.parts())
    }

    /// All headers of this name, in order.
    pub fn headers_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Header> {
        self.headers.iter().filter(move |header| header.name == name)
    }
}

impl Excess {
    /// The excess of a record whose parts have these sizes.
    pub fn of(bounds: RecordBounds, key: usize, value: usize, headers: usize) -> Self {
        let whole = key + value + headers;
        let mut excess = Self { bound: (whole > bounds.taken).then_some(bounds.taken), ..Self::default() };
        if whole > bounds.held {
            excess.value = (value > 0).then_some(value);
            excess.headers = (key + headers > bounds.held).then_some(headers);
            excess.key = (key > bounds.held).then_some(key);
        }
        excess
    }

    /// Itself, for a record that has any.
    pub fn if_any(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }

    fn parts(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let parts =
            [(Record::VALUE_LEFT, self.value), (Record::HEADERS_LEFT, self.headers), (Record::KEY_LEFT, self.key)];
        parts.into_iter().filter_map(|(name, bytes)| Some((name, bytes?)))
    }
}

/// Names and values, in bytes.
pub fn headers_bytes(headers: &[Header]) -> usize {
    headers.iter().map(|header| header.name.len() + header.value.as_ref().map_or(0, Bytes::len)).sum()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_held_as_far_as_its_bound_goes() {
        let bounds = RecordBounds { taken: 10, held: 20 };
        let parts = |bound, value, headers, key| Excess { bound, value, headers, key };
        for (key, value, headers, excess) in [
            (1, 8, 1, Excess::default()),
            (1, 9, 1, parts(Some(10), None, None, None)),
            (0, 20, 0, parts(Some(10), None, None, None)),
            (1, 20, 0, parts(Some(10), Some(20), None, None)),
            (10, 20, 11, parts(Some(10), Some(20), Some(11), None)),
            (21, 0, 0, parts(Some(10), None, Some(0), Some(21))),
        ] {
            assert_eq!(Excess::of(bounds, key, value, headers), excess, "{key} + {value} + {headers}");
        }
    }
}
