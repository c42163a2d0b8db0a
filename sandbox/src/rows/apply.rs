//! One row's operation in a transaction.

use std::collections::BTreeMap;

use super::{
    Input,
    input::Row,
    rules::validate,
    validate::{ambiguous, read_only, stored},
};
use crate::{
    protocol::RowError,
    schema::FieldType,
    store::{Transaction, View},
    value::{RecordId, Value, default_owner},
};

/// A row that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) id: RecordId,
    pub(crate) created: bool,
}

pub(super) fn create(tx: &mut Transaction<'_>, row: Row) -> Result<Applied, RowError> {
    let mut values = validate(tx, None, &row)?;
    assign(tx, &row, &mut values);
    Ok(Applied { id: tx.insert(row.place, values, row.asked), created: true })
}

pub(super) fn update(tx: &mut Transaction<'_>, id: &str, row: Row) -> Result<Applied, RowError> {
    let id = locate(tx.view(), row.place, id)?;
    change(tx, id, row)
}

fn change(tx: &mut Transaction<'_>, id: RecordId, row: Row) -> Result<Applied, RowError> {
    let mut values = validate(tx, Some(id), &row)?;
    assign(tx, &row, &mut values);
    tx.update(row.place, id, values, row.asked);
    Ok(Applied { id, created: false })
}

/// The org's assignment rules give a record to another owner, on create and on update, unless the call says not to
/// (REST guide, "Assignment Rule Header"; help article 000395506).
fn assign(tx: &Transaction<'_>, row: &Row, values: &mut BTreeMap<usize, Value>) {
    let asked = tx.options.auto_assign.as_deref().unwrap_or("TRUE");
    let has_rules = ["Account", "Case", "Lead"].contains(&row.sobject.name.as_str());
    if tx.rules.settings.rules.auto_assign && has_rules && !asked.eq_ignore_ascii_case("false") {
        values.extend(row.sobject.field("OwnerId").map(|owner| (owner, Value::Text(default_owner()))));
    }
}

/// `id` may be of any object, as in a collections delete.
pub(super) fn delete(tx: &mut Transaction<'_>, id: &str, asked: crate::store::Asked) -> Result<Applied, RowError> {
    // The official guide's wording for a delete differs from that of an update.
    let malformed = || RowError::new("MALFORMED_ID", format!("malformed id {id}"), &[]);
    let place = RecordId::parse(id).and_then(|id| tx.store.place_of(id)).ok_or_else(malformed)?;
    let seen = tx.rules.schema.sobject(&tx.store.tables[place].sobject.name).ok_or_else(malformed)?;
    if seen.read_only {
        return Err(read_only());
    }
    let id = locate(tx.view(), place, id)?;
    tx.delete(place, id, asked);
    Ok(Applied { id, created: false })
}

/// The records that the key of an upsert names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Match {
    Nothing,
    One(RecordId),
    Several(Vec<RecordId>),
}

/// The records whose key field has this value.
pub(super) fn find(view: View<'_>, place: usize, field: usize, key: &Input) -> Result<Match, RowError> {
    let described = &view.table(place).sobject.fields[field];
    if described.kind == FieldType::Id {
        return match key {
            Input::Text(id) => locate(view, place, id).map(Match::One),
            // Recorded: an upsert by Id with a null Id creates.
            _ => Ok(Match::Nothing),
        };
    }
    let value = stored(view, described, key)?;
    if value.is_null() {
        return Err(RowError::new("MISSING_ARGUMENT", format!("{} not specified", described.name), &[&described.name]));
    }
    let found = view.keyed(place, field, &value);
    Ok(match found.as_slice() {
        [] => Match::Nothing,
        [id] => Match::One(*id),
        _ => Match::Several(found),
    })
}

pub(super) fn upsert(tx: &mut Transaction<'_>, field: usize, key: &Input, row: Row) -> Result<Applied, RowError> {
    match find(tx.view(), row.place, field, key)? {
        Match::Nothing => create(tx, row),
        Match::One(id) => change(tx, id, row),
        Match::Several(ids) => Err(ambiguous(&row.sobject.fields[field], &ids)),
    }
}

/// The live record of an id, if the user may change it.
pub(super) fn locate(view: View<'_>, place: usize, text: &str) -> Result<RecordId, RowError> {
    let table = view.table(place);
    let id = RecordId::parse(text).filter(|id| id.prefix() == table.sobject.key_prefix).ok_or_else(|| {
        let label = table.sobject.field("Id").map_or("Record ID", |field| &table.sobject.fields[field].label);
        // Recorded, `update-malformed-id`.
        RowError::new("MALFORMED_ID", format!("{label}: id value of incorrect type: {text}"), &["Id"])
    })?;
    if let Some(record) = table.rows.get(&id) {
        return if view.sees(record) { Ok(id) } else { Err(read_only()) };
    }
    Err(if table.deleted.contains(&id) {
        RowError::new("ENTITY_IS_DELETED", "entity is deleted", &[])
    } else {
        RowError::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[])
    })
}
