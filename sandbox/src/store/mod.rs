//! The org's records: one table for each object, an index for each key field, and the journal of all that was applied.
//!
//! Invariant: tables and indexes change only inside a [`Transaction`], and one lock guards the whole store, so a
//! call's rows are applied at once as far as any other call can see.

mod journal;
mod read;
mod table;
mod transaction;
mod view;

use std::sync::Arc;

use serde::Serialize;

use crate::{
    schema::Schema,
    value::{RecordId, Value},
};

pub use journal::{Change, Op};
pub(crate) use journal::{Filter, Journal};
pub(crate) use read::{field_value, is_person, raw_fields};
pub(crate) use table::{Record, Table, fold, fold_text};
pub(crate) use transaction::{Asked, Transaction};
pub(crate) use view::{Rules, View};

/// A live record with its values as the org stores them; fields that were never set are left out.
#[derive(Debug, Clone, Serialize)]
pub struct StoredRecord {
    pub id: RecordId,
    pub fields: std::collections::BTreeMap<String, Value>,
}

#[derive(Debug)]
pub(crate) struct Store {
    /// The tables, in the order of the schema's objects.
    pub(crate) tables: Vec<Table>,
    pub(crate) journal: Journal,
}

impl Store {
    pub(crate) fn new(schema: &Schema) -> Self {
        let tables = schema.sobjects.iter().map(|sobject| Table::new(Arc::clone(sobject))).collect();
        Self { tables, journal: Journal::default() }
    }

    /// The table whose object has this id's key prefix.
    pub(crate) fn place_of(&self, id: RecordId) -> Option<usize> {
        self.tables.iter().position(|table| table.sobject.key_prefix == id.prefix())
    }

    pub(crate) fn records(&self, place: usize) -> Vec<StoredRecord> {
        let table = &self.tables[place];
        let mut records: Vec<_> = table.rows.values().map(|record| raw_fields(table, record)).collect();
        records.sort_by_key(|record| record.id);
        records
    }
}
