//! Locked records, each held by one call.

use std::{collections::HashSet, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use crate::value::RecordId;

/// The records that any call has locked. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Locks(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    held: Mutex<HashSet<RecordId>>,
    /// A call has released its locks.
    released: Notify,
}

/// The records that one call has locked; dropping it releases them.
#[derive(Debug)]
pub(crate) struct HeldLocks {
    locks: Locks,
    records: HashSet<RecordId>,
}

impl Locks {
    /// The locks of a new call: none yet.
    pub(crate) fn none(&self) -> HeldLocks {
        HeldLocks { locks: self.clone(), records: HashSet::new() }
    }
}

impl HeldLocks {
    /// Locks all of these, or returns one that another call still holds when the wait is over.
    pub(crate) async fn wait_for(&mut self, records: Vec<RecordId>, wait: Duration) -> Option<RecordId> {
        let deadline = Instant::now() + wait;
        let shared = Arc::clone(&self.locks.0);
        loop {
            let released = shared.released.notified();
            tokio::pin!(released);
            released.as_mut().enable();
            let taken = self.try_all(&records)?;
            if wait.is_zero() || timeout_at(deadline, released).await.is_err() {
                return Some(taken);
            }
        }
    }

    /// Locks all of these, or returns one that another call holds.
    fn try_all(&mut self, records: &[RecordId]) -> Option<RecordId> {
        let mut held = self.locks.0.held.lock();
        let taken = records.iter().find(|id| held.contains(id) && !self.records.contains(id));
        if taken.is_none() {
            held.extend(records);
            self.records.extend(records);
        }
        taken.copied()
    }
}

impl Drop for HeldLocks {
    fn drop(&mut self) {
        self.locks.0.held.lock().retain(|id| !self.records.contains(id));
        self.locks.0.released.notify_waiters();
    }
}
