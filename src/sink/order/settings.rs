use std::time::Duration;

use super::cost::Cost;
use crate::config::{InsertUnknown, OnQuota, Retry};

#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Rows and bytes of one call.
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    /// How long the oldest row of a call that is not full waits for others.
    pub(crate) linger: Duration,
    pub(crate) retry: Retry,
    /// From the end of an attempt of unknown result to its repetition.
    pub(crate) unknown_hold: Duration,
    /// How long the org may take for a call.
    pub(crate) timeout: Duration,
    pub(crate) insert_unknown: InsertUnknown,
    pub(crate) on_quota: OnQuota,
    /// Between two attempts of a row that the org has no room for.
    pub(crate) parked: Duration,
    /// The most that rows may hold of the budget which wait for a missing parent, and those after them.
    pub(crate) missing_parents: Cost,
    /// The most records of one lane that are in flight, or after one that is: its first record is in their way then.
    pub(crate) ahead: usize,
    /// How long a drain waits without progress before it gives up.
    pub(crate) patience: Duration,
}
