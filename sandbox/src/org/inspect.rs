//! The org's book, for tests in the same process; the same as the addresses under `/sandbox/`.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::{Calls, Inner, Org};
use crate::{
    faults::{Fault, Scripted},
    settings::Settings,
    store::{Change, Filter, Op, StoredRecord},
    value::{Object, RecordId},
};

impl Org {
    /// All applied changes, in the order of application.
    pub fn journal(&self) -> Vec<Change> {
        self.inner.store().journal.select(&Filter::default())
    }

    /// The live records of an object, in the order of their ids; empty for an unknown one.
    pub fn records(&self, sobject: &str) -> Vec<StoredRecord> {
        self.inner.records(sobject).unwrap_or_default()
    }

    /// Somebody else in the org makes and changes records: one row or an array of rows, those with an `Id` change
    /// theirs. All or none; an error says why.
    pub fn put(&self, sobject: &str, rows: &serde_json::Value) -> Result<Vec<RecordId>, String> {
        self.inner.put(sobject, &rows.to_string())
    }

    /// Somebody else in the org deletes a record.
    pub fn remove(&self, id: &str) -> Result<(), String> {
        self.inner.remove(id).map(drop)
    }

    /// How often a plain or other create was applied for each value that this field was sent with: what doubled shows.
    pub fn creates_by(&self, sobject: &str, field: &str) -> BTreeMap<String, u64> {
        self.inner.creates_by(sobject, field)
    }

    /// What was asked so far.
    pub fn calls(&self) -> Calls {
        self.inner.calls()
    }

    /// Adds one fault or an array of faults, in the JSON form of `POST /sandbox/faults`.
    pub fn script(&self, faults: serde_json::Value) -> Result<Vec<u64>, serde_json::Error> {
        Ok(self.inner.faults.add(parse_faults(faults)?))
    }

    /// The script with its hits.
    pub fn faults(&self) -> Vec<Scripted> {
        self.inner.faults.list()
    }

    /// Ends the script and releases hanging calls.
    pub fn clear_faults(&self) {
        self.inner.clear_faults();
    }

    pub fn settings(&self) -> Settings {
        self.inner.settings()
    }

    /// Lays the members of an object over the settings.
    pub fn change_settings(&self, patch: serde_json::Value) -> Result<Settings, serde_json::Error> {
        self.inner.change_settings(patch)
    }

    /// Ends all sessions at once.
    pub fn expire_sessions(&self) {
        self.inner.sessions().expire_all();
    }

    /// Forgets records, journal, counters, faults and the used allocation.
    pub fn reset(&self) {
        self.inner.reset();
    }
}

impl Inner {
    pub(crate) fn calls(&self) -> Calls {
        let settings = self.settings();
        let applied = self.store().journal.applied();
        let (quota_used, quota_max) = (settings.quota_used, settings.quota_max);
        Calls { applied, quota_used, quota_max, ..self.counters.snapshot() }
    }

    pub(crate) fn creates_by(&self, sobject: &str, field: &str) -> BTreeMap<String, u64> {
        let filter = Filter { sobject: Some(sobject.to_owned()), ..Filter::default() };
        let mut counts = BTreeMap::new();
        for change in self.store().journal.select(&filter).into_iter().filter(|change| change.op == Op::Create) {
            let row = change.fields.as_ref().and_then(|row| Object::parse(row.get()).ok());
            let value = row.and_then(|row| row.get(field).map(RawValue::get)).unwrap_or("null");
            let value = serde_json::from_str::<String>(value).unwrap_or_else(|_| value.to_owned());
            *counts.entry(value).or_default() += 1;
        }
        counts
    }

    pub(crate) fn records(&self, sobject: &str) -> Option<Vec<StoredRecord>> {
        let place = self.whole.place(sobject)?;
        Some(self.store().records(place))
    }
}

pub(crate) fn parse_faults(faults: serde_json::Value) -> Result<Vec<Fault>, serde_json::Error> {
    match faults {
        list @ serde_json::Value::Array(_) => serde_json::from_value(list),
        one => Ok(vec![serde_json::from_value(one)?]),
    }
}
