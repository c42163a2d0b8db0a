//! One topic, and how its records name the records of the org that they change.

use crate::{change::Kind, kafka::Read};

/// The field that names a record of the org, and its value.
pub(crate) type Identity = (&'static str, String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// An external id field whose values are equal when they differ only in case.
    Folded(&'static str),
    /// A case-sensitive external id field.
    Exact(&'static str),
    /// The record's own id, in 15 characters or 18.
    RecordId,
}

impl Names {
    pub(crate) fn field(self) -> &'static str {
        match self {
            Self::Folded(field) | Self::Exact(field) => field,
            Self::RecordId => "Id",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Source {
    pub topic: String,
    pub names: Names,
    pub records: Vec<Read>,
    /// The committed offset and the end offset, of each partition.
    pub progress: Vec<(i64, i64)>,
}

impl Source {
    pub(crate) fn identity(&self, key: &str) -> Identity {
        let name = match self.names {
            Names::Folded(_) => key.to_ascii_lowercase(),
            Names::Exact(_) => key.to_owned(),
            Names::RecordId => key.get(..15).unwrap_or(key).to_owned(),
        };
        (self.names.field(), name)
    }

    pub(crate) fn kind(&self, record: &Read) -> Kind {
        let operation = record.header("operation");
        let kind = Kind::read(operation, record.value.as_deref());
        if self.names == Names::RecordId { kind.by_record_id(operation) } else { kind }
    }
}
