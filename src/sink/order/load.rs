use super::cost::{Change, Cost};

/// The budget that the rows of a route hold.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// The change of what is working, in this event.
    pub(super) working: Change,
    pub(super) stalled: Cost,
    /// The route reads no further.
    pub(super) is_barred: bool,
    /// What is stalled holds more than the route's share.
    pub(super) is_above_share: bool,
    /// There is something to report of this event.
    pub(super) is_touched: bool,
}
