use super::ids::{PlaceIndex, RouteIndex};

/// The rows that a valve is about, and with that its name among the [valves](super::valve).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    Route(RouteIndex),
    Place(PlaceIndex),
    /// The rows of a place that the org does not take for now.
    Parked(PlaceIndex),
    /// The rows for which the org has no room.
    Storage,
}
