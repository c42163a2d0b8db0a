//! One row's operation in a transaction.

use super::{
    Input,
    input::Row,
    validate::{ambiguous, stored, validate},
};
use crate::{
    http::RowError,
    schema::FieldType,
    store::{Store, Transaction, fold},
    value::RecordId,
};

/// A row that was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) id: RecordId,
    pub(crate) created: bool,
}

pub(super) fn create(tx: &mut Transaction<'_>, row: Row) -> Result<Applied, RowError> {
    let values = validate(tx.store, None, &row)?;
    Ok(Applied { id: tx.insert(row.place, values, row.asked), created: true })
}

pub(super) fn update(tx: &mut Transaction<'_>, id: &str, row: Row) -> Result<Applied, RowError> {
    let id = locate(tx.store, row.place, id)?;
    let values = validate(tx.store, Some(id), &row)?;
    tx.update(row.place, id, values, row.asked);
    Ok(Applied { id, created: false })
}

/// `id` may be of any object, as in a collections delete.
pub(super) fn delete(tx: &mut Transaction<'_>, id: &str, asked: crate::store::Asked) -> Result<Applied, RowError> {
    // The official guide's wording for a delete differs from that of an update.
    let malformed = || RowError::new("MALFORMED_ID", format!("malformed id {id}"), &[]);
    let place = RecordId::parse(id).and_then(|id| tx.store.place_of(id)).ok_or_else(malformed)?;
    let id = locate(tx.store, place, id)?;
    tx.delete(place, id, asked);
    Ok(Applied { id, created: false })
}

/// What an upsert's key names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Match {
    Nothing,
    One(RecordId),
    Several(Vec<RecordId>),
}

/// The records whose key field has this value.
pub(super) fn find(store: &Store, place: usize, field: usize, key: &Input) -> Result<Match, RowError> {
    let described = &store.tables[place].sobject.fields[field];
    if described.kind == FieldType::Id {
        return match key {
            Input::Text(id) => locate(store, place, id).map(Match::One),
            // Recorded: an upsert by Id with a null Id creates.
            _ => Ok(Match::Nothing),
        };
    }
    let value = stored(store, described, key)?;
    let Some(key) = fold(described, &value) else {
        return Err(RowError::new("MISSING_ARGUMENT", format!("{} not specified", described.name), &[&described.name]));
    };
    Ok(match store.tables[place].find(field, &key).unwrap_or_default() {
        [] => Match::Nothing,
        [id] => Match::One(*id),
        many => Match::Several(many.to_vec()),
    })
}

pub(super) fn upsert(tx: &mut Transaction<'_>, field: usize, key: &Input, row: Row) -> Result<Applied, RowError> {
    match find(tx.store, row.place, field, key)? {
        Match::Nothing => create(tx, row),
        Match::One(id) => {
            let values = validate(tx.store, Some(id), &row)?;
            tx.update(row.place, id, values, row.asked);
            Ok(Applied { id, created: false })
        }
        Match::Several(ids) => Err(ambiguous(&row.sobject.fields[field], &ids)),
    }
}

/// The live record of an id.
pub(super) fn locate(store: &Store, place: usize, text: &str) -> Result<RecordId, RowError> {
    let table = &store.tables[place];
    let id = RecordId::parse(text).filter(|id| id.prefix() == table.sobject.key_prefix).ok_or_else(|| {
        let label = table.sobject.field("Id").map_or("Record ID", |field| &table.sobject.fields[field].label);
        // Recorded, `update-malformed-id`.
        RowError::new("MALFORMED_ID", format!("{label}: id value of incorrect type: {text}"), &["Id"])
    })?;
    if table.rows.contains_key(&id) {
        return Ok(id);
    }
    Err(if table.deleted.contains(&id) {
        RowError::new("ENTITY_IS_DELETED", "entity is deleted", &[])
    } else {
        RowError::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", &[])
    })
}
