use std::time::Duration;

use crate::{
    config::{InsertUnknown, OnQuota, Retry},
    mutation::{self, Mutation},
    runtime::backoff::Backoff,
    sink::order::{self, Cost},
};

/// The time that a drain waits without progress (org down, no lease, stuck records) before it gives up.
pub(in crate::sink) const PATIENCE: Duration = Duration::from_secs(10);

/// The number of records that may be settled after one that is not: their offsets wait in memory. Beside them there may
/// be all that the budget has permits for.
pub const MAX_AHEAD: usize = 8_192;

/// The waits before the probes of a place that the org refuses.
const PLACE_PROBES: Backoff = Backoff { initial: Duration::from_secs(1), max: Duration::from_secs(5 * 60) };
/// The least time between the probes of two places while more than ten are refused.
const PROBE_SPACING: Duration = Duration::from_secs(10);
/// A call takes long from this time on: Salesforce limits how many of these run at once.
const LONG_CALL: Duration = Duration::from_secs(15);

/// The settings of the calls.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The most rows and bytes of one call.
    pub rows: usize,
    pub bytes: usize,
    /// The time for which the oldest row of a call that is not full waits for others.
    pub linger: Duration,
    pub retry: Retry,
    /// The time from the end of an attempt of unknown result to its repetition.
    pub unknown_hold: Duration,
    /// The time that the org may take for a call.
    pub timeout: Duration,
    pub insert_unknown: InsertUnknown,
    pub on_quota: OnQuota,
    /// The first wait before a probe of rows that the org does not take for now, or has no room for.
    pub parked: Duration,
    /// The most calls that may be under way.
    pub calls: usize,
}

impl Settings {
    /// The settings of the core. `stalled`: the budget of rows that wait for something. `budget_rows`: the rows of the
    /// budget of those that do not.
    pub(in crate::sink) fn of_core(self, stalled: Cost, budget_rows: usize) -> order::Settings {
        let Self { rows, bytes, linger, retry, unknown_hold, timeout, insert_unknown, on_quota, parked, calls } = self;
        order::Settings {
            rows,
            bytes,
            linger,
            retry,
            // The mutation `hold`: a call of unknown result is repeated at once.
            unknown_hold: if mutation::on(Mutation::Hold) { Duration::ZERO } else { unknown_hold },
            timeout,
            insert_unknown,
            on_quota,
            parked,
            place_probes: PLACE_PROBES,
            probe_spacing: PROBE_SPACING,
            stalled,
            calls,
            long_call: LONG_CALL,
            ahead: MAX_AHEAD.saturating_add(budget_rows),
            patience: PATIENCE,
        }
    }
}
