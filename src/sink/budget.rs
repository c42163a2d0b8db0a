//! The budget of what may be in flight, in rows and in bytes, over all lanes.
//!
//! A lane reads one record and takes its permit before it reads the next: the whole daemon holds at most the budget and
//! one record for each lane. A permit is taken before the record is submitted to the scheduler, so that no record waits
//! for the budget while it keeps its identity, and nothing deadlocks. It is given back when the record has ended.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::order::Cost;

/// Counts rows and bytes in flight.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Limits>);

#[derive(Debug)]
struct Limits {
    rows: Semaphore,
    /// Bytes, by the KiB: a semaphore counts to `u32::MAX`.
    units: Semaphore,
    all: Cost,
    /// The budget that this one is a part of: its permits count there, too.
    whole: Option<Budget>,
}

/// Limits for records that may wait for long, so that all of them together leave room for others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shares {
    /// The limit of each route with a breaker: three quarters of the budget together, if there are other routes.
    pub(super) breaker: Cost,
    /// The limit of rows whose parents are missing: half of what the breakers leave.
    pub(super) children: Cost,
}

/// A permit for one record's share of the budget. Dropping it gives the share back.
#[derive(Debug)]
pub(super) struct BudgetPermit {
    budget: Budget,
    cost: Cost,
}

impl Budget {
    const UNIT: usize = 1024;

    pub fn new(rows: usize, bytes: usize) -> Self {
        let number = |size: usize| u32::try_from(size.max(1)).unwrap_or(u32::MAX);
        Self::of(Cost { rows: number(rows), units: number(bytes / Self::UNIT) }, None)
    }

    /// The number of rows, free or taken.
    pub fn rows(&self) -> usize {
        self.0.all.rows as usize
    }

    fn of(all: Cost, whole: Option<Self>) -> Self {
        let semaphore = |permits: u32| Semaphore::new((permits as usize).min(Semaphore::MAX_PERMITS));
        Self(Arc::new(Limits { rows: semaphore(all.rows), units: semaphore(all.units), all, whole }))
    }

    /// A budget of at most `most`, whose permits count in this one as well.
    #[must_use]
    pub(super) fn sub_budget(&self, most: Cost) -> Self {
        Self::of(most, Some(self.clone()))
    }

    /// The shares of a budget that `routes` routes use, of which `breakers` have a breaker.
    pub(super) fn shares(&self, routes: usize, breakers: usize) -> Shares {
        let all = self.0.all;
        if routes <= 1 || breakers == 0 {
            return Shares { breaker: all, children: all.divided_by(2) };
        }
        Shares { breaker: all.three_quarters().divided_by(breakers), children: all.divided_by(8) }
    }

    /// Waits for a permit for a record of `bytes`. One that is larger than the whole budget passes alone. Cancel-safe.
    pub(super) async fn acquire(&self, bytes: usize) -> BudgetPermit {
        let units = u32::try_from(bytes.div_ceil(Self::UNIT)).unwrap_or(u32::MAX);
        let mut cost = Cost { rows: 1, units: units.min(self.0.all.units) };
        let own = self.0.take(units).await;
        if let Some(whole) = &self.0.whole {
            let taken = whole.0.take(units).await;
            cost.units = units.min(whole.0.all.units);
            taken.into_iter().for_each(SemaphorePermit::forget);
        }
        own.into_iter().for_each(SemaphorePermit::forget);
        BudgetPermit { budget: self.clone(), cost }
    }

    /// Gives back what permits held.
    pub(super) fn give_back(&self, cost: Cost) {
        let Limits { rows, units, all, whole } = &*self.0;
        rows.add_permits(cost.rows as usize);
        // A row that is larger than all of a budget has taken all of it, and no other row was in it then.
        units.add_permits(cost.units.min(all.units) as usize);
        if let Some(whole) = whole {
            whole.give_back(cost);
        }
    }
}

impl Limits {
    async fn take(&self, units: u32) -> [SemaphorePermit<'_>; 2] {
        let units = units.min(self.all.units);
        // The common case does not wait. Where others wait, nothing is left over for this.
        if let (Ok(row), Ok(units)) = (self.rows.try_acquire(), self.units.try_acquire_many(units)) {
            return [row, units];
        }
        let row = self.rows.acquire().await;
        let units = self.units.acquire_many(units).await;
        match (row, units) {
            (Ok(row), Ok(units)) => [row, units],
            // The semaphores are never closed.
            _ => std::future::pending().await,
        }
    }
}

impl BudgetPermit {
    /// Leaves it to [`Budget::give_back`] to give the permit back. Returns the bytes that it holds, by the KiB.
    pub(super) fn hand_over(mut self) -> u32 {
        std::mem::take(&mut self.cost).units
    }
}

impl Drop for BudgetPermit {
    fn drop(&mut self) {
        self.budget.give_back(self.cost);
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
