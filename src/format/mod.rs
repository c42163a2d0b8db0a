//! Converts the bytes of a record's key and value to JSON in the types that Salesforce reads.
//!
//! | file | role |
//! |---|---|
//! | `converter` | the converters of a route: the configured formats, and the registry |
//! | `json`, `json_with_schema`, `avro`, `json_schema`, `protobuf` | one format each: bytes and a schema to JSON |
//! | `frame`, `registry`, `schema` | the schema id of a record, the registry's client, and a compiled schema |
//! | `logical`, `text` | numbers and texts of a logical type: dates, times, instants, decimals and sets |
//! | `selection` | the members that are read; others are skipped |
//! | `members`, `names` | the members and elements of a JSON text; duplicate names |
//! | `writer` | the JSON output, and the positions of its members |
//!
//! Whatever the bytes are, a converter ends: with JSON within a limit, or with an error that names the member. Nesting
//! is bounded, and memory is not allocated for a length before its bytes have been seen.

mod avro;
mod converted;
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
mod registered;
mod registry;
mod schema;
mod selection;
mod text;
mod writer;

#[cfg(any(test, fuzzing))]
pub(crate) use self::frame::read_any as read_frame;
pub(crate) use self::members::{Members, elements};
pub use self::{
    converted::Converted,
    converter::{Converters, FetchedSchemas, NeedsSchema, NoRegistry, Unread, Wanted},
    error::FormatError,
    logical::timestamp,
    registered::{Reference, Registered},
    registry::{Registry, RegistryError, RegistryObserver, RegistryWait},
    schema::Schema,
    selection::Selection,
};
