//! Bodies as text, and records as JSON.

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    protocol::ApiError,
    schema::{Field, FieldType, SObject},
    settings::Choices,
    store::{Record, Table, field_value},
    value::Value,
};

/// A request's body: there must be one, in UTF-8.
pub(crate) fn body_text(body: &[u8]) -> Result<&str, ApiError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let message = format!("Invalid UTF-8 at [line:1, column:{}]", error.valid_up_to() + 1);
        ApiError::parse("JSON_PARSER_ERROR", message)
    })?;
    if text.trim().is_empty() {
        // Quoted.
        let message = "The HTTP entity body is required, but this request has no entity body.";
        return Err(ApiError::parse("JSON_PARSER_ERROR", message));
    }
    Ok(text)
}

/// The refusal of a body that is not JSON, or not of the expected shape.
pub(super) fn syntax(error: &serde_json::Error) -> ApiError {
    let text = error.to_string();
    let cause = text.split(" at line ").next().unwrap_or_default();
    let message = format!("{cause} at [line:{}, column:{}]", error.line(), error.column());
    ApiError::parse("JSON_PARSER_ERROR", message)
}

/// An upsert by a key that is not unique needs the right to view all data (REST guide, "Upsert"; help 000247106 says so
/// of e-mail addresses); the text is quoted, and the status is not known.
pub(super) fn needs_all_data(choices: &Choices<'_>, key: &Field) -> Result<(), ApiError> {
    if choices.settings.user.view_all_data || key.unique || key.kind == FieldType::Id {
        return Ok(());
    }
    let message = "Upsert requires view all data on a non-unique custom index";
    Err(ApiError::new(choices.status_of_missing_right(), "INSUFFICIENT_ACCESS", message))
}

/// A field that a read asks for.
pub(super) fn column(sobject: &SObject, name: &str) -> Result<usize, ApiError> {
    sobject.field(name).ok_or_else(|| {
        ApiError::parse("INVALID_FIELD", format!("No such column '{name}' on sobject of type {}", sobject.name))
    })
}

/// A record as queries and `GET` answer it: `attributes` first, then the fields in the order asked.
pub(crate) fn row_json(table: &Table, record: &Record, version: u32, fields: &[usize]) -> impl Serialize {
    let name = &table.sobject.name;
    let url = format!("/services/data/v{version}.0/sobjects/{name}/{}", record.id);
    let values =
        fields.iter().map(|&place| (table.sobject.fields[place].name.clone(), field_value(table, record, place)));
    RowJson { kind: name.clone(), url, values: values.collect() }
}

struct RowJson {
    kind: String,
    url: String,
    values: Vec<(String, Value)>,
}

#[derive(Serialize)]
struct Attributes<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    url: &'a str,
}

impl Serialize for RowJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len() + 1))?;
        map.serialize_entry("attributes", &Attributes { kind: &self.kind, url: &self.url })?;
        for (name, value) in &self.values {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
