//! The budget of what may be in flight, in rows and in bytes, over all lanes.
//!
//! A lane reads one record and takes its permit before it reads the next: the whole daemon holds at most the budget and
//! one record for each lane. A permit is taken before the record is submitted to the scheduler, so that no record waits
//! for the budget while it keeps its identity, and nothing deadlocks. It is given back when the record has ended.

use std::{iter::Sum, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::order;

/// Counts rows and bytes in flight.
#[derive(Debug, Clone)]
pub struct Budget {
    rows: Arc<Semaphore>,
    units: Arc<Semaphore>,
    all: Cost,
    /// The budget that this one is a part of: its permits count there, too.
    whole: Option<Box<Self>>,
}

/// A share of the budget: rows, and bytes in KiB.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cost {
    rows: u32,
    units: u32,
}

/// Limits for records that may wait for long, so that all of them together leave room for others.
#[derive(Debug, Clone, Copy)]
pub struct Shares {
    /// The limit of each route with a breaker: three quarters of the budget together, if there are other routes.
    pub breaker: Cost,
    /// The limit of rows whose parents are missing: half of what the breakers leave.
    pub children: Cost,
}

/// A permit for one record's share of the budget. Dropping it gives the share back.
#[derive(Debug)]
pub struct BudgetPermit {
    cost: Cost,
    /// Permits for rows and bytes, of the budget and of the one that it is a part of; held and never read.
    _held: [Option<[OwnedSemaphorePermit; 2]>; 2],
}

impl Cost {
    /// Returns whether the rows or the bytes are more than those of `most`.
    pub fn exceeds(self, most: Self) -> bool {
        self.rows > most.rows || self.units > most.units
    }

    fn three_quarters(self) -> Self {
        Self { rows: self.rows - self.rows / 4, units: self.units - self.units / 4 }
    }

    /// An equal part, of at least one row and one KiB.
    fn divided_by(self, parts: usize) -> Self {
        let parts = u32::try_from(parts).unwrap_or(u32::MAX);
        Self { rows: (self.rows / parts).max(1), units: (self.units / parts).max(1) }
    }
}

impl From<Cost> for order::Cost {
    fn from(Cost { rows, units }: Cost) -> Self {
        Self { rows, units }
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::default(), |sum, cost| Self {
            rows: sum.rows.saturating_add(cost.rows),
            units: sum.units.saturating_add(cost.units),
        })
    }
}

impl Budget {
    /// The unit of bytes: a semaphore counts to `u32::MAX`, so that bytes are counted in KiB.
    const UNIT: usize = 1024;

    pub fn new(rows: usize, bytes: usize) -> Self {
        let number = |size: usize| u32::try_from(size.max(1)).unwrap_or(u32::MAX);
        Self::of(Cost { rows: number(rows), units: number(bytes / Self::UNIT) }, None)
    }

    /// The number of rows, free or taken.
    pub fn rows(&self) -> usize {
        self.all.rows as usize
    }

    fn of(all: Cost, whole: Option<Box<Self>>) -> Self {
        let semaphore = |permits: u32| Arc::new(Semaphore::new((permits as usize).min(Semaphore::MAX_PERMITS)));
        Self { rows: semaphore(all.rows), units: semaphore(all.units), all, whole }
    }

    /// A budget of at most `most`, whose permits count in this one as well.
    #[must_use]
    pub fn sub_budget(&self, most: Cost) -> Self {
        Self::of(most, Some(Box::new(self.clone())))
    }

    /// The shares of a budget that `routes` routes use, of which `breakers` have a breaker.
    pub fn shares(&self, routes: usize, breakers: usize) -> Shares {
        if routes <= 1 || breakers == 0 {
            return Shares { breaker: self.all, children: self.all.divided_by(2) };
        }
        Shares { breaker: self.all.three_quarters().divided_by(breakers), children: self.all.divided_by(8) }
    }

    /// A permit for a record of `bytes`. One that is larger than the whole budget passes alone.
    pub async fn acquire(&self, bytes: usize) -> BudgetPermit {
        let (mut cost, own) = self.take(bytes).await;
        let mut whole = None;
        if let Some(budget) = &self.whole {
            let taken = budget.take(bytes).await;
            cost = taken.0;
            whole = Some(taken.1);
        }
        BudgetPermit { cost, _held: [Some(own), whole] }
    }

    /// Gives back the shares of permits that were handed over: the rows, and the bytes in KiB.
    pub(super) fn give_back(&self, rows: u32, units: u32) {
        self.rows.add_permits(rows as usize);
        // A row that is larger than all of a budget has taken all of it, and no other row was in it then.
        self.units.add_permits(units.min(self.all.units) as usize);
        if let Some(whole) = &self.whole {
            whole.give_back(rows, units);
        }
    }

    async fn take(&self, bytes: usize) -> (Cost, [OwnedSemaphorePermit; 2]) {
        let units = u32::try_from(bytes.div_ceil(Self::UNIT)).unwrap_or(u32::MAX).min(self.all.units);
        let cost = Cost { rows: 1, units };
        let row = self.rows.clone().acquire_owned().await;
        let units = self.units.clone().acquire_many_owned(units).await;
        match (row, units) {
            (Ok(row), Ok(units)) => (cost, [row, units]),
            // The semaphores are never closed.
            _ => std::future::pending().await,
        }
    }
}

impl BudgetPermit {
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// Keeps the share taken until [`Budget::give_back`]. Returns its bytes, in KiB.
    pub(super) fn hand_over(self) -> u32 {
        let Self { cost, _held: held } = self;
        held.into_iter().flatten().flatten().for_each(OwnedSemaphorePermit::forget);
        cost.units
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn the_budget_bounds_rows_and_bytes() {
        let budget = Budget::new(2, 10 * 1024);
        let acquire = |bytes| budget.acquire(bytes).now_or_never();
        let first = acquire(6 * 1024).unwrap();
        assert!(acquire(5 * 1024).is_none());
        let _second = acquire(4 * 1024).unwrap();
        drop(first);
        assert!(acquire(6 * 1024).is_some());
        let _third = acquire(1).unwrap();
        assert!(acquire(1).is_none(), "a third row");
    }

    #[test]
    fn waiting_records_leave_room_in_the_budget_for_others() {
        let budget = Budget::new(16, 1 << 20);
        let shares = budget.shares(3, 2);
        let parts = [(); 2].map(|()| budget.sub_budget(shares.breaker));
        let held: Vec<_> =
            parts.iter().flat_map(|part| (0..6).map(|_| part.acquire(1).now_or_never().unwrap())).collect();
        assert!(parts.iter().all(|part| part.acquire(1).now_or_never().is_none()));
        assert_eq!(shares.children.rows, 2, "of four");
        let others: Vec<_> = (0..4).map(|_| budget.acquire(1).now_or_never().unwrap()).collect();
        assert!(budget.sub_budget(shares.breaker).acquire(1).now_or_never().is_none(), "the whole is taken");
        drop(held);
        assert!(parts[0].acquire(1 << 30).now_or_never().is_none(), "there are others");
        drop(others);
        assert!(parts[0].acquire(1 << 30).now_or_never().is_some());
        let alone = budget.shares(1, 1);
        assert_eq!((alone.breaker.rows, alone.children.rows), (16, 8));
    }

    #[test]
    fn a_record_larger_than_the_budget_passes_alone() {
        let budget = Budget::new(10, 4 * 1024);
        let small = budget.acquire(1).now_or_never().unwrap();
        assert!(budget.acquire(1 << 30).now_or_never().is_none());
        drop(small);
        let _large = budget.acquire(1 << 30).now_or_never().unwrap();
        assert!(budget.acquire(1).now_or_never().is_none());
    }
}
