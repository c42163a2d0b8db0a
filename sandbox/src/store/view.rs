//! The store as one call sees it: by the org's settings, and by what the session's user may see.

use super::{Record, Store, Table, fold};
use crate::{
    schema::{Field, Schema},
    settings::Settings,
    value::{RecordId, Value},
};

/// The settings and the schema that a call is judged by.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'s> {
    pub(crate) settings: &'s Settings,
    pub(crate) schema: &'s Schema,
}

#[derive(Clone, Copy)]
pub(crate) struct View<'s> {
    pub(crate) store: &'s Store,
    pub(crate) rules: Rules<'s>,
}

impl<'s> View<'s> {
    pub(crate) fn table(&self, place: usize) -> &'s Table {
        &self.store.tables[place]
    }

    /// Whether the record is shared with the session's user.
    pub(crate) fn sees(&self, record: &Record) -> bool {
        record.is_seen(self.rules.settings.user.owner_only)
    }

    /// The records whose key field has this value and that the user sees.
    pub(crate) fn keyed(&self, place: usize, field: usize, value: &Value) -> Vec<RecordId> {
        let table = self.table(place);
        let described = &table.sobject.fields[field];
        let Some(key) = fold(described, value) else { return Vec::new() };
        let minds_case = self.minds_case(described);
        let found = table.find(field, &key).unwrap_or_default().iter().filter(|id| {
            table.rows.get(id).is_some_and(|record| {
                self.sees(record) && (!minds_case || record.values.get(&field).map(trimmed) == Some(trimmed(value)))
            })
        });
        found.copied().collect()
    }

    /// How an upsert compares the values of a key.
    pub(crate) fn key(&self, field: &Field, value: &Value) -> Option<String> {
        if self.minds_case(field) { trimmed(value).map(str::to_owned) } else { fold(field, value) }
    }

    fn minds_case(&self, field: &Field) -> bool {
        self.rules.settings.readings.upsert_minds_case && field.may_mind_case()
    }
}

fn trimmed(value: &Value) -> Option<&str> {
    value.as_text().map(str::trim)
}
