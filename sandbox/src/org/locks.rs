//! Records that are locked, each by the call whose rows change it or name it as a parent.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use super::{Inner, execute};
use crate::{
    http::{Call, Request, RowError},
    rows::Forced,
    value::RecordId,
};

#[derive(Debug, Default)]
pub(crate) struct Locks {
    held: Mutex<HashSet<RecordId>>,
    /// A call has let go.
    freed: Notify,
}

/// What one call has locked; dropping it lets go.
#[derive(Debug)]
pub(super) struct Locked {
    org: Arc<Inner>,
    records: HashSet<RecordId>,
}

impl Locked {
    /// The rows lock their records in their order, and each waits until what it needs is free, `lock_wait_ms` at most;
    /// then it is to fail. A call that cannot be read locks nothing.
    pub(super) async fn take(org: &Arc<Inner>, call: &Call, request: &Request, forced: &mut Forced) -> Self {
        let settings = org.settings();
        let mut locked = Self { org: Arc::clone(org), records: HashSet::new() };
        if !settings.parent_locks {
            return locked;
        }
        let wait = Duration::from_millis(settings.lock_wait_ms);
        for (row, records) in execute::parents(org, call, request).into_iter().enumerate() {
            if let Some(id) = locked.wait_for(records, wait).await {
                // Quoted.
                let message = format!("unable to obtain exclusive access to this record or 1 records: {id}");
                forced.rows.insert(row, RowError::new("UNABLE_TO_LOCK_ROW", message, &[]));
            }
        }
        locked
    }

    /// Locks all of these, or returns one that another call still has when the wait is over.
    async fn wait_for(&mut self, records: Vec<RecordId>, wait: Duration) -> Option<RecordId> {
        let deadline = Instant::now() + wait;
        let org = Arc::clone(&self.org);
        loop {
            let freed = org.locks.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            let taken = self.try_all(&records)?;
            if wait.is_zero() || timeout_at(deadline, freed).await.is_err() {
                return Some(taken);
            }
        }
    }

    /// Locks all of these, or returns one that another call has.
    fn try_all(&mut self, records: &[RecordId]) -> Option<RecordId> {
        let mut held = self.org.locks.lock();
        let taken = records.iter().find(|id| held.contains(id) && !self.records.contains(id));
        if taken.is_none() {
            held.extend(records);
            self.records.extend(records);
        }
        taken.copied()
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        self.org.locks.lock().retain(|id| !self.records.contains(id));
        self.org.locks.freed.notify_waiters();
    }
}

impl Locks {
    fn lock(&self) -> MutexGuard<'_, HashSet<RecordId>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
