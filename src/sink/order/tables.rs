//! The tables of the core, and the two functions that change the state of a row: [`Tables::set`] moves it to another
//! state, [`Tables::remove`] ends it.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use rand::{SeedableRng as _, rngs::StdRng};

use super::{
    breaker::Breaker,
    cost::Cost,
    event::{Effect, Notice},
    identities::Identities,
    ids::{CallKind, GroupIndex, GroupKind, QueueIndex, RouteIndex, RowIndex, TrialKind},
    lanes::Lanes,
    moment::Moment,
    parents::Hold,
    pinned::{Call, CallCounts, Group, GroupHistory},
    queues::Queues,
    routes::Routes,
    row::{Row, Rows, State},
    settings::Settings,
    slab::Slab,
    trial::Trial,
    waits::{Wait, Waits},
};
use crate::runtime::backoff::Backoff;

#[derive(Debug)]
pub(super) struct Tables {
    pub(super) settings: Settings,
    /// The time of the event that is taken in.
    pub(super) now: Moment,
    /// The effects of that event.
    pub(super) effects: Vec<Effect>,
    pub(super) rows: Rows,
    pub(super) lanes: Lanes,
    pub(super) routes: Routes,
    pub(super) identities: Identities,
    pub(super) queues: Queues,
    pub(super) groups: Slab<GroupKind, Group>,
    /// Groups that wait for a permit, in order.
    pub(super) pinned: VecDeque<GroupIndex>,
    pub(super) calls: Slab<CallKind, Call>,
    pub(super) trials: Slab<TrialKind, Trial>,
    pub(super) waits: Waits,
    /// Rows that wait for a missing parent, the oldest wait first.
    pub(super) missing_parents: BTreeMap<u64, RowIndex>,
    pub(super) tally: CallCounts,
    /// Whether the next probe of the org takes another call than the first one.
    pub(super) probe_takes_other: bool,
    /// The time at which the core was made.
    epoch: Instant,
    /// The generator of the core itself, so that the same seed and the same events have the same effects.
    random: StdRng,
    /// The last number that [`Self::next_order`] has returned.
    order: u64,
}

/// The way in which a row ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Written {
        found_nothing: bool,
    },
    /// The dead letter is durable; the lane has counted it.
    DeadLettered,
    /// The record is read again.
    Abandoned,
    /// The record is read again, and the records before it still go on to their outcomes.
    Failed,
}

/// The wait of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Waits for a permit only.
    Permit,
    /// Waits for the end of a backoff.
    Backoff(Moment),
    /// Waits for the end of a hold.
    Hold(Moment),
}

impl Tables {
    pub(super) fn new(settings: Settings, epoch: Instant, seed: u64) -> Self {
        let queues = Queues::new(settings.rows, settings.bytes, settings.linger, settings.timeout);
        Self {
            settings,
            now: Moment::default(),
            effects: Vec::new(),
            rows: Rows::default(),
            lanes: Lanes::default(),
            routes: Routes::default(),
            identities: Identities::default(),
            queues,
            groups: Slab::default(),
            pinned: VecDeque::new(),
            calls: Slab::default(),
            trials: Slab::default(),
            waits: Waits::default(),
            missing_parents: BTreeMap::new(),
            tally: CallCounts::default(),
            probe_takes_other: false,
            epoch,
            random: StdRng::seed_from_u64(seed),
            order: 0,
        }
    }

    /// The time of an instant on the core's own clock.
    pub(super) fn moment(&self, instant: Instant) -> Moment {
        Moment::after(instant.saturating_duration_since(self.epoch))
    }

    /// Returns a number that is larger than all before it.
    pub(super) fn next_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    /// Draws the backoff after the given number of earlier ones.
    pub(super) fn backoff(&mut self, doublings: u32) -> Duration {
        Backoff::of(&self.settings.retry).wait_from(doublings, &mut self.random)
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.effects.push(Effect::Notice(notice));
    }

    /// Moves a row to another state: the only place where that happens. `at`: the time at which the row came there; for
    /// a backoff, the end of that.
    pub(super) fn set(&mut self, index: RowIndex, to: State, at: Moment) {
        let order = self.next_order();
        let Some(row) = self.rows.get(index) else { return };
        let (from, arrival, route, parent) = (row.state, row.arrival(), row.route, row.parent);
        match from {
            State::Ready => self.queues.remove(&mut self.rows, index),
            State::Backoff => self.waits.remove(arrival),
            State::Pinned(group) | State::Delayed(group) | State::Held(group) => {
                if let Some(group) = self.groups.get_mut(group) {
                    group.rows.retain(|other| *other != index);
                }
                self.drop_empty(group);
            }
            State::OnTrial(trial) => {
                if let Some(trial) = self.trials.get_mut(trial) {
                    trial.forget(index);
                }
            }
            State::Stalled => {
                if let Some(route) = self.routes.all.get_mut(route) {
                    route.stalled.remove(&mut self.rows, index);
                }
            }
            State::Unlisted | State::Queued | State::OnWire(_) | State::Settling => {}
        }
        let (before, after) = (hold_of(from), hold_of(to));
        if let Some(parent) = parent.filter(|_| before != after) {
            // In this order, so that a parent is not free between the two.
            if let Some(after) = after {
                self.queues.hold(&self.rows, parent, after);
            }
            if let Some(before) = before {
                self.queues.release(&self.rows, parent, before);
            }
        }
        let Some(row) = self.rows.get_mut(index) else { return };
        row.state = to;
        row.since = at;
        row.order = order;
        let (arrival, goes_first) = (row.arrival(), row.flags.is_probe);
        match to {
            State::Ready => self.queues.push(&mut self.rows, index),
            State::Backoff => self.waits.insert(arrival, Wait::Row(index)),
            State::Pinned(group) | State::Delayed(group) | State::Held(group) => {
                if let Some(group) = self.groups.get_mut(group) {
                    group.rows.push(index);
                }
            }
            State::Stalled => {
                let Some(route) = self.routes.all.get_mut(route) else { return };
                let was_oldest = route.breaker.as_ref().is_some_and(Breaker::probe_was_oldest);
                if goes_first && was_oldest {
                    route.stalled.push_front(&mut self.rows, index);
                } else {
                    route.stalled.push_back(&mut self.rows, index);
                }
            }
            State::Unlisted | State::Queued | State::OnTrial(_) | State::OnWire(_) | State::Settling => {}
        }
    }

    /// Ends a row: the only place where that happens. The next change of its identity may go now.
    pub(super) fn remove(&mut self, index: RowIndex, end: End) {
        let is_counted = self.rows.get(index).is_some_and(|row| row.state != State::Settling);
        self.set(index, State::Unlisted, self.now);
        self.note_known(index);
        self.end_missing_parent(index);
        self.note_end(index, end, is_counted);
        self.leave_identity(index);
        let Some(row) = self.rows.remove(index) else { return };
        self.routes.release(row.route, row.cost());
        if let Some(parent) = row.parent {
            self.queues.parents.leave(parent);
        }
        if let Some(queue) = row.queue {
            self.queues.batches.leave(queue);
        }
        if let Some(route) = self.routes.all.get_mut(row.route) {
            route.rows = route.rows.saturating_sub(1);
            if route.rows == 0 && route.lanes == 0 {
                self.routes.unused.push(row.route);
            }
        }
    }

    /// Notes the end of a row in the FIFO and the books of its lane. The lane itself counts rows with dead letters.
    fn note_end(&mut self, index: RowIndex, end: End, is_counted: bool) {
        let Some(row) = self.rows.get(index) else { return };
        let (number, waited) = (row.number, self.now.since(row.read));
        let Some(lane) = row.lane.and_then(|lane| self.lanes.touch(lane)) else { return };
        match end {
            End::Written { found_nothing } => {
                lane.fifo.done(number);
                lane.books.written.push(waited);
                lane.books.found_nothing += u32::from(found_nothing);
            }
            End::DeadLettered => drop(lane.fifo.done(number)),
            End::Abandoned | End::Failed => {
                let _item = if end == End::Failed { lane.fifo.fail(number) } else { lane.fifo.abandon(number) };
                lane.books.dropped.extend(is_counted.then_some(waited));
            }
        }
    }

    /// Takes a row out of its identity. The next change of that may go.
    pub(super) fn leave_identity(&mut self, index: RowIndex) {
        let Some(identity) = self.rows.get_mut(index).and_then(|row| row.identity) else { return };
        let next = self.identities.leave(&mut self.rows, identity, index);
        if let Some(row) = self.rows.get_mut(index) {
            row.identity = None;
        }
        if let Some(next) = next.filter(|next| self.rows.get(*next).is_some_and(|row| row.state == State::Queued)) {
            self.set(next, State::Ready, self.now);
        }
    }

    /// Gives back a row's share of the budget and drops its contents, before the row ends.
    pub(super) fn free(&mut self, index: RowIndex) {
        let Some(row) = self.rows.get_mut(index) else { return };
        let (cost, route, identity) = (row.cost(), row.route, row.identity);
        row.flags.has_released = true;
        row.body = None;
        self.routes.release(route, cost);
        if let Some(identity) = identity {
            self.identities.has_less(identity, cost);
        }
    }

    /// Notes that the org has said something of a row. A rejection that waited for that may be ruled on now.
    pub(super) fn note_known(&mut self, index: RowIndex) {
        let Some(row) = self.rows.get_mut(index) else { return };
        let route = row.route;
        if std::mem::take(&mut row.flags.is_pending)
            && let Some(breaker) = self.routes.breaker(route)
        {
            breaker.pending = breaker.pending.saturating_sub(1);
            self.routes.mark_for_ruling(route);
        }
    }

    /// Ends a row's wait for a missing parent, if it has one.
    pub(super) fn end_missing_parent(&mut self, index: RowIndex) {
        let cold = self.rows.get_mut(index).and_then(|row| row.cold.as_mut());
        if let Some(wait) = cold.and_then(|cold| cold.missing_parent.take()) {
            self.missing_parents.remove(&wait.order);
        }
    }

    /// Forgets how long a row has been retried: an outage does not count against it.
    pub(super) fn forget_waits(&mut self, index: RowIndex) {
        self.end_missing_parent(index);
        if let Some(cold) = self.rows.get_mut(index).and_then(|row| row.cold.as_mut()) {
            cold.retry_waited = Duration::ZERO;
        }
    }

    /// Forms a group of rows, which leave their lists for it. `None` without rows.
    pub(super) fn form(
        &mut self,
        queue: QueueIndex,
        rows: Vec<RowIndex>,
        past: GroupHistory,
        until: Until,
    ) -> Option<GroupIndex> {
        if rows.is_empty() {
            return None;
        }
        let order = self.next_order();
        let at = match until {
            Until::Permit => None,
            Until::Backoff(at) | Until::Hold(at) => Some((at, order)),
        };
        let group =
            self.groups.insert(Group { queue, rows: Vec::with_capacity(rows.len()), past, probe: None, due: at });
        let state = match until {
            Until::Permit => State::Pinned(group),
            Until::Backoff(_) => State::Delayed(group),
            Until::Hold(_) => State::Held(group),
        };
        for row in rows {
            self.set(row, state, self.now);
        }
        if let Some(due) = at {
            self.waits.insert(due, Wait::Group(group));
        }
        Some(group)
    }

    /// Forms a group that waits for a permit, after all groups that do so already.
    pub(super) fn pin(&mut self, queue: QueueIndex, rows: Vec<RowIndex>, past: GroupHistory) -> Option<GroupIndex> {
        let group = self.form(queue, rows, past, Until::Permit)?;
        self.pinned.push_back(group);
        Some(group)
    }

    /// Pins rows as two groups, each a half of them, in order.
    pub(super) fn halve(&mut self, queue: QueueIndex, mut rows: Vec<RowIndex>, past: &GroupHistory) {
        let tail = rows.split_off(rows.len().div_ceil(2));
        for half in [rows, tail] {
            let past = past.of_half(half.len());
            self.pin(queue, half, past);
        }
    }

    /// Takes a group apart. Its rows are in no list afterwards.
    pub(super) fn dissolve(&mut self, index: GroupIndex) -> Option<Group> {
        let group = self.groups.remove(index)?;
        for row in &group.rows {
            self.set(*row, State::Unlisted, self.now);
        }
        Some(group)
    }

    /// Removes a group that has no rows left.
    fn drop_empty(&mut self, index: GroupIndex) {
        if !self.groups.get(index).is_some_and(|group| group.rows.is_empty()) {
            return;
        }
        self.pinned.retain(|other| *other != index);
        let Some(group) = self.groups.remove(index) else { return };
        if let Some(due) = group.due {
            self.waits.remove(due);
        }
        if let Some(route) = group.probe {
            self.end_probe(route);
        }
    }

    /// Ends the probe of a breaker. The next one may go after a backoff.
    pub(super) fn end_probe(&mut self, route: RouteIndex) {
        let Some(probes) = self.routes.breaker(route).and_then(Breaker::end_probe) else { return };
        let due = self.now.plus(self.backoff(probes));
        if let Some(breaker) = self.routes.breaker(route) {
            breaker.set_due(due);
        }
        self.plan_probe(route);
    }

    /// Sets the wait for the next probe of a breaker, if there are rows for it.
    pub(super) fn plan_probe(&mut self, index: RouteIndex) {
        let order = self.next_order();
        let Some(route) = self.routes.all.get_mut(index) else { return };
        let has_rows = !route.stalled.is_empty();
        let Some(breaker) = &mut route.breaker else { return };
        let due = breaker.probe_due().filter(|_| has_rows).map(|due| (due, order));
        if let Some(before) = breaker.replace_wait(due) {
            self.waits.remove(before);
        }
        if let Some(due) = due {
            self.waits.insert(due, Wait::Probe(index));
        }
    }

    /// The share of the budget that a row and the later rows of its identity hold; for a plain insert, its own share.
    pub(super) fn identity_load(&self, row: &Row) -> Cost {
        let identity = row.identity.and_then(|identity| self.identities.all.get(identity));
        identity.map_or_else(|| row.cost(), |identity| identity.cost)
    }
}

/// The hold that a row in this state has on its parent.
pub(super) fn hold_of(state: State) -> Option<Hold> {
    match state {
        State::OnWire(_) => Some(Hold::Sent),
        State::Pinned(_) => Some(Hold::Pinned),
        _ => None,
    }
}
