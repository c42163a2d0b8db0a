//! Which records a query selects. Their order follows nothing a caller could rely on, unless it asked for one.

use std::{cmp::Ordering, collections::HashSet};

use super::parse::{Filter, Query};
use crate::{
    schema::FieldType,
    settings::Settings,
    store::{Record, Store, Table, field_value, fold},
    value::{RecordId, Value, decimal},
};

pub(crate) fn run(store: &Store, query: &Query, settings: &Settings) -> Vec<RecordId> {
    let table = &store.tables[query.place];
    let wanted: Vec<Wanted<'_>> =
        query.filters.iter().map(|filter| Wanted::new(table, filter, settings.readings.soql_ignores_case)).collect();
    let mut ids: Vec<RecordId> = match wanted.iter().find_map(|wanted| wanted.indexed(table)) {
        Some(ids) => ids,
        None => table.rows.keys().copied().collect(),
    };
    ids.sort_by_key(RecordId::scrambled);
    ids.dedup();
    ids.retain(|id| {
        table.rows.get(id).is_some_and(|record| {
            record.is_seen(settings.user.owner_only) && wanted.iter().all(|wanted| wanted.holds(table, record))
        })
    });
    if let Some((field, descending)) = query.order {
        ids.sort_by(|a, b| {
            let value = |id| table.rows.get(id).map_or(Value::Null, |record| field_value(table, record, field));
            let order = compare(&value(a), &value(b));
            if descending { order.reverse() } else { order }
        });
    }
    ids.truncate(query.limit.unwrap_or(usize::MAX));
    ids
}

struct Wanted<'q> {
    filter: &'q Filter,
    any_of: HashSet<Option<String>>,
    /// Set where case is ignored although the field is case-sensitive; the index is of no use then.
    folded: bool,
}

impl<'q> Wanted<'q> {
    fn new(table: &Table, filter: &'q Filter, ignore_case: bool) -> Self {
        let folded = ignore_case && table.sobject.fields[filter.field].case_sensitive;
        let fold = |key: &Option<String>| key.as_ref().map(|key| if folded { key.to_lowercase() } else { key.clone() });
        Self { filter, any_of: filter.any_of.iter().map(fold).collect(), folded }
    }

    /// The only records that can hold, where an index or the ids themselves tell.
    fn indexed(&self, table: &Table) -> Option<Vec<RecordId>> {
        if self.filter.negated || self.folded || self.any_of.contains(&None) {
            return None;
        }
        let keys = self.any_of.iter().flatten();
        if table.sobject.fields[self.filter.field].kind == FieldType::Id {
            return Some(keys.filter_map(|key| RecordId::parse(key)).collect());
        }
        keys.map(|key| table.find(self.filter.field, key)).collect::<Option<Vec<_>>>().map(|lists| lists.concat())
    }

    fn holds(&self, table: &Table, record: &Record) -> bool {
        let value = field_value(table, record, self.filter.field);
        let key = fold(&table.sobject.fields[self.filter.field], &value);
        let key = if self.folded { key.map(|key| key.to_lowercase()) } else { key };
        self.any_of.contains(&key) != self.filter.negated
    }
}

/// Nulls first, numbers by value, text without case.
fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => decimal::parse(a).cmp(&decimal::parse(b)),
        (Value::Text(a), Value::Text(b)) => a.to_lowercase().cmp(&b.to_lowercase()),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (a, b) => b.is_null().cmp(&a.is_null()),
    }
}
