//! Rows that are written outside of calls, as by another integration.

use serde_json::value::RawValue;

use super::{Input, Reader, apply, input::Row, read::syntax, validate::find_parents};
use crate::{
    protocol::{ApiError, RowError},
    schema::Schema,
    settings::Choices,
    store::{Asked, Transaction},
    value::{Body, Object, RecordId},
};

/// Reads rows of one object, each a part of `text`.
pub(crate) fn outside(
    schema: &Schema,
    choices: &Choices<'_>,
    place: usize,
    text: &str,
    rows: &[&RawValue],
) -> Result<Vec<Row>, ApiError> {
    let reader = Reader { schema, body: Body(text), choices, is_single: true };
    let row = |raw: &&RawValue| {
        let object = Object::parse(raw.get()).map_err(|error| syntax(&error))?;
        reader.row(place, raw, &object, true, None)
    };
    rows.iter().map(row).collect()
}

/// Makes and changes records, in the order of the rows.
pub(crate) fn put(tx: &mut Transaction<'_>, rows: Vec<Row>) -> Result<Vec<RecordId>, RowError> {
    let mut ids = Vec::with_capacity(rows.len());
    for mut row in rows {
        find_parents(tx.view(), &mut row);
        if let Some(error) = row.refused {
            return Err(error);
        }
        let applied = match row.id.as_ref().and_then(Input::as_id).map(str::to_owned) {
            Some(id) => apply::update(tx, &id, row)?,
            None => apply::create(tx, row)?,
        };
        ids.push(applied.id);
    }
    Ok(ids)
}

pub(crate) fn remove(tx: &mut Transaction<'_>, id: &str) -> Result<RecordId, RowError> {
    apply::delete(tx, id, Asked::default()).map(|applied| applied.id)
}
