//! What the entries of the core's tables are called.

use super::slab::{Id, Index};

/// Each table has names of its own kind, so that one is never taken for another.
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

/// Names a lane. Each lane of the process has a number of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LaneId(pub(crate) u64);
