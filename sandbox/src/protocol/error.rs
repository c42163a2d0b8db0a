//! The data API's two error shapes: the envelope of a refused call, and the errors of a row (REST guide, recorded).

use std::fmt;

use serde::{Serialize, Serializer, ser::SerializeStruct};

/// A refused call: `[{"message","errorCode"[,"fields"]}]`.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    items: Vec<Item>,
}

#[derive(Debug, Clone)]
struct Item {
    code: String,
    message: String,
    /// Absent for parse-stage errors, present (maybe empty) for save-stage ones (recorded).
    fields: Option<Vec<String>>,
    /// Framework errors have `errorCode` first (recorded).
    framework: bool,
}

/// Why a row failed: `{"statusCode","message","fields"}` in a collections answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RowError {
    #[serde(rename = "statusCode")]
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) fields: Vec<String>,
}

impl ApiError {
    /// An error of the parse stage, status 400.
    pub(crate) fn parse(code: &str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        let item = Item { code: code.to_owned(), message: message.into(), fields: None, framework: false };
        Self { status, items: vec![item] }
    }

    /// The 404 of the framework, for unknown objects and addresses (recorded, `create-unknown-object`).
    pub(crate) fn not_found() -> Self {
        Self::framework(404, "NOT_FOUND", "The requested resource does not exist")
    }

    pub(crate) fn framework(status: u16, code: &str, message: impl Into<String>) -> Self {
        let mut error = Self::new(status, code, message);
        error.items[0].framework = true;
        error
    }

    /// Quoted: `METHOD_NOT_ALLOWED`.
    pub(crate) fn method(method: &str, allowed: &str) -> Self {
        Self::new(405, "METHOD_NOT_ALLOWED", format!("HTTP Method '{method}' not allowed. Allowed are {allowed}"))
    }

    /// Recorded, `create-invalid-token`.
    pub(crate) fn session() -> Self {
        Self::new(401, "INVALID_SESSION_ID", "Session expired or invalid")
    }

    pub(crate) fn is_of_parser(&self) -> bool {
        self.items.iter().any(|item| item.code == "JSON_PARSER_ERROR")
    }

    /// Turns the refusal of a call into the error of a row.
    pub(crate) fn into_row(self) -> RowError {
        let item = self.items.into_iter().next();
        item.map_or_else(
            || RowError::new("UNKNOWN_EXCEPTION", "", &[]),
            |item| RowError::new(&item.code, item.message, &[]),
        )
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(&self.items).unwrap_or_default()
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl RowError {
    pub(crate) fn new(code: &str, message: impl Into<String>, fields: &[&str]) -> Self {
        let fields = fields.iter().map(|&field| field.to_owned()).collect();
        Self { code: code.to_owned(), message: message.into(), fields }
    }

    /// The answer of a single-row call that failed so.
    pub(crate) fn into_api(self) -> ApiError {
        // 404 for ids that are gone (recorded, `delete-already-deleted`); a bad lookup has fields and is a 400.
        let gone = matches!(self.code.as_str(), "ENTITY_IS_DELETED" | "INVALID_CROSS_REFERENCE_KEY");
        let status = if gone && self.fields.is_empty() { 404 } else { 400 };
        // Collections call it INVALID_FIELD too, but a parse-stage error of a single row has no `fields`.
        let parse_stage = self.code == "INVALID_FIELD" && self.message.starts_with("No such column");
        let fields = (!parse_stage).then_some(self.fields);
        ApiError { status, items: vec![Item { code: self.code, message: self.message, fields, framework: false }] }
    }
}

impl Serialize for Item {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut item = serializer.serialize_struct("Item", 2 + usize::from(self.fields.is_some()))?;
        if self.framework {
            item.serialize_field("errorCode", &self.code)?;
            item.serialize_field("message", &self.message)?;
        } else {
            item.serialize_field("message", &self.message)?;
            item.serialize_field("errorCode", &self.code)?;
        }
        if let Some(fields) = &self.fields {
            item.serialize_field("fields", fields)?;
        }
        item.end()
    }
}
