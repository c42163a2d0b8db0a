//! The org's state, each part behind its own lock. No lock is held across an await, and the store's is never taken
//! while another is held.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::de::Error as _;

use super::{clock::Clock, counters::Counters, locks::Locks};
use crate::{
    faults::Faults,
    login::Sessions,
    query::Cursors,
    schema::Schema,
    settings::{Settings, Turns},
    store::Store,
};

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) url: String,
    /// All that there is, whatever the session's user sees of it.
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

impl Inner {
    /// Settings that name objects or fields that the schema has not are an error.
    pub(super) fn new(url: String, whole: Schema, settings: Settings) -> Result<Self, String> {
        let seen = Arc::new(whole.seen_with(&settings.hidden, &settings.read_only)?);
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

    /// What the session's user sees.
    pub(crate) fn schema(&self) -> Arc<Schema> {
        Arc::clone(&lock(&self.seen))
    }

    pub(crate) fn settings(&self) -> Settings {
        lock(&self.settings).clone()
    }

    pub(crate) fn change_settings(&self, patch: serde_json::Value) -> Result<Settings, serde_json::Error> {
        let mut settings = lock(&self.settings);
        let patched = settings.patched(patch)?;
        let seen = self.whole.seen_with(&patched.hidden, &patched.read_only).map_err(serde_json::Error::custom)?;
        *settings = patched;
        *lock(&self.seen) = Arc::new(seen);
        Ok(settings.clone())
    }

    pub(crate) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        lock(&self.sessions)
    }

    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    pub(crate) fn cursors(&self) -> MutexGuard<'_, Cursors> {
        lock(&self.cursors)
    }

    /// Counts one API request; `false` once the allocation is used.
    pub(super) fn spend(&self) -> bool {
        let mut settings = lock(&self.settings);
        let left = !settings.quota_hard || settings.quota_used < settings.quota_max;
        settings.quota_used += u64::from(left);
        left
    }

    pub(super) fn spend_all(&self) {
        let mut settings = lock(&self.settings);
        settings.quota_used = settings.quota_used.max(settings.quota_max);
        settings.quota_hard = true;
    }

    /// `api-usage=18/5000`.
    pub(super) fn usage(&self) -> String {
        let settings = lock(&self.settings);
        format!("api-usage={}/{}", settings.quota_used, settings.quota_max)
    }

    /// Forgets records, journal, counters, faults and cursors; sessions and settings stay, the used allocation does
    /// not.
    pub(crate) fn reset(&self) {
        self.clear_faults();
        *self.store() = Store::new(&self.whole);
        *self.cursors() = Cursors::default();
        self.counters.reset();
        lock(&self.settings).quota_used = 0;
    }

    /// Ends the script, releases hanging calls, and lets logins heal again.
    pub(crate) fn clear_faults(&self) {
        self.faults.clear();
        self.sessions().broken = false;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
