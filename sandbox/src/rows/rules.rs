//! The save stage, row by row: the values of a row together, and against the records that there are.

use std::collections::BTreeMap;

use super::{
    input::Row,
    validate::{read_only, stored},
};
use crate::{
    protocol::RowError,
    schema::Field,
    settings::DuplicateAction,
    store::{Record, Transaction, View, fold, is_person},
    value::{RecordId, Value},
};

type Values = BTreeMap<usize, Value>;

/// The values to store, or why the row fails. `existing` is the record that is updated.
pub(super) fn validate(tx: &Transaction<'_>, existing: Option<RecordId>, row: &Row) -> Result<Values, RowError> {
    let view = tx.view();
    if row.sobject.read_only {
        return Err(read_only());
    }
    closed(existing, row)?;
    let mut values = Values::new();
    for (field, input) in &row.fields {
        values.insert(*field, stored(view, &row.sobject.fields[*field], input)?);
    }
    let rows = &view.table(row.place).rows;
    let before = existing.and_then(|id| rows.get(&id));
    let is_person = person(view, row, before, &values)?;
    required(&row.sobject.fields, existing.is_none(), &values, |field| is_person && field.name == "Name")?;
    if existing.is_none() {
        duplicates(tx, row.place, &values)?;
        room(view)?;
    }
    unique(view, row.place, existing, &values)?;
    unique_together(view, row.place, before, &values)?;
    Ok(values)
}

fn closed(existing: Option<RecordId>, row: &Row) -> Result<(), RowError> {
    let closed = |field: &&Field| if existing.is_some() { !field.updateable } else { !field.createable };
    let named = row.fields.iter().map(|(field, _)| &row.sobject.fields[*field]);
    let closed: Vec<_> = named.filter(closed).map(|field| field.name.as_str()).collect();
    if closed.is_empty() {
        return Ok(());
    }
    // Quoted.
    let message = format!(
        "Unable to create/update fields: {}. Please check the security settings of this field and verify that it is \
         read/write for your profile or permission set.",
        closed.join(", ")
    );
    Err(RowError::new("INVALID_FIELD_FOR_INSERT_UPDATE", message, &closed))
}

/// Whether the row is of a person, by its last name: then it has no name of its own (help 000386207).
fn person(view: View<'_>, row: &Row, before: Option<&Record>, values: &Values) -> Result<bool, RowError> {
    let table = view.table(row.place);
    let place = |name| table.sobject.field(name);
    if place("IsPersonAccount").is_none() {
        return Ok(false);
    }
    let named = place("LastName").and_then(|place| values.get(&place)).is_some_and(|value| !value.is_null());
    let is_person = named || before.is_some_and(|record| is_person(table, record));
    if is_person && place("Name").is_some_and(|place| values.contains_key(&place)) {
        let message = "bad field names on insert/update call: Name";
        return Err(RowError::new("INVALID_FIELD_FOR_INSERT_UPDATE", message, &["Name"]));
    }
    Ok(is_person)
}

fn required(
    fields: &[Field],
    create: bool,
    values: &Values,
    is_spared: impl Fn(&Field) -> bool,
) -> Result<(), RowError> {
    let missing = |(place, field): &(usize, &Field)| match values.get(place) {
        None => create && field.required() && !is_spared(field),
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

/// An alert refuses a row of the API, too, unless the call says `allowSave=true` (REST guide, "Duplicate Rule Header").
fn duplicates(tx: &Transaction<'_>, place: usize, values: &Values) -> Result<(), RowError> {
    let view = tx.view();
    let table = view.table(place);
    let asked = tx.options.duplicate_rule.as_deref().unwrap_or_default();
    let may_save = asked.split(';').any(|part| part.trim() == "allowSave=true");
    let of_object = |name: &str| name.eq_ignore_ascii_case(&table.sobject.name);
    for rule in view.rules.settings.rules.duplicate_rules.iter().filter(|rule| of_object(&rule.sobject)) {
        if rule.action == DuplicateAction::Alert && may_save {
            continue;
        }
        let fields: Vec<_> = rule.fields.iter().filter_map(|name| table.sobject.field(name)).collect();
        if table.rows.values().any(|other| equal(view, place, &fields, values, other)) {
            return Err(RowError::new("DUPLICATES_DETECTED", "Use one of these records?", &[]));
        }
    }
    Ok(())
}

/// Whether the record has these values, none of them null, in all of the fields.
fn equal(view: View<'_>, place: usize, fields: &[usize], values: &Values, other: &Record) -> bool {
    let described = &view.table(place).sobject.fields;
    !fields.is_empty()
        && fields.iter().all(|field| {
            let folded = |values: &Values| values.get(field).and_then(|value| fold(&described[*field], value));
            folded(values).is_some_and(|value| folded(&other.values) == Some(value))
        })
}

fn room(view: View<'_>) -> Result<(), RowError> {
    let records: usize = view.store.tables.iter().map(|table| table.rows.len()).sum();
    match view.rules.settings.rules.storage_records {
        Some(most) if records >= most => Err(RowError::new("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded", &[])),
        _ => Ok(()),
    }
}

fn unique(view: View<'_>, place: usize, existing: Option<RecordId>, values: &Values) -> Result<(), RowError> {
    let table = view.table(place);
    for (&field, value) in values.iter().filter(|(field, _)| table.sobject.fields[**field].unique) {
        let described = &table.sobject.fields[field];
        let Some(key) = fold(described, value) else { continue };
        let others = table.find(field, &key).unwrap_or_default();
        if let Some(other) = others.iter().find(|id| Some(**id) != existing) {
            // Quoted; ids in this text have 15 characters. What the user does not see is not named either (pasted from
            // an org).
            let is_seen = table.rows.get(other).is_some_and(|record| view.sees(record));
            let (name, id) =
                if is_seen { (described.name.as_str(), other.short()) } else { ("<unknown>", "<unknown>") };
            let message = format!("duplicate value found: {name} duplicates value on record with id: {id}");
            return Err(RowError::new("DUPLICATE_VALUE", message, &[]));
        }
    }
    Ok(())
}

fn unique_together(view: View<'_>, place: usize, before: Option<&Record>, values: &Values) -> Result<(), RowError> {
    let table = view.table(place);
    let mut whole = before.map(|record| record.values.clone()).unwrap_or_default();
    whole.extend(values.iter().map(|(field, value)| (*field, value.clone())));
    for together in &table.sobject.unique_together {
        let fields: Vec<_> = together.fields.iter().filter_map(|name| table.sobject.field(name)).collect();
        let other = |other: &&Record| before.is_none_or(|before| before.id != other.id);
        if table.rows.values().filter(other).any(|other| equal(view, place, &fields, &whole, other)) {
            return Err(RowError::new("DUPLICATE_VALUE", together.message.clone(), &[]));
        }
    }
    Ok(())
}
