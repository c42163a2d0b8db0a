use std::collections::BTreeSet;

use super::{moment::Moment, scope::Scope, waits::Due};

/// The pace of the probes of all valves but those of routes.
#[derive(Debug, Default)]
pub(super) struct ProbePace {
    /// The number of closed valves, and the number of those with a probe under way.
    pub(super) closed: usize,
    pub(super) under_way: usize,
    /// The time at which the next probe may begin while many valves are closed.
    pub(super) next: Moment,
    /// Valves whose probes are due and wait for their turn, the first one first.
    pub(super) due: BTreeSet<(Due, Scope)>,
    /// The wait for `next`.
    pub(super) wait: Option<Due>,
}
