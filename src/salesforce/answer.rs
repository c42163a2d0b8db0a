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
/// `sent`: the record id of each row, which those of an update or a delete have.
pub(crate) fn rows(
    body: &[u8],
    action: Action,
    sent: impl Iterator<Item = Option<RecordId>> + Clone,
) -> Result<Vec<RowAnswer>, Cause> {
    let rows: Vec<RawRow<'_>> = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
    let expected = sent.clone().count();
    if rows.len() != expected {
        return Err(Cause::new(format!("the org answered {} rows for {expected}", rows.len())));
    }
    rows.into_iter().zip(sent).enumerate().map(|(index, (row, sent))| read(row, index, action, sent)).collect()
}

fn read(row: RawRow<'_>, index: usize, action: Action, sent: Option<RecordId>) -> Result<RowAnswer, Cause> {
    if !row.success {
        return Ok(RowAnswer::Failed(row.errors));
    }
    let id = row.id.and_then(|id| RecordId::from_org(id).ok());
    match action {
        Action::Create | Action::Upsert if id.is_none() => {
            Err(Cause::new(format!("the org wrote row {index} and gave no record id")))
        }
        Action::Update | Action::Delete if row.id.is_some() && id != sent => {
            Err(Cause::new(format!("the org answered row {index} with another record's id")))
        }
        Action::Create => Ok(RowAnswer::Done { id, created: true }),
        Action::Upsert => Ok(RowAnswer::Done { id, created: row.created.unwrap_or(false) }),
        Action::Update | Action::Delete => Ok(RowAnswer::Done { id: sent, created: false }),
    }
}

#[cfg(test)]
#[path = "tests/answer.rs"]
mod tests;
