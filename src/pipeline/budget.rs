//! How much may be in flight, in rows and in bytes, over all lanes.
//!
//! A lane reads one record and takes its seat before it reads the next: the whole daemon holds at most the budget and
//! one record for each lane. A seat is taken before a gate entry and never while one is held, so nothing deadlocks. It is
//! given back when the record is settled.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[derive(Debug, Clone)]
pub struct Budget {
    rows: Arc<Semaphore>,
    units: Arc<Semaphore>,
    all_units: u32,
}

/// The share of one record. Dropping it gives it back.
#[derive(Debug)]
pub struct Seat {
    _row: OwnedSemaphorePermit,
    _units: OwnedSemaphorePermit,
}

impl Budget {
    /// A semaphore counts to `u32::MAX`: bytes are counted by the KiB.
    const UNIT: usize = 1024;

    pub fn new(rows: usize, bytes: usize) -> Self {
        let all_units = u32::try_from((bytes / Self::UNIT).max(1)).unwrap_or(u32::MAX);
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.clamp(1, Semaphore::MAX_PERMITS)));
        Self { rows: semaphore(rows), units: semaphore(all_units as usize), all_units }
    }

    /// A seat for a record of `bytes`. One that is larger than the whole budget passes alone.
    pub async fn seat(&self, bytes: usize) -> Seat {
        let units = u32::try_from(bytes.div_ceil(Self::UNIT)).unwrap_or(u32::MAX).min(self.all_units);
        let row = self.rows.clone().acquire_owned().await;
        let units = self.units.clone().acquire_many_owned(units).await;
        match (row, units) {
            (Ok(_row), Ok(_units)) => Seat { _row, _units },
            // The semaphores are never closed.
            _ => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn rows_and_bytes_are_both_bounds() {
        let budget = Budget::new(2, 10 * 1024);
        let seat = |bytes| budget.seat(bytes).now_or_never();
        let first = seat(6 * 1024).unwrap();
        assert!(seat(5 * 1024).is_none());
        let _second = seat(4 * 1024).unwrap();
        drop(first);
        assert!(seat(6 * 1024).is_some());
        let _third = seat(1).unwrap();
        assert!(seat(1).is_none(), "a third row");
    }

    #[test]
    fn a_record_larger_than_the_budget_passes_alone() {
        let budget = Budget::new(10, 4 * 1024);
        let small = budget.seat(1).now_or_never().unwrap();
        assert!(budget.seat(1 << 30).now_or_never().is_none());
        drop(small);
        let _large = budget.seat(1 << 30).now_or_never().unwrap();
        assert!(budget.seat(1).now_or_never().is_none());
    }
}
