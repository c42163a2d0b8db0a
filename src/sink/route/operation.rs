//! Decides which operation a record asks for.
//!
//! | operation header | value | operation |
//! |---|---|---|
//! | `DELETE` | any | `DELETE` |
//! | `INSERT`, `UPDATE`, `UPSERT` | not null | the header's |
//! | `INSERT`, `UPDATE`, `UPSERT` | null | rejected, whatever `tombstone` says |
//! | none (or routing off) | removed from a dead letter, since it was too large | rejected |
//! | none (or routing off) | null | `DELETE` if `tombstone = "delete"`, else rejected |
//! | none (or routing off) | not null | the route's default |
//! | present but null, empty, an unknown word, or twice with different words | any | rejected |
//!
//! A value that its converter reads as null counts as null: the JSON text `null`, Connect's envelope of nulls, Avro's
//! null branch.

use super::{
    header::{self, unquoted},
    settings::Settings,
};
use crate::{
    config::Tombstone,
    record::{Operation, Reason, Record, Rejection},
};

pub(super) fn operation(route: &Settings, record: &Record, has_value: bool) -> Result<Operation, Rejection> {
    match (from_header(route, record)?, has_value, route.tombstone) {
        (None, false, _) if record.lacks_its_value() => {
            Err(invalid("it is a dead letter without its value, and not a tombstone"))
        }
        (None, ..) if route.operation_header.is_some() && record.lacks_its_headers() => {
            Err(invalid("it is a dead letter without its headers, which may have named the operation"))
        }
        (Some(Operation::Delete), _, _) | (None, false, Tombstone::Delete) => Ok(Operation::Delete),
        (Some(operation), true, _) => Ok(operation),
        (Some(operation), false, _) => Err(invalid(format!("the header asks for {operation} and the value is null"))),
        (None, false, Tombstone::Reject) => {
            Err(invalid("the value is null, no header gives an operation, and the route rejects tombstones"))
        }
        (None, true, _) => Ok(route.operation),
    }
}

fn from_header(route: &Settings, record: &Record) -> Result<Option<Operation>, Rejection> {
    let Some(name) = &route.operation_header else { return Ok(None) };
    let is_same_word = |one: &str, other: &str| unquoted(one).eq_ignore_ascii_case(unquoted(other));
    let found = header::text(record.headers_named(name), is_same_word)
        .map_err(|error| error.rejection(Reason::InvalidOperation, &format!("the header {name}")))?;
    let Some(text) = found else { return Ok(None) };
    let word = unquoted(&text);
    if word.is_empty() {
        return Err(invalid(format!("the header {name} is empty")));
    }
    if let Ok(operation) = word.parse() {
        return Ok(Some(operation));
    }
    match route.operation_aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(word)) {
        Some((_, operation)) => Ok(Some(*operation)),
        None => Err(invalid(format!("the header {name} holds no operation: {word:?}"))),
    }
}

fn invalid(message: impl Into<String>) -> Rejection {
    Rejection::new(Reason::InvalidOperation, message)
}
