//! The locks of a collection's rows: on the parents that they name, and on the records that they change.

use std::time::Duration;

use super::execute;
use crate::{
    org::{HeldLocks, Org},
    protocol::{Call, Request, RowError},
    rows::Forced,
};

/// Locks the records of each row, in the order of the rows. A row whose records are still locked by another call after
/// `lock_wait_ms` is added to the rows that fail. A call that cannot be read locks nothing.
pub(super) async fn lock_rows(org: &Org, call: &Call, request: &Request, forced: &mut Forced) -> HeldLocks {
    let locks = org.settings().locks;
    let mut held = org.locks.none();
    if !locks.parent_locks {
        return held;
    }
    let wait = Duration::from_millis(locks.lock_wait_ms);
    for (row, records) in execute::locked_records(org, call, request).into_iter().enumerate() {
        if let Some(id) = held.wait_for(records, wait).await {
            // Quoted.
            let message = format!("unable to obtain exclusive access to this record or 1 records: {id}");
            forced.rows.insert(row, RowError::new("UNABLE_TO_LOCK_ROW", message, &[]));
        }
    }
    held
}
