use std::collections::{HashMap, VecDeque};

use super::{
    ids::{GroupIndex, PlaceIndex, PlaceKind, QueueIndex},
    moment::Moment,
    slab::Slab,
    valve::Valve,
};
use crate::record::PlaceName;

/// An SObject, an action and a key field: what the org refuses as one, and what takes its time as one.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) name: PlaceName,
    /// The queues of its rows: one for each set of call options.
    pub(super) queues: Vec<QueueIndex>,
    /// The number of its rows, in any state.
    pub(super) rows: usize,
    /// Closed while the org refuses the place.
    pub(super) refused: Valve,
    /// Groups that wait until the place opens, in order.
    pub(super) barred: VecDeque<GroupIndex>,
    /// Closed while the org does not take some of its rows for now.
    pub(super) parked: Valve,
    /// The org has no room for the records that the place creates. Counts while the storage's valve is closed.
    pub(super) is_full: bool,
    pub(super) speed: Speed,
    /// The time at which a probe opened the place last.
    pub(super) reopened: Option<Moment>,
    /// The number of calls in a row that were refused since then.
    pub(super) refusals: u32,
}

/// How fast the org answers the calls of a place.
#[derive(Debug, Default)]
pub(super) struct Speed {
    /// A call of the place has taken long, or has been on the wire for long.
    pub(super) is_slow: bool,
    pub(super) slow_since: Moment,
    /// The number of time-outs since the last answer.
    pub(super) timeouts: u32,
    /// The number of answers since the place was new, or slow.
    pub(super) answers: u32,
    /// The time of its last call.
    pub(super) last_sent: Option<Moment>,
    /// After a call that took long, and while others need all permits but one, the place has no call until then.
    pub(super) rests_until: Moment,
}

/// All places that had a row since the core was made: at most a few for each route.
#[derive(Debug, Default)]
pub(super) struct Places {
    by_name: HashMap<PlaceName, PlaceIndex>,
    pub(super) all: Slab<PlaceKind, Place>,
}

impl Places {
    /// Returns the place of this name, a new one if there was none.
    pub(super) fn of_name(&mut self, name: PlaceName) -> PlaceIndex {
        let Self { by_name, all } = self;
        *by_name.entry(name).or_insert_with_key(|name| {
            all.insert(Place {
                name: name.clone(),
                queues: Vec::new(),
                rows: 0,
                refused: Valve::default(),
                barred: VecDeque::new(),
                parked: Valve::default(),
                is_full: false,
                speed: Speed::default(),
                reopened: None,
                refusals: 0,
            })
        })
    }

    pub(super) fn get_mut(&mut self, index: PlaceIndex) -> Option<&mut Place> {
        self.all.get_mut(index)
    }

    /// Returns whether the org refuses the place.
    pub(super) fn is_refused(&self, index: PlaceIndex) -> bool {
        self.all.get(index).is_some_and(|place| place.refused.is_closed())
    }

    /// Notes that the org has room for the records of all places.
    pub(super) fn nothing_is_full(&mut self) {
        for place in self.all.iter_mut() {
            place.is_full = false;
        }
    }
}
