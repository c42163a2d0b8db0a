//! Which operation a record asks for.
//!
//! | operation header | value | what it is |
//! |---|---|---|
//! | `DELETE` | any | `DELETE` |
//! | `INSERT`, `UPDATE`, `UPSERT` | null | rejected, whatever `tombstone` says |
//! | none (or routing off) | left behind in a dead letter | rejected |
//! | none (or routing off) | null | `DELETE` if `tombstone = "delete"`, else rejected |
//! | none (or routing off) | not null | the route's default |
//! | present but null, empty, an unknown word, or twice | any | rejected |

use super::Route;
use crate::{
    config::Tombstone,
    record::{Operation, Reason, Record, Rejection, Stage},
};

pub(super) fn operation(route: &Route, record: &Record) -> Result<Operation, Rejection> {
    match (from_header(route, record)?, record.value.is_some(), route.tombstone) {
        (None, false, _) if record.lacks_its_value() => {
            Err(invalid("it is a dead letter whose value was left behind, and no tombstone"))
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

fn from_header(route: &Route, record: &Record) -> Result<Option<Operation>, Rejection> {
    let Some(name) = &route.operation_header else { return Ok(None) };
    let mut headers = record.headers_named(name);
    let Some(header) = headers.next() else { return Ok(None) };
    if headers.next().is_some() {
        return Err(invalid(format!("the header {name} is there more than once")));
    }
    let Some(value) = &header.value else { return Err(invalid(format!("the header {name} is null"))) };
    let Ok(text) = std::str::from_utf8(value) else {
        let rejection = invalid(format!("the header {name} is not UTF-8"));
        return Err(Rejection { stage: Stage::HeaderConverter, ..rejection });
    };
    let word = unquoted(text.trim()).trim();
    if word.is_empty() {
        return Err(invalid(format!("the header {name} is empty")));
    }
    let alias =
        || route.operation_aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(word)).map(|(_, op)| *op);
    match Operation::parse(word).or_else(alias) {
        Some(operation) => Ok(Some(operation)),
        None => Err(invalid(format!("the header {name} holds no operation: {word:?}"))),
    }
}

/// Connect's header converters write a text as JSON: with one pair of quotes.
pub(super) fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

fn invalid(message: impl Into<String>) -> Rejection {
    Rejection::put(Reason::InvalidOperation, message)
}
