use std::time::Duration;

use super::cost::Cost;
use crate::config::{InsertUnknown, OnQuota, Retry};

/// The settings of the core.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The most rows and bytes of one call.
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    /// The time for which the oldest row of a call that is not full waits for others.
    pub(crate) linger: Duration,
    pub(crate) retry: Retry,
    /// The time from the end of an attempt of unknown result to its repetition.
    pub(crate) unknown_hold: Duration,
    /// The time that the org may take for a call.
    pub(crate) timeout: Duration,
    pub(crate) insert_unknown: InsertUnknown,
    pub(crate) on_quota: OnQuota,
    /// The time between two attempts of a row that the org has no room for.
    pub(crate) parked: Duration,
    /// The largest share of the budget that rows which wait for a missing parent may hold, with the later rows of their
    /// identities.
    pub(crate) missing_parents: Cost,
    /// The number of records in a lane's FIFO at which its first record is expedited.
    pub(crate) ahead: usize,
    /// The time that a drain waits without progress before it gives up.
    pub(crate) patience: Duration,
}
