//! One object's records and the indexes of its key fields.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use crate::{
    schema::{Field, SObject},
    value::{RecordId, Value, decimal},
};

/// A record: only the fields that hold something, by their place in the object.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) id: RecordId,
    pub(crate) values: BTreeMap<usize, Value>,
    /// Milliseconds since the epoch.
    pub(crate) created: u64,
    pub(crate) modified: u64,
    /// Made outside of calls, for another user.
    pub(crate) outside: bool,
}

impl Record {
    /// Whether the session's user sees it; `owner_only` is the setting.
    pub(crate) fn is_seen(&self, owner_only: bool) -> bool {
        !(owner_only && self.outside)
    }
}

#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) sobject: Arc<SObject>,
    pub(crate) rows: HashMap<RecordId, Record>,
    /// Ids that were deleted: a later change to one is `ENTITY_IS_DELETED`.
    pub(crate) deleted: HashSet<RecordId>,
    indexes: BTreeMap<usize, HashMap<String, Vec<RecordId>>>,
    next: u64,
}

impl Table {
    pub(super) fn new(sobject: Arc<SObject>) -> Self {
        let keys = sobject.fields.iter().enumerate().filter(|(_, field)| field.indexed());
        let indexes = keys.map(|(place, _)| (place, HashMap::new())).collect();
        Self { sobject, rows: HashMap::new(), deleted: HashSet::new(), indexes, next: 1 }
    }

    /// Ids are never given twice, also when the record that got one was rolled back.
    pub(super) fn new_id(&mut self) -> (RecordId, u64) {
        let n = self.next;
        self.next += 1;
        (RecordId::nth(&self.sobject.key_prefix, n), n)
    }

    /// The records whose field has this folded value; `None` for a field without an index.
    pub(crate) fn find(&self, field: usize, key: &str) -> Option<&[RecordId]> {
        let index = self.indexes.get(&field)?;
        Some(index.get(key).map(Vec::as_slice).unwrap_or_default())
    }

    pub(super) fn put(&mut self, record: Record) -> Option<Record> {
        let before = self.take(record.id);
        for (place, index) in &mut self.indexes {
            let key = record.values.get(place).and_then(|value| fold(&self.sobject.fields[*place], value));
            if let Some(key) = key {
                index.entry(key).or_default().push(record.id);
            }
        }
        self.rows.insert(record.id, record);
        before
    }

    pub(super) fn take(&mut self, id: RecordId) -> Option<Record> {
        let record = self.rows.remove(&id)?;
        for (place, index) in &mut self.indexes {
            let key = record.values.get(place).and_then(|value| fold(&self.sobject.fields[*place], value));
            let Some(key) = key else { continue };
            if let Some(ids) = index.get_mut(&key) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    index.remove(&key);
                }
            }
        }
        Some(record)
    }

    /// The stored values of the external ids.
    pub(crate) fn external_ids(&self, record: &Record) -> BTreeMap<String, Value> {
        let fields = self.sobject.fields.iter().enumerate().filter(|(_, field)| field.external_id);
        fields.filter_map(|(place, field)| Some((field.name.clone(), record.values.get(&place)?.clone()))).collect()
    }
}

/// The form in which the org compares a field's values: numbers by value, text trimmed and without case unless the
/// field is case-sensitive (a client's live test: `A-1` is reported as a duplicate of `a-1`). `None` for null.
pub(crate) fn fold(field: &Field, value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(text) => decimal::parse(text).map(|number| decimal::key(&number)),
        Value::Text(text) => Some(fold_text(field, text)),
    }
}

/// [`fold`] for the text of a text field.
pub(crate) fn fold_text(field: &Field, text: &str) -> String {
    if field.case_sensitive || !field.is_text() { text.trim().to_owned() } else { text.trim().to_lowercase() }
}
