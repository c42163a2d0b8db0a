//! The locks of a collection's rows: on the parents that they name, and on the records that they change.

use std::time::Duration;

use super::execute;
use crate::{
    org::{HeldLocks, Org},
    protocol::{Call, Request, RowError},
    rows::Forced,
};

/// Locks the records of each row of a call, in the order of the rows, besides those that are held. A row whose records are still locked by another call after
/// `lock_wait_ms` is added to the rows that fail. A call that cannot be read locks nothing.
pub(super) async fn lock_rows(org: &Org, held: &mut HeldLocks, call: &Call, request: &Request, forced: &mut Forced) {
    let locks = org.settings().locks;
    if !locks.parent_locks {
        return;
    }
    let wait = Duration::from_millis(locks.lock_wait_ms);
    for (row, records) in execute::locked_records(org, call, request).into_iter().enumerate() {
        if let Some(id) = held.wait_for(records, wait).await {
            // Quoted.
            let message = format!("unable to obtain exclusive access to this record or 1 records: {id}");
            forced.rows.insert(row, RowError::new("UNABLE_TO_LOCK_ROW", message, &[]));
        }
    }
}
