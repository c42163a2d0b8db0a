//! The parse stage: from a row's JSON to typed input. An error here refuses the whole call, also in collections.

use std::{collections::HashSet, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use bigdecimal::BigDecimal;
use serde_json::value::RawValue;

use crate::{
    protocol::{ApiError, RowError},
    schema::{Field, FieldType, SObject, Schema},
    settings::Choices,
    store::Asked,
    value::{Body, Object, decimal, moment},
};

/// A value as its field's type reads it.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    Null,
    Bool(bool),
    Number {
        written: String,
        value: BigDecimal,
    },
    /// Text, ids, and dates in the form that is read back.
    Text(String),
    /// A parent named by one of its keys.
    Parent {
        sobject: String,
        field: usize,
        key: Box<Input>,
        asked: String,
    },
}

/// A row that was read.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) place: usize,
    pub(crate) sobject: Arc<SObject>,
    /// The `Id` as sent; not among the fields.
    pub(crate) id: Option<Input>,
    pub(crate) fields: Vec<(usize, Input)>,
    /// A parent that is not there, or what the settings let fail its own row only: an unknown field, a malformed value.
    pub(crate) refused: Option<RowError>,
    pub(crate) asked: Asked,
}

/// Reads the rows of one request.
pub(crate) struct Reader<'b> {
    pub(crate) schema: &'b Schema,
    pub(crate) body: Body<'b>,
    pub(crate) choices: &'b Choices<'b>,
    /// A row of its own call, where whatever is wrong refuses the call.
    pub(crate) is_single: bool,
}

impl Reader<'_> {
    /// `takes_id`: whether the row may carry its `Id`. `refused`: a key that stands in the address already.
    pub(crate) fn row(
        &self,
        place: usize,
        raw: &RawValue,
        object: &Object<'_>,
        takes_id: bool,
        refused: Option<usize>,
    ) -> Result<Row, ApiError> {
        let sobject = Arc::clone(&self.schema.sobjects[place]);
        let asked = Asked { key: None, fields: Some(raw.to_owned()) };
        let fields = Vec::with_capacity(object.0.len());
        let mut row = Row { place, sobject, id: None, fields, refused: None, asked };
        let sobject = Arc::clone(&row.sobject);
        let mut seen = HashSet::with_capacity(object.0.len());
        for (name, raw) in &object.0 {
            if name == "attributes" {
                continue;
            }
            if let Some(field) = sobject.field(name) {
                let described = &sobject.fields[field];
                let is_id = described.kind == FieldType::Id;
                if (is_id && !takes_id) || refused == Some(field) {
                    // Quoted with this text for `Id` and for external ids.
                    let message = format!("The {} field should not be specified in the sobject data.", described.name);
                    return Err(ApiError::parse("INVALID_FIELD", message));
                }
                self.once(&mut seen, field, name, raw)?;
                match self.input(described, raw) {
                    Ok(input) if is_id => row.id = Some(input),
                    Ok(input) => row.fields.push((field, input)),
                    Err(error) => self.refuse(&mut row, error)?,
                }
            } else if let Some(field) = sobject.relationship(name) {
                self.once(&mut seen, field, name, raw)?;
                match self.parent(&sobject.fields[field], name, raw) {
                    Ok(input) => row.fields.push((field, input)),
                    Err(error) => self.refuse(&mut row, error)?,
                }
            } else {
                let message = format!("No such column '{name}' on sobject of type {}", sobject.name);
                if self.choices.unknown_field_refuses_call() {
                    return Err(ApiError::parse("INVALID_FIELD", message));
                }
                row.refused.get_or_insert_with(|| RowError::new("INVALID_FIELD", message, &[]));
            }
        }
        Ok(row)
    }

    /// A malformed value fails its row, where the settings say so; all else refuses the call.
    fn refuse(&self, row: &mut Row, error: ApiError) -> Result<(), ApiError> {
        if self.is_single || !error.is_of_parser() || self.choices.malformed_value_refuses_call() {
            return Err(error);
        }
        row.refused.get_or_insert_with(|| error.into_row());
        Ok(())
    }

    fn once(&self, seen: &mut HashSet<usize>, field: usize, name: &str, raw: &RawValue) -> Result<(), ApiError> {
        if seen.insert(field) {
            return Ok(());
        }
        // Stricter than an org is known to be: a client must not rely on which of two values wins.
        Err(ApiError::parse("JSON_PARSER_ERROR", format!("Duplicate field '{name}' at {}", self.place(raw.get()))))
    }

    fn parent(&self, field: &Field, name: &str, raw: &RawValue) -> Result<Input, ApiError> {
        if raw.get() == "null" {
            return Ok(Input::Null);
        }
        let members = Object::parse(raw.get()).map_err(|_| self.cannot("reference", raw))?;
        let attributes = members.get("attributes").and_then(|raw| Object::parse(raw.get()).ok());
        let named = attributes.and_then(|object| serde_json::from_str::<String>(object.get("type")?.get()).ok());
        // One of several objects has to be named (official guide).
        let only = if let [only] = field.reference_to.as_slice() { only.as_str() } else { "" };
        let parent = named.as_deref().unwrap_or(only);
        let parent = self
            .schema
            .sobject(parent)
            .filter(|parent| field.reference_to.contains(&parent.name))
            .ok_or_else(|| ApiError::parse("INVALID_FIELD", format!("No such relation '{name}'")))?;
        let keys: Vec<_> = members.0.iter().filter(|(member, _)| member != "attributes").collect();
        let [(key_name, key)] = keys.as_slice() else {
            let message = format!("The relation '{name}' needs exactly one external id of {}", parent.name);
            return Err(ApiError::parse("INVALID_FIELD", message));
        };
        let place = parent.field(key_name).filter(|place| parent.fields[*place].usable_key()).ok_or_else(|| {
            let message =
                format!("Field name provided, {key_name} is not an External ID or indexed field for {}", parent.name);
            ApiError::parse("INVALID_FIELD", message)
        })?;
        let asked = serde_json::from_str::<String>(key.get()).unwrap_or_else(|_| key.get().to_owned());
        let key = Box::new(self.input(&parent.fields[place], key)?);
        Ok(Input::Parent { sobject: parent.name.clone(), field: place, key, asked })
    }

    /// One value by its field's type.
    pub(crate) fn input(&self, field: &Field, raw: &RawValue) -> Result<Input, ApiError> {
        let text = raw.get();
        let kind = field.kind;
        match text.as_bytes().first() {
            Some(b'n') => Ok(Input::Null),
            Some(b't' | b'f') if kind == FieldType::Boolean => Ok(Input::Bool(text == "true")),
            Some(b'"') => {
                let string: String = serde_json::from_str(text).map_err(|_| self.cannot(field.type_name(), raw))?;
                self.string(field, raw, string)
            }
            Some(b'-' | b'0'..=b'9') if field.is_number() => self.number(field, raw, text.to_owned()),
            Some(b'{') if matches!(kind, FieldType::Address | FieldType::Location) => Ok(Input::Null),
            _ => Err(self.cannot(field.type_name(), raw)),
        }
    }

    fn string(&self, field: &Field, raw: &RawValue, string: String) -> Result<Input, ApiError> {
        if self.choices.settings.readings.malformed_text.as_ref().is_some_and(|bad| string.contains(bad)) {
            return Err(self.cannot(field.type_name(), raw));
        }
        let moment = match field.kind {
            FieldType::Date => moment::date(&string),
            FieldType::DateTime => moment::date_time(&string),
            FieldType::Time => moment::time_of_day(&string),
            FieldType::Base64 => BASE64_STANDARD.decode(&string).is_ok().then_some(string),
            // Numeric strings are taken (recorded: `"NumberOfEmployees": "10000"`).
            _ if field.is_number() => return self.number(field, raw, string),
            FieldType::Boolean => None,
            _ => Some(string),
        };
        moment.map(Input::Text).ok_or_else(|| self.cannot(field.type_name(), raw))
    }

    fn number(&self, field: &Field, raw: &RawValue, written: String) -> Result<Input, ApiError> {
        let fraction = written.contains(['.', 'e', 'E']);
        match decimal::parse(&written) {
            Some(value) if !(fraction && matches!(field.kind, FieldType::Int | FieldType::Long)) => {
                Ok(Input::Number { written, value })
            }
            _ => Err(self.cannot(field.type_name(), raw)),
        }
    }

    /// Where a part of the body begins.
    pub(super) fn place(&self, part: &str) -> String {
        self.body.place(part, self.choices.columns_are_bytes())
    }

    /// Quoted: `Cannot deserialize instance of datetime from VALUE_STRING value "…" at [line:1, column:179]`.
    pub(crate) fn cannot(&self, wanted: &str, raw: &RawValue) -> ApiError {
        let text = raw.get();
        let (token, value) = match text.as_bytes().first() {
            Some(b'"') => ("VALUE_STRING", text),
            Some(b'{') => ("START_OBJECT", "{"),
            Some(b'[') => ("START_ARRAY", "["),
            Some(b't') => ("VALUE_TRUE", text),
            Some(b'f') => ("VALUE_FALSE", text),
            Some(b'n') => ("VALUE_NULL", text),
            _ if text.contains(['.', 'e', 'E']) => ("VALUE_NUMBER_FLOAT", text),
            _ => ("VALUE_NUMBER_INT", text),
        };
        let place = self.place(text);
        let message = format!("Cannot deserialize instance of {wanted} from {token} value {value} at {place}");
        ApiError::parse("JSON_PARSER_ERROR", message)
    }
}

impl Input {
    /// The text of an `Id`; null and an empty text are not ids.
    pub(crate) fn as_id(&self) -> Option<&str> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }
}
