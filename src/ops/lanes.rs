use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::time::Instant;

/// The time at which the oldest unsettled record of one lane was read.
type Oldest = Arc<Mutex<Option<Instant>>>;

/// All lanes, for the age of their oldest record. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Lanes(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    lanes: Mutex<HashMap<u64, Oldest>>,
    next: AtomicU64,
}

/// The oldest unsettled record of one lane. Dropping it takes the lane out.
#[derive(Debug)]
pub struct LaneGauge {
    lanes: Lanes,
    lane: u64,
    oldest: Oldest,
}

impl Lanes {
    pub(super) fn track(&self) -> LaneGauge {
        let lane = self.0.next.fetch_add(1, Ordering::Relaxed);
        let oldest = Oldest::default();
        self.0.lanes.lock().insert(lane, oldest.clone());
        LaneGauge { lanes: self.clone(), lane, oldest }
    }

    /// The time at which the oldest unsettled record of all lanes was read.
    pub(super) fn oldest(&self) -> Option<Instant> {
        self.0.lanes.lock().values().filter_map(|oldest| *oldest.lock()).min()
    }

    pub(super) fn count(&self) -> usize {
        self.0.lanes.lock().len()
    }
}

impl LaneGauge {
    pub fn set_oldest(&self, since: Option<Instant>) {
        *self.oldest.lock() = since;
    }
}

impl Drop for LaneGauge {
    fn drop(&mut self) {
        self.lanes.0.lanes.lock().remove(&self.lane);
    }
}
