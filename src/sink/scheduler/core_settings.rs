use std::time::Duration;

use crate::{
    mutation::{self, Mutation},
    sink::{RouteCounts, batcher, budget::Budget, lane::MAX_AHEAD, order},
};

/// How long a drain waits without progress (org down, no lease, stuck records) before it gives up.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// The settings of the core, out of the batcher's and the budget that the routes share.
pub(crate) fn core_settings(settings: batcher::Settings, budget: &Budget, routes: RouteCounts) -> order::Settings {
    let batcher::Settings { rows, bytes, linger, retry, unknown_hold, timeout, insert_unknown, on_quota, parked } =
        settings;
    order::Settings {
        rows,
        bytes,
        linger,
        retry,
        // As a bug on request: a call of unknown result is repeated at once.
        unknown_hold: if mutation::on(Mutation::Hold) { Duration::ZERO } else { unknown_hold },
        timeout,
        insert_unknown,
        on_quota,
        parked,
        missing_parents: budget.shares(routes.all, routes.with_breaker).children.into(),
        ahead: MAX_AHEAD.saturating_add(budget.rows()),
        patience: PATIENCE,
    }
}
