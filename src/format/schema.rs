use std::panic::catch_unwind;

use bytes::Bytes;

use super::{Converted, FormatError, Selection, avro, json_schema, protobuf, registered::Registered};

/// A compiled schema of any format.
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
    /// A schema that cannot be read, and why.
    Broken(String),
    /// A schema of an unknown type.
    UnknownType(String),
}

impl Schema {
    /// Compiles a schema. One that cannot be read results in a schema whose payloads are all errors.
    pub fn compile(registered: &Registered) -> Self {
        let compile = || match registered.kind.as_str() {
            "AVRO" => avro::Schema::compile(registered).map(Read::Avro),
            "JSON" => json_schema::Schema::compile(registered).map(Read::Json),
            "PROTOBUF" => protobuf::Schema::compile(registered).map(Read::Protobuf),
            other => Ok(Read::UnknownType(other.to_owned())),
        };
        // A schema is untrusted, and the libraries may panic at one: such a schema counts as broken.
        let compiled = catch_unwind(compile).unwrap_or_else(|_| Err("its reader has failed".to_owned()));
        let references: usize = registered.references.iter().map(|reference| reference.text.len()).sum();
        let weight = u32::try_from(registered.text.len() + references).unwrap_or(u32::MAX);
        Self { read: compiled.unwrap_or_else(Read::Broken), weight }
    }

    /// Returns the size of the schema's texts in bytes, for a cache.
    pub(super) fn weight(&self) -> u32 {
        self.weight.saturating_add(1024)
    }

    /// Converts a payload to JSON of at most `limit` bytes. `path` leads to the message type of a Protobuf file.
    pub fn read(&self, path: &[usize], payload: &Bytes, limit: usize) -> Result<Converted, FormatError> {
        self.selected(path, payload, &Selection::default(), limit)
    }

    /// Converts a payload as [`Self::read`] does, but only the selected members if it has members.
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
            Read::UnknownType(kind) => Err(FormatError::new(format!("its schema is of the type {kind}"))),
        }
    }

    /// Returns why the schema is not one of the type `wanted`, as the registry spells it.
    pub(super) fn mismatch(&self, wanted: &str) -> Option<String> {
        let kind = match &self.read {
            Read::Avro(_) => "AVRO",
            Read::Json(_) => "JSON",
            Read::Protobuf(_) => "PROTOBUF",
            Read::Broken(why) => return Some(format!("cannot be read: {why}")),
            Read::UnknownType(kind) => kind,
        };
        (kind != wanted).then(|| format!("is of the type {kind}"))
    }
}
