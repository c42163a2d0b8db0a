use std::{collections::BTreeMap, sync::Arc};

use parking_lot::{Mutex, MutexGuard};
use serde::de::Error as _;
use serde_json::value::RawValue;

use super::{Calls, clock::Clock, counters::Counters, locks::Locks, outside::Outsider, sessions::Sessions};
use crate::{
    faults::{Fault, Faults, Scripted},
    query::Cursors,
    schema::Schema,
    settings::{Settings, Turns},
    store::{Change, Filter, Op, Store, StoredRecord},
    value::{Object, RecordId},
};

/// The state of an org, each part under a lock of its own, and its book: what tests in the same process ask it, as
/// others do under `/sandbox/`.
///
/// No lock is held across an await, and the store's is never taken while another one is held.
#[derive(Debug)]
pub struct Org {
    pub(crate) url: String,
    /// The whole schema, whatever the session's user sees of it.
    pub(crate) whole: Schema,
    seen: Mutex<Arc<Schema>>,
    pub(crate) clock: Clock,
    pub(crate) counters: Counters,
    pub(crate) faults: Faults,
    pub(crate) locks: Locks,
    pub(crate) turns: Turns,
    settings: Mutex<Settings>,
    sessions: Mutex<Sessions>,
    store: Mutex<Store>,
    cursors: Mutex<Cursors>,
}

impl Org {
    /// A new org at this address. Settings that name objects or fields that the schema does not have are an error.
    pub(crate) fn new(url: String, whole: Schema, settings: Settings) -> Result<Self, String> {
        let seen = Arc::new(whole.seen_with(&settings.user.hidden, &settings.user.read_only)?);
        Ok(Self {
            url,
            clock: Clock::new(),
            counters: Counters::default(),
            faults: Faults::new(),
            locks: Locks::default(),
            turns: Turns::default(),
            settings: Mutex::new(settings),
            sessions: Mutex::new(Sessions::default()),
            store: Mutex::new(Store::new(&whole)),
            cursors: Mutex::new(Cursors::default()),
            seen: Mutex::new(seen),
            whole,
        })
    }

    /// `http://127.0.0.1:{port}`: login host, audience and instance at once.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// All applied changes, in the order of application.
    pub fn journal(&self) -> Vec<Change> {
        self.store().journal.select(&Filter::default())
    }

    /// The live records of an object, in the order of their ids; empty for an unknown object.
    pub fn records(&self, sobject: &str) -> Vec<StoredRecord> {
        self.records_of(sobject).unwrap_or_default()
    }

    /// Makes and changes records as another integration in the org does, all or none: one row or an array of rows; a
    /// row with an `Id` changes its record. An error says why.
    pub fn put(&self, sobject: &str, rows: &serde_json::Value) -> Result<Vec<RecordId>, String> {
        self.put_text(sobject, &rows.to_string())
    }

    /// Deletes a record as another integration in the org does.
    pub fn remove(&self, id: &str) -> Result<(), String> {
        self.remove_record(id).map(drop)
    }

    /// The number of applied creates for each value that this field was sent with: a value that was created twice shows
    /// a repeated insert.
    pub fn creates_by(&self, sobject: &str, field: &str) -> BTreeMap<String, u64> {
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

    /// The counts of calls, rows and changes so far.
    pub fn calls(&self) -> Calls {
        let quota = self.settings().quota;
        let applied = self.store().journal.applied();
        Calls { applied, quota_used: quota.used, quota_max: quota.max, ..self.counters.snapshot() }
    }

    /// Adds one fault or an array of faults, in the JSON form of `POST /sandbox/faults`.
    pub fn script(&self, faults: serde_json::Value) -> Result<Vec<u64>, serde_json::Error> {
        let faults: Vec<Fault> = match faults {
            list @ serde_json::Value::Array(_) => serde_json::from_value(list)?,
            one => vec![serde_json::from_value(one)?],
        };
        Ok(self.faults.add(faults))
    }

    /// Adds one fault.
    pub fn fault(&self, fault: Fault) {
        self.faults.add(vec![fault]);
    }

    /// The script with its hits.
    pub fn faults(&self) -> Vec<Scripted> {
        self.faults.list()
    }

    /// Ends the script, releases hanging calls, and lets logins heal sessions again.
    pub fn clear_faults(&self) {
        self.faults.clear();
        self.sessions().broken = false;
    }

    pub fn settings(&self) -> Settings {
        self.settings.lock().clone()
    }

    /// Lays the members of an object over the settings.
    pub fn change_settings(&self, patch: serde_json::Value) -> Result<Settings, serde_json::Error> {
        let mut settings = self.settings.lock();
        let patched = settings.patched(patch)?;
        let seen = self.whole.seen_with(&patched.user.hidden, &patched.user.read_only);
        *self.seen.lock() = Arc::new(seen.map_err(serde_json::Error::custom)?);
        *settings = patched;
        Ok(settings.clone())
    }

    /// Ends all sessions at once.
    pub fn expire_sessions(&self) {
        self.sessions().expire_all();
    }

    /// Forgets records, journal, counters, faults, cursors and the used allocation; sessions and settings stay.
    pub fn reset(&self) {
        self.clear_faults();
        *self.store() = Store::new(&self.whole);
        *self.cursors() = Cursors::default();
        self.counters.reset();
        self.settings.lock().quota.used = 0;
    }

    /// The schema as the session's user sees it.
    pub(crate) fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.seen.lock())
    }

    pub(crate) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock()
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock()
    }

    pub(crate) fn cursors(&self) -> MutexGuard<'_, Cursors> {
        self.cursors.lock()
    }

    /// The live records of an object, or `None` for an unknown one.
    pub(crate) fn records_of(&self, sobject: &str) -> Option<Vec<StoredRecord>> {
        let place = self.whole.place(sobject)?;
        Some(self.store().records(place))
    }

    /// As [`put`](Self::put), from JSON text: numbers stay as they are written.
    pub(crate) fn put_text(&self, sobject: &str, rows: &str) -> Result<Vec<RecordId>, String> {
        let (now_ms, mut store) = (self.clock.now_millis(), self.store());
        Outsider { schema: &self.whole, store: &mut store, now_ms }.put(sobject, rows)
    }

    /// As [`remove`](Self::remove), and returns the id.
    pub(crate) fn remove_record(&self, id: &str) -> Result<Vec<RecordId>, String> {
        let (now_ms, mut store) = (self.clock.now_millis(), self.store());
        Outsider { schema: &self.whole, store: &mut store, now_ms }.remove(id)
    }

    /// Counts one API request; `false` if the allocation is used.
    pub(crate) fn spend(&self) -> bool {
        let quota = &mut self.settings.lock().quota;
        let left = !quota.hard || quota.used < quota.max;
        quota.used += u64::from(left);
        left
    }

    /// Uses the rest of the allocation.
    pub(crate) fn spend_all(&self) {
        let quota = &mut self.settings.lock().quota;
        quota.used = quota.used.max(quota.max);
        quota.hard = true;
    }

    /// `api-usage=18/5000`.
    pub(crate) fn usage(&self) -> String {
        let quota = &self.settings.lock().quota;
        format!("api-usage={}/{}", quota.used, quota.max)
    }
}
