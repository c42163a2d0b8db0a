//! Scripted faults: which calls fail, how, and how often.

mod builder;
mod facts;
mod plan;
mod script;

use parking_lot::Mutex;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

pub(crate) use facts::Facts;
pub(crate) use plan::Plan;
pub use script::{Action, Answered, Fault, On, StatusError, When};

/// A fault and its hits.
#[derive(Debug, Clone, Serialize)]
pub struct Scripted {
    pub id: u64,
    /// Calls that matched, those skipped by `after` included.
    pub matched: u64,
    pub hits: u64,
    #[serde(flatten)]
    pub fault: Fault,
}

/// The script of an org.
#[derive(Debug)]
pub(crate) struct Faults {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    script: Vec<Scripted>,
    added: u64,
    /// Hanging calls wait for it; cancelled and replaced when the script is cleared.
    release: CancellationToken,
}

impl Faults {
    pub(crate) fn new() -> Self {
        Self { inner: Mutex::new(Inner::default()) }
    }

    pub(crate) fn add(&self, faults: Vec<Fault>) -> Vec<u64> {
        let mut inner = self.lock();
        let mut ids = Vec::with_capacity(faults.len());
        for fault in faults {
            inner.added += 1;
            ids.push(inner.added);
            let scripted = Scripted { id: inner.added, matched: 0, hits: 0, fault };
            inner.script.push(scripted);
        }
        ids
    }

    pub(crate) fn list(&self) -> Vec<Scripted> {
        self.lock().script.clone()
    }

    pub(crate) fn clear(&self) {
        let mut inner = self.lock();
        inner.script.clear();
        std::mem::take(&mut inner.release).cancel();
    }

    /// Cancelled when the script is cleared.
    pub(crate) fn released(&self) -> CancellationToken {
        self.lock().release.clone()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().script.is_empty()
    }

    /// Plans what the script does to this call. Each fault that strikes counts one hit. Of two faults that would both
    /// take the whole answer, only the first strikes.
    pub(crate) fn plan(&self, facts: &Facts) -> Plan {
        let mut plan = Plan::default();
        for scripted in &mut self.lock().script {
            let used_up = scripted.fault.times.is_some_and(|times| scripted.hits >= times);
            if used_up || !plan.takes(&scripted.fault.action) {
                continue;
            }
            let Some(rows) = facts.matches(&scripted.fault) else { continue };
            scripted.matched += 1;
            if scripted.matched > scripted.fault.after {
                scripted.hits += 1;
                plan.add(&scripted.fault.action, &rows, facts);
            }
        }
        plan
    }

    fn lock(&self) -> parking_lot::MutexGuard<'_, Inner> {
        self.inner.lock()
    }
}
