use std::time::Duration;

use crate::{
    config::{InsertUnknown, OnQuota, Retry},
    mutation::{self, Mutation},
    sink::order::{self, Cost},
};

/// The time that a drain waits without progress (org down, no lease, stuck records) before it gives up.
pub(in crate::sink) const PATIENCE: Duration = Duration::from_secs(10);

/// The number of records that may be settled after one that is not: their offsets wait in memory. Beside them there may
/// be all that the budget has permits for.
pub const MAX_AHEAD: usize = 8_192;

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
    /// The time between two attempts of a row that the org has no room for.
    pub parked: Duration,
}

impl Settings {
    /// The settings of the core. `missing_parents`: the largest share of the budget that rows which wait for a missing
    /// parent may hold, with the later rows of their identities. `budget_rows`: the rows of the budget.
    pub(in crate::sink) fn of_core(self, missing_parents: Cost, budget_rows: usize) -> order::Settings {
        let Self { rows, bytes, linger, retry, unknown_hold, timeout, insert_unknown, on_quota, parked } = self;
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
            missing_parents,
            ahead: MAX_AHEAD.saturating_add(budget_rows),
            patience: PATIENCE,
        }
    }
}
