use std::time::Duration;

use super::cost::Cost;
use crate::{
    config::{InsertUnknown, OnQuota, Retry},
    runtime::backoff::Backoff,
};

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
    /// The first wait before a probe of rows that the org does not take for now, or has no room for.
    pub(crate) parked: Duration,
    /// The waits before the probes of a place that the org refuses, and the least time between the probes of two places
    /// while many are refused.
    pub(crate) place_probes: Backoff,
    pub(crate) probe_spacing: Duration,
    /// The budget of rows that wait for something, beside the budget of those that are ready or on the wire.
    pub(crate) stalled: Cost,
    /// The most calls that may be under way.
    pub(crate) calls: usize,
    /// A call takes long from this time on.
    pub(crate) long_call: Duration,
    /// The number of records in a lane's FIFO at which its first record is expedited.
    pub(crate) ahead: usize,
    /// The time that a drain waits without progress before it gives up.
    pub(crate) patience: Duration,
}
