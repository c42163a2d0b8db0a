use std::collections::HashMap;

use super::{
    event::Books,
    fifo::Fifo,
    ids::{LaneId, LaneIndex, LaneKind, RouteIndex, RowIndex},
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
    /// It was told to read no more.
    pub(super) is_told: bool,
    /// A refusal that waits for a ruling; whether it was worked out again.
    pub(super) refused: Option<(Box<Rejection>, bool)>,
    /// What has become of its records in this event.
    pub(super) books: Books,
    pub(super) is_touched: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// A record was abandoned, and the lane is told; nothing more is taken in.
    Closing,
    Draining {
        /// When it is looked whether something has come of its records.
        patience: Due,
        /// How many records were open at the last look.
        open: usize,
    },
    /// A drain that waits only for what can still take effect.
    CutShort,
}

#[derive(Debug, Default)]
pub(super) struct Lanes {
    by_id: HashMap<LaneId, LaneIndex>,
    pub(super) all: Slab<LaneKind, Lane>,
    /// Those whose records have changed in this event.
    pub(super) touched: Vec<LaneIndex>,
}

impl Lanes {
    pub(super) fn open(&mut self, id: LaneId, route: RouteIndex) -> LaneIndex {
        let (fifo, books) = (Fifo::default(), Books::default());
        let lane =
            Lane { id, route, fifo, phase: Phase::Open, is_told: false, refused: None, books, is_touched: false };
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

    /// The lane, noted as one whose records have changed.
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
