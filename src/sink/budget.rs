//! The budget of what may be in flight, in rows and in bytes, over all lanes.
//!
//! A lane reads one record and takes its permit before it reads the next: the whole daemon holds at most the budget and
//! one record for each lane. A permit is taken before the record is submitted to the scheduler, so that no record waits
//! for the budget while it keeps its identity, and nothing deadlocks. It is given back when the record has ended.
//!
//! The budget counts what is *working*. What the core reports as *stalled* counts in a second one, equally large, so that
//! rows which wait for something leave the room to others; beyond that it takes from the first one again. Lanes are
//! served in the order in which they wait, but:
//!
//! * a route that the core bars is passed over: its stalled rows hold more than its share, or it has read far ahead;
//! * a route that holds three quarters of the budget is passed over while another one waits;
//! * a record for which there is no room is passed by smaller ones for a second. After that nothing passes it.

use std::{
    collections::{BTreeMap, HashMap},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::order::{Change, Cost};

/// Counts rows and bytes in flight.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    all: Cost,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    working: Cost,
    /// The sum over all routes.
    stalled: Cost,
    routes: HashMap<Arc<str>, RouteCounts>,
    waiters: BTreeMap<u64, Waiter>,
    next: u64,
}

/// What one route holds.
#[derive(Debug, Default)]
struct RouteCounts {
    working: Cost,
    stalled: Cost,
    is_barred: bool,
    /// The number of its lanes that wait for a permit.
    waiting: usize,
}

/// A lane that waits for a permit.
#[derive(Debug)]
struct Waiter {
    route: Arc<str>,
    cost: Cost,
    since: Instant,
    is_granted: bool,
    waker: Option<Waker>,
}

/// The time for which a record that has no room is passed by smaller ones.
const PASSING: Duration = Duration::from_secs(1);

/// A permit for one record's share of the budget. Dropping it gives the share back.
#[derive(Debug)]
pub(super) struct BudgetPermit {
    budget: Budget,
    route: Arc<str>,
    cost: Cost,
}

/// Waits for a permit; a wait that is dropped gives back what it was granted.
struct Acquire<'b> {
    budget: &'b Budget,
    number: u64,
}

impl Budget {
    const UNIT: usize = 1024;

    /// Makes a budget of `rows` and `bytes` for what is working, and of as much for what is stalled.
    pub fn new(rows: usize, bytes: usize) -> Self {
        let number = |size: usize| u32::try_from(size.max(1)).unwrap_or(u32::MAX);
        let all = Cost { rows: number(rows), units: number(bytes / Self::UNIT) };
        Self(Arc::new(Shared { all, counts: Mutex::default() }))
    }

    /// The number of rows, free or taken.
    pub fn rows(&self) -> usize {
        self.0.all.rows as usize
    }

    /// The budget of what is working, and of what is stalled.
    pub(super) fn all(&self) -> Cost {
        self.0.all
    }

    /// Waits for a permit for a record of `bytes` of this route. One that is larger than the whole budget passes alone.
    /// Cancel-safe.
    pub(super) async fn acquire(&self, route: &Arc<str>, bytes: usize) -> BudgetPermit {
        let units = u32::try_from(bytes.div_ceil(Self::UNIT)).unwrap_or(u32::MAX);
        let cost = Cost { rows: 1, units: units.min(self.0.all.units) };
        let waits = {
            let mut counts = self.0.counts.lock();
            if counts.waiters.is_empty() && counts.admits(self.0.all, route, cost) {
                counts.take(route, cost);
                None
            } else {
                Some(counts.enter(route.clone(), cost))
            }
        };
        if let Some(number) = waits {
            let granted = Acquire { budget: self, number };
            // It may be smaller than those that wait already.
            self.0.counts.lock().grant(self.0.all);
            granted.await;
        }
        BudgetPermit { budget: self.clone(), route: route.clone(), cost }
    }

    /// Takes in what the core reports of a route.
    pub(super) fn report(&self, route: &Arc<str>, working: Change, stalled: Cost, is_barred: bool) {
        let mut counts = self.0.counts.lock();
        let entry = counts.routes.entry(route.clone()).or_default();
        entry.working.changes(working);
        let before = std::mem::replace(&mut entry.stalled, stalled);
        entry.is_barred = is_barred;
        counts.forget_unused(route);
        counts.working.changes(working);
        counts.stalled = counts.stalled.less(before);
        counts.stalled += stalled;
        counts.grant(self.0.all);
    }

    fn give_back(&self, route: &Arc<str>, cost: Cost) {
        let mut counts = self.0.counts.lock();
        if let Some(entry) = counts.routes.get_mut(route) {
            entry.working = entry.working.less(cost);
        }
        counts.forget_unused(route);
        counts.working = counts.working.less(cost);
        counts.grant(self.0.all);
    }
}

impl Counts {
    /// Returns whether a record of this cost may be taken now.
    fn admits(&self, all: Cost, route: &Arc<str>, cost: Cost) -> bool {
        let known = self.routes.get(route);
        if known.is_some_and(|route| route.is_barred) {
            return false;
        }
        // Routes that fail one after the other add up: what waits never takes more than both budgets.
        if known.is_some_and(|route| !route.stalled.is_zero()) && self.stalled.exceeds(all.plus(all)) {
            return false;
        }
        let own = known.map(|route| route.working).unwrap_or_default();
        let others_wait =
            self.routes.iter().any(|(name, other)| name != route && other.waiting > 0 && !other.is_barred);
        if others_wait && !own.is_zero() && own.plus(cost).exceeds(all.three_quarters()) {
            return false;
        }
        self.has_room(all, cost)
    }

    fn has_room(&self, all: Cost, cost: Cost) -> bool {
        // What is stalled beyond its own budget takes from this one.
        let room = all.less(self.stalled.less(all));
        self.working.is_zero() || !self.working.plus(cost).exceeds(room)
    }

    fn take(&mut self, route: &Arc<str>, cost: Cost) {
        self.working += cost;
        self.routes.entry(route.clone()).or_default().working += cost;
    }

    fn enter(&mut self, route: Arc<str>, cost: Cost) -> u64 {
        let number = self.next;
        self.next += 1;
        self.routes.entry(route.clone()).or_default().waiting += 1;
        let waiter = Waiter { route, cost, since: Instant::now(), is_granted: false, waker: None };
        self.waiters.insert(number, waiter);
        number
    }

    /// Grants permits to those that wait, as far as there is room.
    fn grant(&mut self, all: Cost) {
        // What one is granted may let another one go that has waited for longer.
        while self.grant_in_order(all) {}
    }

    /// Looks once at all that wait. Returns whether one was granted its permit.
    fn grant_in_order(&mut self, all: Cost) -> bool {
        let mut is_any_granted = false;
        let numbers: Vec<u64> = self.waiters.keys().copied().collect();
        for number in numbers {
            let Some(waiter) = self.waiters.get(&number).filter(|waiter| !waiter.is_granted) else { continue };
            let (route, cost, since) = (waiter.route.clone(), waiter.cost, waiter.since);
            if self.admits(all, &route, cost) {
                self.take(&route, cost);
                self.stops_waiting(&route);
                if let Some(waiter) = self.waiters.get_mut(&number) {
                    is_any_granted = true;
                    waiter.is_granted = true;
                    waiter.waker.take().into_iter().for_each(Waker::wake);
                }
            } else if !self.is_passed_over(&route) && !self.has_room(all, cost) && since.elapsed() >= PASSING {
                break;
            }
        }
        is_any_granted
    }

    fn is_passed_over(&self, route: &Arc<str>) -> bool {
        self.routes.get(route).is_some_and(|route| route.is_barred)
    }

    fn stops_waiting(&mut self, route: &Arc<str>) {
        if let Some(route) = self.routes.get_mut(route) {
            route.waiting = route.waiting.saturating_sub(1);
        }
    }

    fn forget_unused(&mut self, route: &Arc<str>) {
        let is_unused = |route: &RouteCounts| {
            route.working.is_zero() && route.stalled.is_zero() && route.waiting == 0 && !route.is_barred
        };
        if self.routes.get(route).is_some_and(is_unused) {
            self.routes.remove(route);
        }
    }
}

impl Future for Acquire<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut counts = self.budget.0.counts.lock();
        match counts.waiters.get_mut(&self.number) {
            Some(waiter) if !waiter.is_granted => {
                waiter.waker = Some(context.waker().clone());
                Poll::Pending
            }
            _ => {
                counts.waiters.remove(&self.number);
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        let mut counts = self.budget.0.counts.lock();
        let Some(waiter) = counts.waiters.remove(&self.number) else { return };
        if waiter.is_granted {
            drop(counts);
            self.budget.give_back(&waiter.route, waiter.cost);
            return;
        }
        counts.stops_waiting(&waiter.route);
        counts.forget_unused(&waiter.route);
        // It may have been what no other passed.
        counts.grant(self.budget.0.all);
    }
}

impl BudgetPermit {
    /// Leaves it to [`Budget::report`] to give the permit back. Returns the bytes that it holds, by the KiB.
    pub(super) fn hand_over(mut self) -> u32 {
        std::mem::take(&mut self.cost).units
    }
}

impl Drop for BudgetPermit {
    fn drop(&mut self) {
        if !self.cost.is_zero() {
            self.budget.give_back(&self.route, self.cost);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn route(name: &str) -> Arc<str> {
        name.into()
    }

    const KIB: usize = 1024;

    #[tokio::test(start_paused = true)]
    async fn the_budget_bounds_rows_and_bytes() {
        let (budget, a) = (Budget::new(2, 10 * KIB), route("a"));
        let acquire = |bytes| budget.acquire(&a, bytes).now_or_never();
        let first = acquire(6 * KIB).unwrap();
        assert!(acquire(5 * KIB).is_none());
        let _second = acquire(4 * KIB).unwrap();
        drop(first);
        assert!(acquire(6 * KIB).is_some());
        let _third = acquire(1).unwrap();
        assert!(acquire(1).is_none(), "a third row");
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_larger_than_the_budget_passes_alone() {
        let (budget, a) = (Budget::new(10, 4 * KIB), route("a"));
        let small = budget.acquire(&a, 1).now_or_never().unwrap();
        assert!(budget.acquire(&a, 1 << 30).now_or_never().is_none());
        drop(small);
        let _large = budget.acquire(&a, 1 << 30).now_or_never().unwrap();
        assert!(budget.acquire(&a, 1).now_or_never().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn small_records_pass_a_large_one_for_a_second_and_not_longer() {
        let (budget, a, b) = (Budget::new(100, 16 * KIB), route("a"), route("b"));
        let held = budget.acquire(&b, 12 * KIB).now_or_never().unwrap();
        let mut large = Box::pin(budget.acquire(&a, 5 * KIB));
        assert!(futures::poll!(large.as_mut()).is_pending());
        let small = budget.acquire(&route("c"), KIB).now_or_never().expect("it passes the large one");
        tokio::time::advance(PASSING).await;
        let mut late = Box::pin(budget.acquire(&b, KIB));
        assert!(futures::poll!(late.as_mut()).is_pending(), "nothing passes it any more");
        drop((held, small));
        assert!(futures::poll!(large.as_mut()).is_ready() && futures::poll!(late.as_mut()).is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn a_large_record_that_goes_away_lets_others_pass() {
        let (budget, a) = (Budget::new(100, 4 * KIB), route("a"));
        let _held = budget.acquire(&a, 3 * KIB).now_or_never().unwrap();
        let mut large = Box::pin(budget.acquire(&a, 3 * KIB));
        assert!(futures::poll!(large.as_mut()).is_pending());
        tokio::time::advance(PASSING).await;
        let mut small = Box::pin(budget.acquire(&a, KIB));
        assert!(futures::poll!(small.as_mut()).is_pending());
        drop(large);
        assert!(futures::poll!(small.as_mut()).is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_stalled_leaves_its_room_to_others_up_to_a_budget_of_its_own() {
        let (budget, a, b) = (Budget::new(4, 1 << 20), route("a"), route("b"));
        let take = |count: usize| {
            for _ in 0..count {
                budget.acquire(&a, 1).now_or_never().expect("there is room").hand_over();
            }
        };
        let stalls = |rows: u32, before: u32| {
            let moved = Change { rows: -i64::from(rows), units: -i64::from(rows) };
            let sum = rows + before;
            budget.report(&a, moved, Cost { rows: sum, units: sum }, false);
        };
        take(4);
        assert!(budget.acquire(&b, 1).now_or_never().is_none());
        stalls(4, 0);
        take(4);
        stalls(2, 4);
        assert!(budget.acquire(&b, 1).now_or_never().is_none(), "two of what is stalled are above its budget");
        budget.report(&a, Change::default(), Cost { rows: 4, units: 4 }, false);
        let permit = budget.acquire(&b, 1).now_or_never();
        assert!(permit.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn routes_that_fail_one_after_the_other_do_not_add_up_beyond_both_budgets() {
        let (budget, healthy) = (Budget::new(4, 1 << 20), route("healthy"));
        for number in 0..20 {
            let failing = route(&format!("failing{number}"));
            let mut stalled = 0;
            // Each record that a route is given comes to wait.
            while let Some(permit) = budget.acquire(&failing, 1).now_or_never().filter(|_| stalled < 9) {
                permit.hand_over();
                stalled += 1;
                let cost = Cost { rows: stalled, units: stalled };
                budget.report(&failing, Change { rows: -1, units: -1 }, cost, false);
            }
        }
        let stalled = budget.0.counts.lock().stalled;
        assert!(stalled.rows <= 2 * 4 + 20, "{stalled:?}: both budgets, and one record for each route");
        let permit = budget.acquire(&healthy, 1).now_or_never();
        assert!(permit.is_some(), "a route without such rows goes on");
    }

    #[tokio::test(start_paused = true)]
    async fn a_barred_route_is_passed_over_and_goes_on_once_it_is_not() {
        let (budget, a, b) = (Budget::new(4, 1 << 20), route("a"), route("b"));
        budget.report(&a, Change::default(), Cost { rows: 2, units: 2 }, true);
        let mut barred = Box::pin(budget.acquire(&a, 1));
        assert!(futures::poll!(barred.as_mut()).is_pending());
        tokio::time::advance(2 * PASSING).await;
        assert!(budget.acquire(&b, 1).now_or_never().is_some(), "the other one goes on");
        budget.report(&a, Change::default(), Cost::default(), false);
        assert!(futures::poll!(barred.as_mut()).is_ready());
    }

    #[tokio::test(start_paused = true)]
    async fn one_route_leaves_a_quarter_to_another_one_that_waits() {
        let (budget, a, b) = (Budget::new(8, 1 << 20), route("a"), route("b"));
        let mut held: Vec<_> = (0..8).map(|_| budget.acquire(&a, 1).now_or_never().unwrap()).collect();
        let mut again = Box::pin(budget.acquire(&a, 1));
        let mut other = Box::pin(budget.acquire(&b, 1));
        assert!(futures::poll!(again.as_mut()).is_pending() && futures::poll!(other.as_mut()).is_pending());
        held.pop();
        assert!(futures::poll!(again.as_mut()).is_pending(), "it holds more than three quarters");
        let Poll::Ready(_other) = futures::poll!(other.as_mut()) else { panic!("the other one goes first") };
        held.pop();
        assert!(futures::poll!(again.as_mut()).is_ready(), "no other one waits");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_dropped_gives_back_what_it_was_granted() {
        let (budget, a) = (Budget::new(1, 1 << 20), route("a"));
        let held = budget.acquire(&a, 1).now_or_never().unwrap();
        let mut waits = Box::pin(budget.acquire(&a, 1));
        assert!(futures::poll!(waits.as_mut()).is_pending());
        drop(held);
        drop(waits);
        assert!(budget.acquire(&a, 1).now_or_never().is_some());
        let counts = budget.0.counts.lock();
        assert!(counts.working.is_zero() && counts.routes.is_empty() && counts.waiters.is_empty());
    }
}
