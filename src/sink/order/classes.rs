//! The budget in two classes: what is *working*, which is ready or on the wire and ends by itself, and what is *stalled*,
//! which waits for something else and may do so for long.
//!
//! A row is stalled at a closed valve, while it waits for a parent or has been locked for the third time, while its place
//! is slow, and while it stands after such a row of its identity. A route whose stalled rows hold more than its share
//! reads no further, nor does one that has read far more than its places can soon send; all others go on. Coming back
//! never waits.

use super::{
    cost::Cost,
    ids::{RouteIndex, RowIndex},
    routes::Route,
    row::{Row, State},
    tables::Tables,
};

/// A row that the org asks to repeat is stalled from this number of backoffs on.
const MANY_RETRIES: u16 = 3;

/// While there are other routes, one reads this many times the rows of the calls that its places may have at once.
const AHEAD_OF_CALLS: usize = 2;

/// The routes share the stalled budget by at least this number, if there are so many.
const MIN_SHARES: usize = 4;

impl Tables {
    /// Counts a row in the class that its state, or that of the first row of its identity, asks for.
    pub(super) fn classify(&mut self, index: RowIndex) {
        let Some(row) = self.rows.get(index) else { return };
        let first = row.identity.and_then(|identity| self.identities.all.get(identity)?.chain.first());
        if row.state == State::Queued {
            let is_stalled = first.and_then(|first| self.rows.get(first)).is_some_and(|first| first.flags.is_stalled);
            return self.count_as(index, is_stalled);
        }
        let is_stalled = self.is_stalled(row);
        if row.flags.is_stalled == is_stalled {
            return;
        }
        self.count_as(index, is_stalled);
        if first == Some(index)
            && let Some(identity) = self.rows.get(index).and_then(|row| row.identity)
        {
            let Some(identity) = self.identities.all.get(identity) else { return };
            let chain: Vec<_> = identity.chain.iter(&self.rows).collect();
            for other in chain {
                self.count_as(other, is_stalled);
            }
        }
    }

    /// Returns whether a row waits for something that may take long.
    pub(super) fn is_stalled(&self, row: &Row) -> bool {
        let place = || row.queue.and_then(|queue| self.place_of(queue));
        match row.state {
            State::Stalled(_) | State::Barred(_) => true,
            State::Backoff => row.missing_parent().is_some() || row.retries >= MANY_RETRIES,
            State::OnTrial(_) => place().is_some_and(|place| self.places.is_refused(place)),
            State::Ready => {
                place().and_then(|place| self.places.all.get(place)).is_some_and(|place| place.speed.is_slow)
            }
            // Between two states it stays what it was.
            State::Unlisted => row.flags.is_stalled,
            State::Queued
            | State::Pinned(_)
            | State::Delayed(_)
            | State::Held(_)
            | State::OnWire(_)
            | State::Settling => false,
        }
    }

    fn count_as(&mut self, index: RowIndex, is_stalled: bool) {
        let Some(row) = self.rows.get_mut(index) else { return };
        if row.flags.is_stalled == is_stalled {
            return;
        }
        row.flags.is_stalled = is_stalled;
        let (route, cost) = (row.route, row.cost());
        let Some(load) = self.routes.touch(route) else { return };
        if is_stalled {
            load.working.takes(cost);
            load.stalled += cost;
        } else {
            load.working.adds(cost);
            load.stalled = load.stalled.less(cost);
        }
    }

    /// Gives the budget of a row back, out of the class that it counts in.
    pub(super) fn give_back(&mut self, index: RowIndex) {
        let Some(row) = self.rows.get(index) else { return };
        let (route, cost, is_stalled) = (row.route, row.cost(), row.flags.is_stalled);
        if cost.is_zero() {
            return;
        }
        let Some(load) = self.routes.touch(route) else { return };
        if is_stalled {
            load.stalled = load.stalled.less(cost);
        } else {
            load.working.takes(cost);
        }
    }

    /// The share of the stalled budget that each route may hold now.
    pub(super) fn stalled_share(&self) -> Cost {
        let stalled = self.routes.all.iter().filter(|(_, route)| !route.load.stalled.is_zero()).count();
        self.settings.stalled.divided_by(stalled.max(self.routes.in_use().min(MIN_SHARES)))
    }

    /// Returns whether a route reads no further: what is stalled holds more than its share, or what is working is more
    /// than its places can soon send beside those of other routes.
    pub(super) fn is_barred(&self, route: &Route, share: Cost) -> bool {
        if route.load.stalled.exceeds(share) {
            return true;
        }
        let stalled = usize::try_from(route.load.stalled.rows).unwrap_or(usize::MAX);
        let working = route.rows.saturating_sub(stalled);
        let calls: usize = route.places.iter().map(|place| self.calls_of(*place)).sum();
        self.routes.in_use() > 1 && working > AHEAD_OF_CALLS * calls.max(1) * self.settings.rows
    }

    /// Decides anew which routes read no further. Returns those.
    pub(super) fn bar_routes(&mut self) -> Vec<RouteIndex> {
        if !std::mem::take(&mut self.routes.has_shifted) {
            return Vec::new();
        }
        let share = self.stalled_share();
        let mut barred = Vec::new();
        let mut changed = Vec::new();
        for (index, route) in self.routes.all.iter() {
            let is_barred = self.is_barred(route, share);
            barred.extend(is_barred.then_some(index));
            let is_above_share = route.load.stalled.exceeds(share);
            let has_changed = (is_barred, is_above_share) != (route.load.is_barred, route.load.is_above_share);
            changed.extend(has_changed.then_some((index, is_barred, is_above_share)));
        }
        for (index, is_barred, is_above_share) in changed {
            if let Some(load) = self.routes.touch(index) {
                (load.is_barred, load.is_above_share) = (is_barred, is_above_share);
            }
        }
        barred
    }
}
