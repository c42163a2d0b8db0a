//! How much may be in flight, in rows and in bytes, over all lanes.
//!
//! A lane reads one record and takes its seat before it reads the next: the whole daemon holds at most the budget and
//! one record for each lane. A seat is taken before a gate entry and never while one is held, so nothing deadlocks. It is
//! given back when the record is settled.

use std::{iter::Sum, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

#[derive(Debug, Clone)]
pub struct Budget {
    rows: Arc<Semaphore>,
    units: Arc<Semaphore>,
    all: Load,
    /// What this is a part of: its seats count there, too.
    whole: Option<Box<Self>>,
}

/// How much some records take of the budget: rows, and bytes by the KiB.
#[derive(Debug, Clone, Copy, Default)]
pub struct Load {
    rows: u32,
    units: u32,
}

/// The share of one record. Dropping it gives it back.
#[derive(Debug)]
pub struct Seat {
    load: Load,
    /// Held, never looked at: rows and bytes, of the budget and of its part.
    _held: [Option<[OwnedSemaphorePermit; 2]>; 2],
}

impl Load {
    pub fn exceeds(self, most: Self) -> bool {
        self.rows > most.rows || self.units > most.units
    }
}

impl Sum for Load {
    fn sum<I: Iterator<Item = Self>>(loads: I) -> Self {
        loads.fold(Self::default(), |sum, load| Self {
            rows: sum.rows.saturating_add(load.rows),
            units: sum.units.saturating_add(load.units),
        })
    }
}

impl Budget {
    /// A semaphore counts to `u32::MAX`: bytes are counted by the KiB.
    const UNIT: usize = 1024;

    pub fn new(rows: usize, bytes: usize) -> Self {
        let number = |size: usize| u32::try_from(size.max(1)).unwrap_or(u32::MAX);
        Self::of(Load { rows: number(rows), units: number(bytes / Self::UNIT) }, None)
    }

    /// All of them, free or not.
    pub fn rows(&self) -> usize {
        self.all.rows as usize
    }

    fn of(all: Load, whole: Option<Box<Self>>) -> Self {
        let semaphore = |permits: u32| Arc::new(Semaphore::new((permits as usize).min(Semaphore::MAX_PERMITS)));
        Self { rows: semaphore(all.rows), units: semaphore(all.units), all, whole }
    }

    /// Three quarters, for one of several: it leaves the rest to the others even if all of its own waits.
    #[must_use]
    pub fn part(&self) -> Self {
        let most = |all: u32| (all - all / 4).max(1);
        let all = Load { rows: most(self.all.rows), units: most(self.all.units) };
        Self::of(all, Some(Box::new(self.clone())))
    }

    /// Another part of the same size; what is no part is one for all.
    #[must_use]
    pub fn fresh(&self) -> Self {
        self.whole.as_ref().map_or_else(|| self.clone(), |whole| whole.part())
    }

    pub fn half(&self) -> Load {
        Load { rows: self.all.rows / 2, units: self.all.units / 2 }
    }

    /// A seat for a record of `bytes`. One that is larger than the whole budget passes alone.
    pub async fn seat(&self, bytes: usize) -> Seat {
        let (mut load, own) = self.take(bytes).await;
        let mut whole = None;
        if let Some(budget) = &self.whole {
            let taken = budget.take(bytes).await;
            load = taken.0;
            whole = Some(taken.1);
        }
        Seat { load, _held: [Some(own), whole] }
    }

    async fn take(&self, bytes: usize) -> (Load, [OwnedSemaphorePermit; 2]) {
        let units = u32::try_from(bytes.div_ceil(Self::UNIT)).unwrap_or(u32::MAX).min(self.all.units);
        let load = Load { rows: 1, units };
        let row = self.rows.clone().acquire_owned().await;
        let units = self.units.clone().acquire_many_owned(units).await;
        match (row, units) {
            (Ok(row), Ok(units)) => (load, [row, units]),
            // The semaphores are never closed.
            _ => std::future::pending().await,
        }
    }
}

impl Seat {
    pub fn load(&self) -> Load {
        self.load
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
    fn a_part_leaves_a_quarter_to_others() {
        let budget = Budget::new(4, 1 << 20);
        let part = budget.part();
        let held: Vec<_> = (0..3).map(|_| part.seat(1).now_or_never().unwrap()).collect();
        assert!(part.seat(1).now_or_never().is_none());
        let other = budget.seat(1).now_or_never().unwrap();
        assert!(part.fresh().seat(1).now_or_never().is_none(), "the whole is taken");
        drop(held);
        assert!(part.seat(1 << 30).now_or_never().is_none(), "there is another one");
        drop(other);
        let _large = part.seat(1 << 30).now_or_never().unwrap();
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
