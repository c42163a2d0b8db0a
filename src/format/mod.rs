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
