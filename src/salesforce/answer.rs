//! The org's JSON: error envelopes, and the answer of a collections call (REST guide, "Status Codes and Error
//! Responses", "sObject Collections").
//!
//! Invariant: `id` and `created` are read only of rows that succeeded; failed ones are known to carry both.

use serde::{Deserialize, Deserializer};

use crate::record::{Action, Cause, RecordId, redaction};

/// The errors of one row, or of a whole call.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Errors(pub(super) Vec<RowError>);

/// One error of an answer: `statusCode` in a row, `errorCode` in a whole call. `fields` is absent in errors of parsing.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RowError {
    #[serde(rename = "statusCode", alias = "errorCode")]
    pub(crate) code: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(crate) message: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(crate) fields: Vec<String>,
}

/// The result of one row in the answer to a collections call.
#[derive(Debug)]
pub(crate) enum RowAnswer {
    Done { id: Option<RecordId>, created: bool },
    Failed(Errors),
}

/// The properties of a call that its answer is checked against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) action: Action,
    pub(crate) rows: usize,
    /// The record ids that were sent, of an update or a delete.
    pub(crate) ids: &'a [RecordId],
}

impl RowAnswer {
    pub(crate) fn errors(&self) -> Option<&Errors> {
        match self {
            Self::Done { .. } => None,
            Self::Failed(errors) => Some(errors),
        }
    }
}

impl Errors {
    /// Reads the errors of a whole call; `None` for what is not Salesforce's own JSON. A bare object has been seen
    /// beside the usual array.
    pub(crate) fn of_call(body: &[u8]) -> Option<Self> {
        let array = serde_json::from_slice::<Self>(body).ok().filter(|errors| !errors.0.is_empty());
        array.or_else(|| serde_json::from_slice::<RowError>(body).ok().map(|error| Self(vec![error])))
    }
}

impl RowError {
    pub(crate) fn to_cause(&self) -> Cause {
        Cause::of_org(&self.code, &self.message, &self.fields)
    }
}

#[derive(Deserialize)]
struct RawRow<'a> {
    success: bool,
    #[serde(borrow, default)]
    id: Option<&'a str>,
    #[serde(default)]
    created: Option<bool>,
    #[serde(default, deserialize_with = "null_is_default")]
    errors: Errors,
}

fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// The cause for an answer that cannot be read. The parser quotes what it did not expect.
pub(crate) fn unreadable(error: &serde_json::Error) -> Cause {
    let (line, column) = (error.line(), error.column());
    Cause::new(if redaction::is_on() {
        format!("the org's answer cannot be read at line {line}, column {column}")
    } else {
        format!("the org's answer cannot be read: {error}")
    })
}

/// The rows of a collections answer, one for each that was sent; an error says how it does not fit its request.
pub(crate) fn rows(body: &[u8], expected: Expected<'_>) -> Result<Vec<RowAnswer>, Cause> {
    let rows: Vec<RawRow<'_>> = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    if rows.len() != expected.rows {
        return Err(Cause::new(format!("the org answered {} rows for {}", rows.len(), expected.rows)));
    }
    rows.into_iter().enumerate().map(|(index, row)| read(row, index, expected)).collect()
}

fn read(row: RawRow<'_>, index: usize, expected: Expected<'_>) -> Result<RowAnswer, Cause> {
    if !row.success {
        return Ok(RowAnswer::Failed(row.errors));
    }
    let id = row.id.and_then(|id| RecordId::from_org(id).ok());
    match expected.action {
        Action::Create | Action::Upsert if id.is_none() => {
            Err(Cause::new(format!("the org wrote row {index} and gave no record id")))
        }
        Action::Update | Action::Delete if row.id.is_some() && id.as_ref() != expected.ids.get(index) => {
            Err(Cause::new(format!("the org answered row {index} with another record's id")))
        }
        Action::Create => Ok(RowAnswer::Done { id, created: true }),
        Action::Upsert => Ok(RowAnswer::Done { id, created: row.created.unwrap_or(false) }),
        Action::Update | Action::Delete => Ok(RowAnswer::Done { id: expected.ids.get(index).copied(), created: false }),
    }
}

#[cfg(test)]
#[path = "tests/answer.rs"]
mod tests;
