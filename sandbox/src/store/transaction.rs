//! One call's changes: applied row by row, so that later rows see earlier ones, and undone together on a rollback.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Change, Op, Record, Rules, Store, View};
use crate::{
    protocol::CallOptions,
    value::{RecordId, Value},
};

/// The key and the fields of a row as the caller sent them, for the journal.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    pub(crate) key: Option<Box<RawValue>>,
    pub(crate) fields: Option<Box<RawValue>>,
}

enum Undo {
    Remove(usize, RecordId),
    Restore(usize, Record),
    Revive(usize, Record),
}

/// Dropped without [`commit`](Transaction::commit) or [`rollback`](Transaction::rollback), its changes stay but are not
/// in the journal; no caller does that.
pub(crate) struct Transaction<'s> {
    pub(crate) store: &'s mut Store,
    pub(crate) rules: Rules<'s>,
    /// 0 outside of calls.
    call: u64,
    pub(crate) options: CallOptions,
    at_ms: u64,
    undo: Vec<Undo>,
    changes: Vec<Change>,
}

impl<'s> Transaction<'s> {
    pub(crate) fn new(store: &'s mut Store, rules: Rules<'s>, (call, options): (u64, CallOptions), at_ms: u64) -> Self {
        Self { store, rules, call, options, at_ms, undo: Vec::new(), changes: Vec::new() }
    }

    pub(crate) fn view(&self) -> View<'_> {
        View { store: self.store, rules: self.rules }
    }

    /// A null is not a value; a picklist that the row leaves out gets its default.
    pub(crate) fn insert(&mut self, place: usize, mut values: BTreeMap<usize, Value>, asked: Asked) -> RecordId {
        let table = &mut self.store.tables[place];
        let (id, n) = table.new_id();
        for (place, field) in table.sobject.fields.iter().enumerate() {
            if field.auto_number {
                let digits = if field.length > 0 { field.length.min(8) } else { 8 };
                values.insert(place, Value::Text(format!("{n:0digits$}")));
            } else if let Some(choice) = field.default_choice()
                && values.get(&place).is_none_or(|value| value.is_null() && !field.nillable)
            {
                values.insert(place, Value::Text(choice.to_owned()));
            }
        }
        values.retain(|_, value| !value.is_null());
        let outside = self.call == 0;
        table.put(Record { id, values, created: self.at_ms, modified: self.at_ms, outside });
        self.undo.push(Undo::Remove(place, id));
        self.note(place, id, Op::Create, asked);
        id
    }

    /// Lays `values` over the record; a null clears.
    pub(crate) fn update(&mut self, place: usize, id: RecordId, values: BTreeMap<usize, Value>, asked: Asked) {
        let table = &mut self.store.tables[place];
        let Some(mut record) = table.rows.get(&id).cloned() else { return };
        for (field, value) in values {
            if value.is_null() {
                record.values.remove(&field);
            } else {
                record.values.insert(field, value);
            }
        }
        record.modified = self.at_ms;
        if let Some(before) = table.put(record) {
            self.undo.push(Undo::Restore(place, before));
        }
        self.note(place, id, Op::Update, asked);
    }

    pub(crate) fn delete(&mut self, place: usize, id: RecordId, asked: Asked) {
        self.note(place, id, Op::Delete, asked);
        let table = &mut self.store.tables[place];
        if let Some(record) = table.take(id) {
            table.deleted.insert(id);
            self.undo.push(Undo::Revive(place, record));
        }
    }

    pub(crate) fn commit(self) {
        self.store.journal.append(self.changes, self.rules.settings.journal);
    }

    pub(crate) fn rollback(mut self) {
        while let Some(step) = self.undo.pop() {
            match step {
                Undo::Remove(place, id) => {
                    self.store.tables[place].take(id);
                }
                Undo::Restore(place, record) => {
                    self.store.tables[place].put(record);
                }
                Undo::Revive(place, record) => {
                    let table = &mut self.store.tables[place];
                    table.deleted.remove(&record.id);
                    table.put(record);
                }
            }
        }
    }

    fn note(&mut self, place: usize, id: RecordId, op: Op, asked: Asked) {
        let table = &self.store.tables[place];
        let keys = table.rows.get(&id).map(|record| table.external_ids(record)).unwrap_or_default();
        let sobject = table.sobject.name.clone();
        let Asked { key: asked, fields } = asked;
        let (call, options) = (self.call, self.options.clone());
        let (at_ms, outside) = (self.at_ms, call == 0);
        self.changes.push(Change { seq: 0, at_ms, call, outside, sobject, id, op, keys, asked, fields, options });
    }
}
