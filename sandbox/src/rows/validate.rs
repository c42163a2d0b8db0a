//! The save stage, value by value: the value that a field stores for an input. An error here fails its own row only.

use super::{Input, input::Row};
use crate::{
    protocol::RowError,
    schema::{Field, FieldType, number},
    store::View,
    value::{RecordId, Value},
};

/// The value that a field stores for an input.
pub(super) fn stored(view: View<'_>, field: &Field, input: &Input) -> Result<Value, RowError> {
    let error = |code: &str, text: String| Err(RowError::new(code, format!("{}: {text}", field.label), &[&field.name]));
    match input {
        // Pasted from an org.
        Input::Null if field.kind == FieldType::Boolean && view.rules.settings.readings.refuse_null_checkbox => {
            error("INVALID_TYPE_ON_FIELD_IN_RECORD", "value not of required type: null".to_owned())
        }
        Input::Null if field.kind == FieldType::Boolean => Ok(Value::Bool(false)),
        Input::Null => Ok(Value::Null),
        Input::Bool(value) => Ok(Value::Bool(*value)),
        Input::Number { written, value } => number::fit(field, written, value).map(Value::Number).map_or_else(
            || {
                let text = format!("value outside of valid range on numeric field: {}", written.trim());
                error("NUMBER_OUTSIDE_VALID_RANGE", text)
            },
            Ok,
        ),
        Input::Text(text) if field.kind == FieldType::Reference => reference(view, field, text.trim()),
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
        Input::Parent { sobject, field, key, asked } => parent(view, sobject, *field, key, asked),
    }
}

fn reference(view: View<'_>, field: &Field, text: &str) -> Result<Value, RowError> {
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let malformed = || {
        RowError::new("MALFORMED_ID", format!("{}: id value of incorrect type: {text}", field.label), &[&field.name])
    };
    let id = RecordId::parse(text).ok_or_else(malformed)?;
    match view.store.place_of(id) {
        Some(place) => {
            let table = view.table(place);
            if !field.reference_to.contains(&table.sobject.name) {
                return Err(malformed());
            }
            if table.deleted.contains(&id) {
                return Err(RowError::new("ENTITY_IS_DELETED", "entity is deleted", &[&field.name]));
            }
            let Some(record) = table.rows.get(&id) else {
                return Err(RowError::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[&field.name]));
            };
            if !view.sees(record) {
                // Quoted.
                let text = format!("insufficient access rights on cross-reference id: {}", id.short());
                return Err(RowError::new("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", text, &[]));
            }
        }
        // An object outside of this schema, such as User: its records cannot be looked up.
        None if view.store.tables.iter().any(|table| field.reference_to == [table.sobject.name.as_str()]) => {
            return Err(malformed());
        }
        None => {}
    }
    Ok(Value::Text(id.to_string()))
}

/// Looks up the parents of a row before any row of its call is applied: that one of the same call is found is not known
/// of the org, and of a bulk job the contrary is quoted.
pub(super) fn find_parents(view: View<'_>, row: &mut Row) {
    let sobject = row.sobject.clone();
    for (field, input) in row.fields.iter_mut().filter(|(_, input)| matches!(input, Input::Parent { .. })) {
        match stored(view, &sobject.fields[*field], input) {
            Ok(Value::Text(id)) => *input = Input::Text(id),
            Ok(_) => *input = Input::Null,
            Err(error) => drop(row.refused.get_or_insert(error)),
        }
    }
}

fn parent(view: View<'_>, sobject: &str, field: usize, key: &Input, asked: &str) -> Result<Value, RowError> {
    let place = view.store.tables.iter().position(|table| table.sobject.name == sobject);
    let Some(place) = place else { return Ok(Value::Null) };
    let table = view.table(place);
    let described = &table.sobject.fields[field];
    let missing = || {
        // Quoted.
        let name = &described.name;
        let message = format!("Foreign key external ID: {asked} not found for field {name} in entity {sobject}");
        RowError::new("INVALID_FIELD", message, &[])
    };
    let value = stored(view, described, key)?;
    let ids = if described.kind == FieldType::Id {
        let id = value.as_text().and_then(RecordId::parse).ok_or_else(missing)?;
        if table.rows.get(&id).is_some_and(|record| view.sees(record)) { vec![id] } else { Vec::new() }
    } else {
        view.keyed(place, field, &value)
    };
    match ids.as_slice() {
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

/// The refusal of a record that is not shared, and of an object that the user may only read (the text is widely
/// quoted).
pub(super) fn read_only() -> RowError {
    RowError::new("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", &[])
}
