//! The names of the entries of the core's tables.

use super::slab::{Id, Index};

/// Defines a type of index for each table, so that an index of one is never used for another.
macro_rules! names {
    ($($kind:ident $index:ident),* $(,)?) => {
        $(
            #[derive(Debug)]
            pub(crate) enum $kind {}
            pub(crate) type $index = Index<$kind>;
        )*
    };
}

names! {
    RowKind RowIndex,
    IdentityKind IdentityIndex,
    ParentKind ParentIndex,
    QueueKind QueueIndex,
    PlaceKind PlaceIndex,
    GroupKind GroupIndex,
    CallKind CallIndex,
    TrialKind TrialIndex,
    LaneKind LaneIndex,
    RouteKind RouteIndex,
}

/// Names a row outside of the core.
pub(crate) type RowId = Id<RowKind>;

/// Names a call outside of the core.
pub(crate) type CallId = Id<CallKind>;

/// Names a lane by a number that no other lane of the process ever has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LaneId(pub(crate) u64);
