//! The tables of the core, and the two functions that change the state of a row: [`Tables::set`] moves it to another
//! state, [`Tables::remove`] ends it.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{
    cost::Cost,
    event::{Effect, Notice},
    identities::Identities,
    ids::{CallKind, GroupIndex, GroupKind, PlaceIndex, QueueIndex, RowIndex, TrialKind},
    lanes::Lanes,
    moment::Moment,
    parents::Hold,
    peak::Peak,
    pinned::{Call, CallCounts, Group},
    place::Places,
    probe_pace::ProbePace,
    queues::Queues,
    rounds::Rounds,
    routes::Routes,
    row::{Row, Rows, State},
    scope::Scope,
    settings::Settings,
    slab::Slab,
    trial::Trial,
    valve::Valve,
    waiting_children::MissingParents,
    waits::{Wait, Waits},
    witness::Witness,
};
use crate::{
    mutation::{self, Mutation},
    runtime::backoff::Backoff,
};

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
    pub(super) places: Places,
    /// Closed while the org has no room for new records.
    pub(super) storage: Valve,
    pub(super) probe_pace: ProbePace,
    /// Valves that may have no rows left.
    pub(super) emptied: Vec<Scope>,
    pub(super) witness: Witness,
    pub(super) rounds: Rounds,
    pub(super) peak: Peak,
    pub(super) identities: Identities,
    pub(super) queues: Queues,
    pub(super) groups: Slab<GroupKind, Group>,
    /// Groups that wait for a permit, in order.
    pub(super) pinned: VecDeque<GroupIndex>,
    pub(super) calls: Slab<CallKind, Call>,
    pub(super) trials: Slab<TrialKind, Trial>,
    pub(super) waits: Waits,
    pub(super) missing_parents: MissingParents,
    /// Every route that is read was closed when that was looked at last.
    pub(super) is_all_closed: bool,
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
            places: Places::default(),
            storage: Valve::default(),
            probe_pace: ProbePace::default(),
            emptied: Vec::new(),
            witness: Witness::default(),
            rounds: Rounds::default(),
            peak: Peak::default(),
            identities: Identities::default(),
            queues,
            groups: Slab::default(),
            pinned: VecDeque::new(),
            calls: Slab::default(),
            trials: Slab::default(),
            waits: Waits::default(),
            missing_parents: MissingParents::default(),
            is_all_closed: false,
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

    /// Draws the backoff of retries after the given number of earlier ones.
    pub(super) fn backoff(&mut self, doublings: u32) -> Duration {
        self.draw(Backoff::of(&self.settings.retry), doublings)
    }

    /// Draws a wait of a backoff after the given number of earlier ones.
    pub(super) fn draw(&mut self, backoff: Backoff, doublings: u32) -> Duration {
        backoff.wait_from(doublings, &mut self.random)
    }

    /// Returns the end of a row's backoff after the given number of earlier ones: that of the round of its place. It is at
    /// most `longest` from now.
    pub(super) fn round(&mut self, index: RowIndex, doublings: u32, longest: Duration) -> Moment {
        let longest = Backoff::of(&self.settings.retry).longest(doublings).min(longest);
        // Less up to a quarter, so that rows which come a little later can join.
        let wait = longest.mul_f64(self.random.random_range(0.75..=1.0));
        let place = self.rows.get(index).and_then(|row| self.place_of(row.queue?));
        match place {
            Some(place) => self.rounds.join(place, doublings, longest, wait, self.now),
            None => self.now.plus(wait),
        }
    }

    pub(super) fn notice(&mut self, notice: Notice) {
        self.effects.push(Effect::Notice(notice));
    }

    /// Moves a row to another state: the only place where that happens. `at`: the time at which the row came there; for
    /// a backoff, the end of that.
    pub(super) fn set(&mut self, index: RowIndex, to: State, at: Moment) {
        let order = self.next_order();
        let Some(row) = self.rows.get(index) else { return };
        let (from, arrival, parent) = (row.state, row.arrival(), row.parent);
        let to = self.redirected(row, to);
        match from {
            State::Ready => self.queues.remove(&mut self.rows, index),
            State::Backoff => self.waits.remove(arrival),
            State::Pinned(group) | State::Delayed(group) | State::Held(group) | State::Barred(group) => {
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
            State::Stalled(scope) => {
                let Self { routes, places, storage, rows, emptied, .. } = self;
                if let Some(valve) = valve_of(routes, places, storage, scope) {
                    valve.stalled.remove(rows, index);
                    if valve.stalled.is_empty() {
                        emptied.push(scope);
                    }
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
        let arrival = row.arrival();
        match to {
            State::Ready => self.queues.push(&mut self.rows, index),
            State::Backoff => self.waits.insert(arrival, Wait::Row(index)),
            State::Pinned(group) | State::Delayed(group) | State::Held(group) | State::Barred(group) => {
                if let Some(group) = self.groups.get_mut(group) {
                    group.rows.push(index);
                }
            }
            State::Stalled(scope) => {
                let Self { routes, places, storage, rows, .. } = self;
                if let Some(valve) = valve_of(routes, places, storage, scope) {
                    valve.stalled.push_back(rows, index);
                }
                self.plan_probe(scope);
            }
            State::Unlisted | State::Queued | State::OnTrial(_) | State::OnWire(_) | State::Settling => {}
        }
        self.classify(index);
    }

    /// The state that a row comes to instead of `to`: one that would be ready is stalled while its valve is closed.
    fn redirected(&self, row: &Row, to: State) -> State {
        let place = row.queue.filter(|_| to == State::Ready).and_then(|queue| self.place_of(queue));
        let Some((at, place)) = place.and_then(|at| Some((at, self.places.all.get(at)?))) else { return to };
        if place.refused.is_closed() && !mutation::on(Mutation::Place) {
            State::Stalled(Scope::Place(at))
        } else if place.is_full && self.storage.is_closed() {
            State::Stalled(Scope::Storage)
        } else {
            to
        }
    }

    pub(super) fn valve(&mut self, scope: Scope) -> Option<&mut Valve> {
        valve_of(&mut self.routes, &mut self.places, &mut self.storage, scope)
    }

    /// The rows that wait for a valve, in order.
    pub(super) fn stalled_rows(&mut self, scope: Scope) -> Vec<RowIndex> {
        let Self { routes, places, storage, rows, .. } = self;
        valve_of(routes, places, storage, scope).map(|valve| valve.stalled.iter(rows).collect()).unwrap_or_default()
    }

    /// Moves a row that has just been stalled before all others of its valve.
    pub(super) fn stall_first(&mut self, index: RowIndex, scope: Scope) {
        let Self { routes, places, storage, rows, .. } = self;
        if let Some(valve) = valve_of(routes, places, storage, scope) {
            valve.stalled.remove(rows, index);
            valve.stalled.push_front(rows, index);
        }
    }

    /// The place of a queue.
    pub(super) fn place_of(&self, queue: QueueIndex) -> Option<PlaceIndex> {
        self.queues.batches.all.get(queue).map(|queue| queue.place)
    }

    /// Ends a row: the only place where that happens. The next change of its identity may go now.
    pub(super) fn remove(&mut self, index: RowIndex, end: End) {
        let is_counted = self.rows.get(index).is_some_and(|row| row.state != State::Settling);
        self.set(index, State::Unlisted, self.now);
        if matches!(end, End::Written { .. }) {
            self.parent_came(index);
        }
        self.note_known(index);
        self.end_missing_parent(index);
        self.note_end(index, end, is_counted);
        self.leave_identity(index);
        self.give_back(index);
        let Some(row) = self.rows.remove(index) else { return };
        if let Some(parent) = row.parent {
            self.queues.parents.leave(parent);
        }
        if let Some(queue) = row.queue {
            self.leave_queue(queue);
        }
        self.routes.has_shifted = true;
        if let Some(route) = self.routes.all.get_mut(row.route) {
            route.rows = route.rows.saturating_sub(1);
            if route.rows == 0 && route.lanes == 0 {
                self.routes.unused.push(row.route);
            }
        }
    }

    /// Counts a row less in its queue and its place.
    fn leave_queue(&mut self, queue: QueueIndex) {
        let place = self.place_of(queue);
        let dropped = self.queues.batches.leave(queue);
        if let Some(at) = place
            && let Some(place) = self.places.get_mut(at)
        {
            place.rows = place.rows.saturating_sub(1);
        }
        for (queue, place) in dropped {
            if let Some(place) = self.places.get_mut(place) {
                place.queues.retain(|other| *other != queue);
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
        self.give_back(index);
        let Some(row) = self.rows.get_mut(index) else { return };
        let (cost, identity) = (row.cost(), row.identity);
        row.flags.has_released = true;
        row.body = None;
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
            self.missing_parents.remove(wait.order, index);
        }
    }

    /// Forgets how long a row has been retried: an outage does not count against it.
    pub(super) fn forget_waits(&mut self, index: RowIndex) {
        self.end_missing_parent(index);
        if let Some(cold) = self.rows.get_mut(index).and_then(|row| row.cold.as_mut()) {
            cold.retry_waited = Duration::ZERO;
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

fn valve_of<'v>(
    routes: &'v mut Routes,
    places: &'v mut Places,
    storage: &'v mut Valve,
    scope: Scope,
) -> Option<&'v mut Valve> {
    match scope {
        Scope::Route(route) => routes.all.get_mut(route).map(|route| &mut route.valve),
        Scope::Place(place) => places.get_mut(place).map(|place| &mut place.refused),
        Scope::Parked(place) => places.get_mut(place).map(|place| &mut place.parked),
        Scope::Storage => Some(storage),
    }
}
