//! Reading a record back: the fields the org keeps itself, and numbers in the form REST shows.

use super::{Record, StoredRecord, Table};
use crate::{
    schema::{Field, FieldType, number},
    value::{USER, Value, moment, other_user},
};

/// A field as a query or a `GET` of the row shows it.
pub(crate) fn field_value(table: &Table, record: &Record, place: usize) -> Value {
    let field = &table.sobject.fields[place];
    match record.values.get(&place) {
        Some(Value::Number(text)) => Value::Number(number::read_back(field, text)),
        Some(value) => value.clone(),
        None => kept_by_org(table, record, field),
    }
}

/// A record with the values as stored, numbers as they were written.
pub(crate) fn raw_fields(table: &Table, record: &Record) -> StoredRecord {
    let fields = record.values.iter().map(|(place, value)| (table.sobject.fields[*place].name.clone(), value.clone()));
    StoredRecord { id: record.id, fields: fields.collect() }
}

fn kept_by_org(table: &Table, record: &Record, field: &Field) -> Value {
    let at = |millis| moment::from_millis(millis).map_or(Value::Null, Value::Text);
    match field.name.as_str() {
        "Id" => Value::Text(record.id.to_string()),
        "OwnerId" if record.outside => Value::Text(other_user()),
        "IsPersonAccount" => Value::Bool(is_person(table, record)),
        "OwnerId" | "CreatedById" | "LastModifiedById" => Value::Text(USER.to_owned()),
        // Stored to the second (recorded).
        "CreatedDate" => at(record.created / 1000 * 1000),
        "LastModifiedDate" | "SystemModstamp" => at(record.modified / 1000 * 1000),
        "Name" if !field.createable || is_person(table, record) => full_name(table, record),
        _ if field.kind == FieldType::Boolean => Value::Bool(false),
        _ => Value::Null,
    }
}

/// A person account, which has no name of its own.
pub(crate) fn is_person(table: &Table, record: &Record) -> bool {
    let named = |name| record.values.contains_key(&table.sobject.field(name)?).then_some(());
    table.sobject.field("IsPersonAccount").and_then(|_| named("LastName")).is_some()
}

/// The compound name of a person.
fn full_name(table: &Table, record: &Record) -> Value {
    let part = |name| record.values.get(&table.sobject.field(name)?)?.as_text();
    let parts: Vec<_> = [part("FirstName"), part("LastName")].into_iter().flatten().collect();
    if parts.is_empty() { Value::Null } else { Value::Text(parts.join(" ")) }
}
