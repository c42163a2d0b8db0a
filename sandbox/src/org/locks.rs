//! Parents that are locked, each by the call whose rows name it.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Inner, execute};
use crate::{
    http::{Call, Request, RowError},
    rows::Forced,
    value::RecordId,
};

#[derive(Debug, Default)]
pub(crate) struct Locks(Mutex<HashSet<RecordId>>);

/// What one call has locked; dropping it lets go.
#[derive(Debug)]
pub(super) struct Locked {
    org: Arc<Inner>,
    parents: HashSet<RecordId>,
}

impl Locked {
    /// Rows whose parents are another call's are to fail. A call that cannot be read locks nothing.
    pub(super) fn take(org: &Arc<Inner>, call: &Call, request: &Request, forced: &mut Forced) -> Self {
        let rows = if org.settings().parent_locks { execute::parents(org, call, request) } else { Vec::new() };
        let mut locked = Self { org: org.clone(), parents: HashSet::new() };
        let mut all = org.locks.lock();
        for (row, parents) in rows.into_iter().enumerate() {
            if let Some(id) = parents.iter().find(|id| all.contains(id) && !locked.parents.contains(id)) {
                // Quoted.
                let message = format!("unable to obtain exclusive access to this record or 1 records: {id}");
                forced.rows.insert(row, RowError::new("UNABLE_TO_LOCK_ROW", message, &[]));
                continue;
            }
            all.extend(parents.iter().copied());
            locked.parents.extend(parents);
        }
        drop(all);
        locked
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        self.org.locks.lock().retain(|id| !self.parents.contains(id));
    }
}

impl Locks {
    fn lock(&self) -> MutexGuard<'_, HashSet<RecordId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
