use std::collections::HashMap;

use super::{
    event::OutcomeCounts,
    fifo::Fifo,
    ids::{LaneId, LaneIndex, LaneKind, QueueIndex, RouteIndex, RowIndex},
    slab::Slab,
    waits::Due,
};
use crate::record::Rejection;

/// A lane's records in flight.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) id: LaneId,
    pub(super) route: RouteIndex,
    pub(super) fifo: Fifo<RowIndex>,
    pub(super) phase: Phase,
    /// The lane was told to read no more.
    pub(super) must_drain: bool,
    /// A rejection that waits for a ruling, and whether its record was decoded and routed again.
    pub(super) refused: Option<(Box<Rejection>, bool)>,
    /// The outcomes of its records in this event.
    pub(super) books: OutcomeCounts,
    /// The lane is in [`Lanes::touched`].
    pub(super) is_touched: bool,
    /// The queue of its last row. It may be gone by now, and another one at its index.
    pub(super) last_queue: Option<QueueIndex>,
}

/// The phase of a lane's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// A record was abandoned, and the lane was told to read no more: nothing more is taken in.
    Closing,
    Draining {
        /// The time of the next check for progress.
        patience: Due,
        /// The number of open records at the last check.
        open: usize,
    },
    /// A drain that waits only for what can still take effect.
    CutShort,
}

#[derive(Debug, Default)]
pub(super) struct Lanes {
    by_id: HashMap<LaneId, LaneIndex>,
    pub(super) all: Slab<LaneKind, Lane>,
    /// Lanes whose records have changed in this event.
    pub(super) touched: Vec<LaneIndex>,
}

impl Lanes {
    pub(super) fn open(&mut self, id: LaneId, route: RouteIndex) -> LaneIndex {
        let lane = Lane {
            id,
            route,
            fifo: Fifo::default(),
            phase: Phase::Open,
            must_drain: false,
            refused: None,
            books: OutcomeCounts::default(),
            is_touched: false,
            last_queue: None,
        };
        let index = self.all.insert(lane);
        self.by_id.insert(id, index);
        index
    }

    pub(super) fn find(&self, id: LaneId) -> Option<LaneIndex> {
        self.by_id.get(&id).copied()
    }

    pub(super) fn get_mut(&mut self, index: LaneIndex) -> Option<&mut Lane> {
        self.all.get_mut(index)
    }

    pub(super) fn remove(&mut self, index: LaneIndex) -> Option<Lane> {
        let lane = self.all.remove(index)?;
        self.by_id.remove(&lane.id);
        Some(lane)
    }

    /// Returns the lane, and notes that its records have changed.
    pub(super) fn touch(&mut self, index: LaneIndex) -> Option<&mut Lane> {
        let lane = self.all.get_mut(index)?;
        if !std::mem::replace(&mut lane.is_touched, true) {
            self.touched.push(index);
        }
        Some(lane)
    }
}

impl Phase {
    pub(super) fn is_draining(self) -> bool {
        matches!(self, Self::Draining { .. } | Self::CutShort)
    }
}
