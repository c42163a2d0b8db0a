use std::panic::catch_unwind;

use bytes::Bytes;

use super::{Converted, FormatError, Selection, avro, json_schema, protobuf, registered::Registered};

/// A schema as its format reads it.
#[derive(Debug)]
pub struct Schema {
    read: Read,
    weight: u32,
}

#[derive(Debug)]
enum Read {
    Avro(avro::Schema),
    Json(json_schema::Schema),
    Protobuf(protobuf::Schema),
    /// It was registered, and cannot be read: why.
    Broken(String),
    /// A schema of an unknown type.
    Foreign(String),
}

impl Schema {
    pub fn compile(registered: &Registered) -> Self {
        let read = || match registered.kind.as_str() {
            "AVRO" => avro::Schema::compile(registered).map(Read::Avro),
            "JSON" => json_schema::Schema::compile(registered).map(Read::Json),
            "PROTOBUF" => protobuf::Schema::compile(registered).map(Read::Protobuf),
            other => Ok(Read::Foreign(other.to_owned())),
        };
        // A schema is foreign text to libraries that expect their own: one that makes them panic is a broken one.
        let read = catch_unwind(read).unwrap_or_else(|_| Err("its reader has failed".to_owned()));
        let texts = registered.references.iter().map(|reference| reference.text.len());
        let weight = u32::try_from(registered.text.len() + texts.sum::<usize>()).unwrap_or(u32::MAX);
        Self { read: read.unwrap_or_else(Read::Broken), weight }
    }

    /// The size of its texts in bytes, for a cache.
    pub(super) fn weight(&self) -> u32 {
        self.weight.saturating_add(1024)
    }

    /// A payload as JSON of at most `limit` bytes. `path` leads to the message type of a Protobuf file.
    pub fn read(&self, path: &[usize], payload: &Bytes, limit: usize) -> Result<Converted, FormatError> {
        self.selected(path, payload, &Selection::default(), limit)
    }

    /// As [`Self::read`]; of a payload that has members only those that are selected.
    pub(super) fn selected(
        &self,
        path: &[usize],
        payload: &Bytes,
        selection: &Selection,
        limit: usize,
    ) -> Result<Converted, FormatError> {
        match &self.read {
            Read::Avro(schema) => schema.selected(payload, selection, limit),
            Read::Json(schema) => schema.selected(payload.clone(), selection, limit),
            Read::Protobuf(schema) => schema.selected(path, payload, selection, limit),
            Read::Broken(why) => Err(FormatError::new(format!("its schema cannot be read: {why}"))),
            Read::Foreign(kind) => Err(FormatError::new(format!("its schema is of the type {kind}"))),
        }
    }

    /// Why it cannot be a schema of this kind, as the registry spells it.
    pub(super) fn mismatch(&self, wanted: &str) -> Option<String> {
        let kind = match &self.read {
            Read::Avro(_) => "AVRO",
            Read::Json(_) => "JSON",
            Read::Protobuf(_) => "PROTOBUF",
            Read::Broken(why) => return Some(format!("cannot be read: {why}")),
            Read::Foreign(kind) => kind,
        };
        (kind != wanted).then(|| format!("is of the type {kind}"))
    }
}
