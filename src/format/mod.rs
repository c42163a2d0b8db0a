//! Converters: a record's bytes → what they mean, as JSON that Salesforce reads.
//!
//! | file | role |
//! |---|---|
//! | `converter` | what a route has for keys and values: the format that it is told, and the registry |
//! | `json`, `json_with_schema`, `avro`, `json_schema`, `protobuf` | one format each: bytes and a schema → JSON |
//! | `frame`, `registry`, `schema` | which schema a record names, where it is, and what it says |
//! | `logical`, `text` | numbers and texts that mean dates, times, instants, decimals and sets |
//! | `selection` | which members are read: what is left out is passed over |
//! | `members`, `names` | the parts of a JSON text; names that are there twice |
//! | `writer` | the JSON that is made, and where its members lie |
//!
//! Whatever the bytes are, a converter ends: with JSON within a limit, or with an error that names the member. Nothing
//! nests deeper than a bound, and no length is believed before the bytes are there.

mod avro;
mod converter;
mod error;
mod frame;
pub mod json;
mod json_schema;
pub mod json_with_schema;
mod logical;
mod members;
mod names;
mod protobuf;
mod registry;
mod schema;
mod selection;
mod text;
mod writer;

use bytestring::ByteString;

use self::logical::{Logical, Unit};

#[cfg(any(test, fuzzing))]
pub(crate) use self::frame::read_any as read_frame;
pub(crate) use self::members::{Members, elements};
pub use self::{
    converter::{Converters, FetchedSchemas, NeedsSchema, NoRegistry, Unread, Wanted},
    error::FormatError,
    registry::{Registry, RegistryError},
    schema::{Reference, Registered, Schema},
    selection::Selection,
};
use crate::record::{LogicalType, Object};

/// What a converter makes of bytes.
#[derive(Debug)]
pub enum Converted {
    Object(Object),
    /// Any other JSON value.
    Value(ByteString, LogicalType),
}

/// Milliseconds since 1970 as a JSON text that Salesforce reads: `"yyyy-MM-ddTHH:mm:ss.SSSZ"`.
pub fn timestamp(millis: i64) -> Result<String, FormatError> {
    let mut writer = writer::Writer::new(32, 64);
    Logical::Timestamp(Unit::Milli).integer(millis, &mut writer)?;
    Ok(writer.into_text())
}
