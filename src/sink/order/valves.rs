//! Closes and opens valves, stalls rows at them, and lets their probes go.
//!
//! Each route's breaker probes by itself, after the backoff of retries. The other valves share a pace, since hundreds of
//! places may be closed at once: at most two of their probes are under way, and while more than ten valves are closed,
//! probes begin ten seconds apart. A valve that opens makes the next one's probe due at once: what was taken away from
//! many places and is given back costs one call for each.

use std::time::Duration;

use super::{
    abandon::abandon,
    event::{Notice, ValveName},
    ids::{GroupIndex, PlaceIndex, RowIndex},
    pinned::{Group, GroupHistory, Until},
    row::State,
    scope::Scope,
    tables::Tables,
    trial::Trial,
    valve::Valve,
    waits::Wait,
};
use crate::{record::Cause, runtime::backoff::Backoff};

/// The most probes that are under way at once, of all valves but those of routes.
const MOST_PROBES: usize = 2;
/// With more closed valves than this, probes begin a while apart.
const MANY_CLOSED: usize = 10;

/// The finding of a valve's probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    /// The valve can open.
    Taken,
    /// The valve stays closed: the probe was refused again, or has shown nothing.
    NotTaken,
}

// As methods of the tables, so that these do not import this file.
impl Tables {
    /// Ends a probe that has not opened its valve. The next one may go after a backoff.
    pub(super) fn end_probe(&mut self, scope: Scope) {
        end_probe(self, scope);
    }

    /// Sets the wait for the next probe of a valve, if there are rows for it.
    pub(super) fn plan_probe(&mut self, scope: Scope) {
        plan_probe(self, scope);
    }
}

/// Closes a valve, unless it is closed already.
pub(super) fn close(tables: &mut Tables, scope: Scope, cause: &Cause) {
    let due = tables.now.plus(backoff(tables, scope, 0));
    let now = tables.now;
    let Some(valve) = tables.valve(scope).filter(|valve| !valve.is_closed()) else { return };
    valve.close(now, due);
    match scope {
        Scope::Route(_) => {}
        Scope::Place(place) => {
            tables.probe_pace.closed += 1;
            bar_all(tables, place);
            classify_trials(tables, place);
        }
        Scope::Parked(_) | Scope::Storage => tables.probe_pace.closed += 1,
    }
    if let Some(valve) = name(tables, scope) {
        tables.notice(Notice::ValveClosed { valve, cause: cause.clone() });
    }
    plan_probe(tables, scope);
    // Perhaps none of the rows can wait.
    tables.emptied.push(scope);
}

/// Opens a valve, and lets its rows go on. `is_taken`: the org takes its rows again; otherwise it has no rows left.
pub(super) fn open(tables: &mut Tables, scope: Scope, is_taken: bool) {
    let now = tables.now;
    let Some(valve) = tables.valve(scope) else { return };
    let was_probing = valve.is_probing();
    let Some((since, wait)) = valve.open() else { return };
    if let Some(wait) = wait {
        tables.waits.remove(wait);
    }
    if !matches!(scope, Scope::Route(_)) {
        let pace = &mut tables.probe_pace;
        pace.closed = pace.closed.saturating_sub(1);
        pace.under_way = pace.under_way.saturating_sub(usize::from(was_probing));
        pace.due.retain(|(_, other)| *other != scope);
    }
    if scope == Scope::Storage {
        tables.places.nothing_is_full();
    }
    for row in tables.stalled_rows(scope) {
        tables.set(row, State::Ready, now);
    }
    if let Scope::Place(at) = scope {
        classify_trials(tables, at);
        if let Some(place) = tables.places.get_mut(at).filter(|_| is_taken) {
            (place.reopened, place.refusals) = (Some(now), 0);
        }
        unbar_all(tables, at);
    }
    if let Some(valve) = name(tables, scope) {
        tables.notice(Notice::ValveOpened { valve, lasted: now.since(since), is_taken });
    }
    if is_taken && !matches!(scope, Scope::Route(_)) {
        hasten_next(tables);
    }
    start_probes(tables);
}

/// Lets a row wait until a valve opens, or until it is the probe. `is_probe`: it was the last probe.
pub(super) fn stall(tables: &mut Tables, index: RowIndex, scope: Scope, is_probe: bool) {
    if tables.rows.get(index).is_some_and(|row| row.flags.closing) {
        return abandon(tables, index);
    }
    tables.note_known(index);
    // Otherwise a row that is the probe again and again would wait without an end.
    if !is_probe {
        tables.forget_waits(index);
    }
    let is_closed = tables.valve(scope).is_some_and(|valve| valve.is_closed());
    tables.set(index, if is_closed { State::Stalled(scope) } else { State::Ready }, tables.now);
    let was_oldest = tables.valve(scope).is_some_and(|valve| valve.probe_was_oldest());
    if is_closed && is_probe && was_oldest {
        tables.stall_first(index, scope);
    }
    plan_probe(tables, scope);
}

fn end_probe(tables: &mut Tables, scope: Scope) {
    let Some(probes) = tables.valve(scope).filter(|valve| valve.is_probing()).and_then(Valve::end_probe) else {
        return;
    };
    if !matches!(scope, Scope::Route(_)) {
        tables.probe_pace.under_way = tables.probe_pace.under_way.saturating_sub(1);
    }
    let due = tables.now.plus(backoff(tables, scope, probes));
    if let Some(valve) = tables.valve(scope) {
        valve.set_due(due);
    }
    tables.emptied.push(scope);
    plan_probe(tables, scope);
    start_probes(tables);
}

fn plan_probe(tables: &mut Tables, scope: Scope) {
    let has_barred = has_barred(tables, scope);
    let Some(valve) = tables.valve(scope) else { return };
    let has_rows = has_barred || !valve.stalled.is_empty();
    let due = valve.probe_due().filter(|_| has_rows && !valve.is_in_turn());
    if valve.wait().map(|(at, _)| at) == due {
        return;
    }
    let order = tables.next_order();
    let wait = due.map(|due| (due, order));
    let before = tables.valve(scope).and_then(|valve| valve.replace_wait(wait));
    if let Some(before) = before {
        tables.waits.remove(before);
    }
    if let Some(wait) = wait {
        tables.waits.insert(wait, Wait::Probe(scope));
    }
}

/// Returns whether groups wait for a valve.
fn has_barred(tables: &Tables, scope: Scope) -> bool {
    match scope {
        Scope::Place(place) => tables.places.all.get(place).is_some_and(|place| !place.barred.is_empty()),
        Scope::Route(_) | Scope::Parked(_) | Scope::Storage => false,
    }
}

/// Lets the probe of a valve go whose backoff is over, at once or in its turn.
pub(super) fn on_probe_due(tables: &mut Tables, scope: Scope) {
    if let Some(valve) = tables.valve(scope) {
        valve.replace_wait(None);
    }
    if matches!(scope, Scope::Route(_)) {
        begin(tables, scope);
        return;
    }
    take_turn(tables, scope);
    start_probes(tables);
}

fn take_turn(tables: &mut Tables, scope: Scope) {
    let due = (tables.now, tables.next_order());
    if let Some(valve) = tables.valve(scope).filter(|valve| valve.probe_due().is_some() && !valve.is_in_turn()) {
        valve.set_in_turn(true);
        tables.probe_pace.due.insert((due, scope));
    }
}

/// Begins the probes whose turn has come.
pub(super) fn start_probes(tables: &mut Tables) {
    while tables.probe_pace.under_way < MOST_PROBES {
        let Some((_, scope)) = tables.probe_pace.due.first().copied() else { return };
        let next = tables.probe_pace.next;
        if tables.probe_pace.closed > MANY_CLOSED && tables.now < next {
            if tables.probe_pace.wait.is_none() {
                let wait = (next, tables.next_order());
                tables.probe_pace.wait = Some(wait);
                tables.waits.insert(wait, Wait::NextProbe);
            }
            return;
        }
        tables.probe_pace.due.pop_first();
        if let Some(valve) = tables.valve(scope) {
            valve.set_in_turn(false);
        }
        if begin(tables, scope) {
            tables.probe_pace.under_way += 1;
            tables.probe_pace.next = tables.now.plus(tables.settings.probe_spacing);
        }
    }
}

/// Pins one row as the probe of a valve. Returns whether there is a row for it.
fn begin(tables: &mut Tables, scope: Scope) -> bool {
    if tables.valve(scope).is_none_or(|valve| valve.probe_due().is_none()) {
        return false;
    }
    let Some((index, past)) = next_probe(tables, scope) else {
        // The places of all its rows are refused.
        let due = tables.now.plus(backoff(tables, scope, 0));
        if let Some(valve) = tables.valve(scope) {
            valve.set_due(due);
        }
        plan_probe(tables, scope);
        return false;
    };
    let Some(queue) = tables.rows.get(index).and_then(|row| row.queue) else { return false };
    if let Some(valve) = tables.valve(scope) {
        valve.begin_probe();
    }
    let Some(at) = tables.form(queue, vec![index], past, Until::Permit) else { return false };
    if let Some(group) = tables.groups.get_mut(at) {
        group.probe = Some(scope);
    }
    tables.pinned.push_back(at);
    if let Scope::Place(place) = scope
        && let Some(place) = tables.places.all.get(place)
    {
        let sobject = place.name.sobject.clone();
        tables.notice(Notice::PlaceProbed { sobject });
    }
    true
}

/// The row of a valve's next probe: of the stalled ones, else of the first group that waits for the place.
fn next_probe(tables: &mut Tables, scope: Scope) -> Option<(RowIndex, GroupHistory)> {
    if let Some(index) = pick_stalled(tables, scope) {
        return Some((index, GroupHistory::default()));
    }
    let Scope::Place(place) = scope else { return None };
    let first = tables.places.all.get(place)?.barred.front()?;
    let group = tables.groups.get(*first)?;
    Some((*group.rows.first()?, group.past.clone()))
}

/// The stalled row that is the next probe of a valve; not one of a place that is refused, unless that is the valve.
fn pick_stalled(tables: &mut Tables, scope: Scope) -> Option<RowIndex> {
    let stalled = tables.stalled_rows(scope);
    let may_go = |row: &RowIndex| {
        let place = tables.rows.get(*row).and_then(|row| tables.place_of(row.queue?));
        matches!(scope, Scope::Place(_)) || place.is_none_or(|place| !tables.places.is_refused(place))
    };
    let mut rows = stalled.iter().copied().filter(may_go);
    let (first, other) = (rows.next()?, rows.next());
    Some(tables.valve(scope)?.pick(first, other))
}

/// Makes the probe of the next closed valve due at once, since another one has opened.
fn hasten_next(tables: &mut Tables) {
    tables.probe_pace.next = tables.now;
    if !tables.probe_pace.due.is_empty() || tables.probe_pace.closed == 0 {
        return;
    }
    let places = tables
        .places
        .all
        .iter()
        .flat_map(|(index, place)| [(Scope::Place(index), &place.refused), (Scope::Parked(index), &place.parked)]);
    let valves = places.chain([(Scope::Storage, &tables.storage)]);
    let waiting = valves.filter_map(|(scope, valve)| Some((valve.wait()?, scope)));
    if let Some((wait, scope)) = waiting.min() {
        tables.waits.remove(wait);
        on_probe_due(tables, scope);
    }
}

/// Opens the valves that have no rows left.
pub(super) fn open_unused(tables: &mut Tables) {
    while let Some(scope) = tables.emptied.pop() {
        let is_barred = has_barred(tables, scope);
        let is_empty = tables.valve(scope).is_some_and(|valve| valve.stalled.is_empty() && !valve.is_probing());
        if is_empty && !is_barred && !matches!(scope, Scope::Route(_)) {
            open(tables, scope, false);
        }
    }
}

/// Takes the ready rows of a place out of its queues, and its groups out of those that wait for a permit.
fn bar_all(tables: &mut Tables, at: PlaceIndex) {
    let Some(place) = tables.places.all.get(at) else { return };
    for queue in place.queues.clone() {
        for row in tables.queues.ready_rows(&tables.rows, queue) {
            tables.set(row, State::Stalled(Scope::Place(at)), tables.now);
        }
    }
    let of_place =
        |group: &GroupIndex| tables.groups.get(*group).and_then(|group| tables.place_of(group.queue)) == Some(at);
    let groups: Vec<_> = tables.pinned.iter().copied().filter(of_place).collect();
    for index in groups {
        tables.pinned.retain(|other| *other != index);
        let probe = tables.groups.get_mut(index).and_then(|group| group.probe.take());
        let Some(Group { queue, rows, past, .. }) = tables.dissolve(index) else { continue };
        tables.pin(queue, rows, past);
        if let Some(probe) = probe {
            end_probe(tables, probe);
        }
    }
}

/// Counts the rows anew that wait for the result of others of their place.
fn classify_trials(tables: &mut Tables, at: PlaceIndex) {
    let of_place = |trial: &&Trial| tables.place_of(trial.queue) == Some(at);
    let trials = tables.trials.iter().map(|(_, trial)| trial).filter(of_place);
    let rows: Vec<_> = trials.flat_map(Trial::rows).collect();
    for row in rows {
        tables.classify(row);
    }
}

/// Lets the groups of a place wait for a permit again.
fn unbar_all(tables: &mut Tables, at: PlaceIndex) {
    let Some(place) = tables.places.get_mut(at) else { return };
    for index in std::mem::take(&mut place.barred) {
        if let Some(Group { queue, rows, past, .. }) = tables.dissolve(index) {
            tables.pin(queue, rows, past);
        }
    }
}

/// The backoff before the probe after the given number of earlier ones.
fn backoff(tables: &mut Tables, scope: Scope, probes: u32) -> Duration {
    let settings = &tables.settings;
    let backoff = match scope {
        Scope::Route(_) => Backoff::of(&settings.retry),
        Scope::Place(_) => settings.place_probes,
        Scope::Parked(_) | Scope::Storage => {
            Backoff { initial: settings.parked, max: settings.place_probes.max.max(settings.parked) }
        }
    };
    tables.draw(backoff, probes)
}

/// The name of a valve in reports; a breaker has reports of its own.
fn name(tables: &Tables, scope: Scope) -> Option<ValveName> {
    let place = |place| tables.places.all.get(place).map(|place| place.name.clone());
    match scope {
        Scope::Route(_) => None,
        Scope::Place(at) => place(at).map(ValveName::Place),
        Scope::Parked(at) => place(at).map(ValveName::Parked),
        Scope::Storage => Some(ValveName::Storage),
    }
}
