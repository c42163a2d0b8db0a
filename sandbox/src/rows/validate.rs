//! The save stage: what a row must fulfil before it is stored. An error here fails its own row only.

use std::collections::BTreeMap;

use super::{Input, input::Row};
use crate::{
    http::RowError,
    schema::{Field, FieldType},
    store::{Store, fold},
    value::{RecordId, Value, decimal},
};

/// The values to store, or why the row fails. `existing` is the record that is updated.
pub(super) fn validate(
    store: &Store,
    existing: Option<RecordId>,
    row: &Row,
) -> Result<BTreeMap<usize, Value>, RowError> {
    let described = &row.sobject.fields;
    let closed = |field: &Field| if existing.is_some() { !field.updateable } else { !field.createable };
    let closed: Vec<_> =
        row.fields.iter().map(|(field, _)| &described[*field]).filter(|f| closed(f)).map(|f| f.name.as_str()).collect();
    if !closed.is_empty() {
        // Quoted.
        let message = format!(
            "Unable to create/update fields: {}. Please check the security settings of this field and verify that it is \
             read/write for your profile or permission set.",
            closed.join(", ")
        );
        return Err(RowError::new("INVALID_FIELD_FOR_INSERT_UPDATE", message, &closed));
    }
    let mut values = BTreeMap::new();
    for (field, input) in &row.fields {
        values.insert(*field, stored(store, &described[*field], input)?);
    }
    required(described, existing.is_none(), &values)?;
    unique(store, row.place, existing, &values)?;
    Ok(values)
}

fn required(fields: &[Field], create: bool, values: &BTreeMap<usize, Value>) -> Result<(), RowError> {
    let missing = |(place, field): &(usize, &Field)| match values.get(place) {
        None => create && field.required(),
        // On create the org gives such a field its default.
        Some(value) => value.is_null() && !field.nillable && !(create && field.defaulted_on_create),
    };
    let missing: Vec<_> = fields.iter().enumerate().filter(missing).map(|(_, field)| field.name.as_str()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("Required fields are missing: [{}]", missing.join(", "));
    Err(RowError::new("REQUIRED_FIELD_MISSING", message, &missing))
}

fn unique(
    store: &Store,
    place: usize,
    existing: Option<RecordId>,
    values: &BTreeMap<usize, Value>,
) -> Result<(), RowError> {
    let table = &store.tables[place];
    for (&field, value) in values.iter().filter(|(field, _)| table.sobject.fields[**field].unique) {
        let described = &table.sobject.fields[field];
        let Some(key) = fold(described, value) else { continue };
        let others = table.find(field, &key).unwrap_or_default();
        if let Some(other) = others.iter().find(|id| Some(**id) != existing) {
            // Quoted; ids in this text have 15 characters.
            let message = format!(
                "duplicate value found: {} duplicates value on record with id: {}",
                described.name,
                other.short()
            );
            return Err(RowError::new("DUPLICATE_VALUE", message, &[]));
        }
    }
    Ok(())
}

/// What a field stores of an input.
pub(super) fn stored(store: &Store, field: &Field, input: &Input) -> Result<Value, RowError> {
    let error = |code: &str, text: String| Err(RowError::new(code, format!("{}: {text}", field.label), &[&field.name]));
    match input {
        Input::Null if field.kind == FieldType::Boolean => Ok(Value::Bool(false)),
        Input::Null => Ok(Value::Null),
        Input::Bool(value) => Ok(Value::Bool(*value)),
        Input::Number { written, value } => decimal::fit(field, written, value).map(Value::Number).map_or_else(
            || {
                let text = format!("value outside of valid range on numeric field: {}", written.trim());
                error("NUMBER_OUTSIDE_VALID_RANGE", text)
            },
            Ok,
        ),
        Input::Text(text) if field.kind == FieldType::Reference => reference(store, field, text.trim()),
        Input::Text(written) => {
            // Text is stored trimmed, and an empty text as null (from memory of orgs, not from a recording).
            let text = written.trim();
            if text.is_empty() {
                return Ok(Value::Null);
            }
            // Counted as Java counts characters.
            if field.is_text() && field.length > 0 && text.encode_utf16().count() > field.length {
                let text = format!("data value too large: {text} (max length={})", field.length);
                return error("STRING_TOO_LONG", text);
            }
            if field.kind == FieldType::Email && !is_email(text) {
                return error("INVALID_EMAIL_ADDRESS", format!("invalid email address: {text}"));
            }
            if let Some(bad) = bad_choice(field, text) {
                let text = format!("bad value for restricted picklist field: {bad}");
                return error("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", text);
            }
            Ok(Value::Text(text.to_owned()))
        }
        Input::Parent { sobject, field, key, asked } => parent(store, sobject, *field, key, asked),
    }
}

fn reference(store: &Store, field: &Field, text: &str) -> Result<Value, RowError> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let malformed = || {
        RowError::new("MALFORMED_ID", format!("{}: id value of incorrect type: {text}", field.label), &[&field.name])
    };
    let id = RecordId::parse(text).ok_or_else(malformed)?;
    match store.place_of(id) {
        Some(place) => {
            let table = &store.tables[place];
            if !field.reference_to.contains(&table.sobject.name) {
                return Err(malformed());
            }
            if table.deleted.contains(&id) {
                return Err(RowError::new("ENTITY_IS_DELETED", "entity is deleted", &[&field.name]));
            }
            if !table.rows.contains_key(&id) {
                return Err(RowError::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[&field.name]));
            }
        }
        // An object outside of this schema, such as User: its records cannot be looked up.
        None if store.tables.iter().any(|table| field.reference_to == [table.sobject.name.as_str()]) => {
            return Err(malformed());
        }
        None => {}
    }
    Ok(Value::Text(id.to_string()))
}

/// Looks up the parents of a row before any row of its call is applied: that one of the same call is found is not known
/// of the org, and of a bulk job the contrary is quoted.
pub(super) fn find_parents(store: &Store, row: &mut Row) {
    let sobject = row.sobject.clone();
    for (field, input) in row.fields.iter_mut().filter(|(_, input)| matches!(input, Input::Parent { .. })) {
        match stored(store, &sobject.fields[*field], input) {
            Ok(Value::Text(id)) => *input = Input::Text(id),
            Ok(_) => *input = Input::Null,
            Err(error) => drop(row.refused.get_or_insert(error)),
        }
    }
}

fn parent(store: &Store, sobject: &str, field: usize, key: &Input, asked: &str) -> Result<Value, RowError> {
    let table = store.tables.iter().find(|table| table.sobject.name == sobject);
    let Some(table) = table else { return Ok(Value::Null) };
    let described = &table.sobject.fields[field];
    let missing = || {
        // Quoted.
        let name = &described.name;
        let message = format!("Foreign key external ID: {asked} not found for field {name} in entity {sobject}");
        RowError::new("INVALID_FIELD", message, &[])
    };
    let value = stored(store, described, key)?;
    let ids: &[RecordId] = if described.kind == FieldType::Id {
        let id = value.as_text().and_then(RecordId::parse).ok_or_else(missing)?;
        &[*table.rows.get_key_value(&id).ok_or_else(missing)?.0]
    } else {
        let key = fold(described, &value).ok_or_else(missing)?;
        table.find(field, &key).unwrap_or_default()
    };
    match ids {
        [] => Err(missing()),
        [id] => Ok(Value::Text(id.to_string())),
        many => Err(ambiguous(described, many)),
    }
}

/// Quoted: several records have the value of a key that is not unique.
pub(super) fn ambiguous(field: &Field, ids: &[RecordId]) -> RowError {
    let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
    let message = format!("{}: more than one record found for external id field: [{}]", field.label, ids.join(", "));
    RowError::new("DUPLICATE_EXTERNAL_ID", message, &[&field.name])
}

fn bad_choice<'t>(field: &Field, text: &'t str) -> Option<&'t str> {
    if !field.restricted_picklist {
        return None;
    }
    let known = |choice: &str| field.picklist_values.iter().any(|entry| entry.active && entry.value == choice);
    match field.kind {
        FieldType::MultiPicklist => text.split(';').map(str::trim).find(|choice| !known(choice)),
        _ => (!known(text)).then_some(text),
    }
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let labels = domain.split('.').all(|label| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && !label.starts_with('-')
    });
    let plain = local.bytes().all(|b| b.is_ascii_graphic() && !b"\"(),:;<>@[\\]".contains(&b));
    !local.is_empty() && plain && labels && domain.contains('.')
}
