//! Recounts all that the core keeps twice. Tests do so after each event.

use std::collections::{HashMap, HashSet};

use super::{
    cost::{Change, Cost},
    identities::Holder,
    ids::{QueueIndex, RowIndex},
    lanes::Phase,
    parents::Hold,
    row::{Row, State},
    scope::Scope,
    tables::{Tables, hold_of},
    valve::Valve,
    waits::Wait,
};

/// Checks all tables. The error is the first contradiction.
pub(super) fn audit(tables: &Tables) -> Result<(), String> {
    lists(tables)?;
    chains(tables)?;
    parents(tables)?;
    batches(tables)?;
    lanes(tables)?;
    full_lanes(tables)?;
    waits(tables)?;
    closed_valves(tables)?;
    refused_places(tables)?;
    classes(tables)?;
    routes(tables)
}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// Each row is in the list that its state names, and in no other one.
fn lists(tables: &Tables) -> Result<(), String> {
    let mut listed: HashMap<RowIndex, State> = HashMap::new();
    let mut list = |row: RowIndex, state: State| {
        let before = listed.insert(row, state);
        expect(before.is_none(), || format!("{row:?} is {before:?} and {state:?}"))
    };
    for (queue_at, queue) in tables.queues.batches.all.iter() {
        let alone: Vec<_> = queue.alone.iter(&tables.rows).collect();
        expect(alone.len() == queue.alone.len(), || format!("{queue_at:?} has {} rows", alone.len()))?;
        alone.into_iter().try_for_each(|row| list(row, State::Ready))?;
    }
    for (at, parent) in tables.queues.parents.all.iter() {
        for children in &parent.ready {
            let rows: Vec<_> = children.rows.iter(&tables.rows).collect();
            expect(rows.len() == children.rows.len() && !rows.is_empty(), || format!("{at:?} has {rows:?}"))?;
            rows.into_iter().try_for_each(|row| list(row, State::Ready))?;
        }
    }
    for (at, group) in tables.groups.iter() {
        expect(!group.rows.is_empty(), || format!("the group {at:?} is empty"))?;
        let is_pinned = tables.pinned.iter().filter(|pinned| **pinned == at).count();
        let barred =
            tables.places.all.iter().flat_map(|(_, place)| &place.barred).filter(|barred| **barred == at).count();
        expect(is_pinned + barred == usize::from(group.due.is_none()), || {
            format!("{at:?} is pinned {is_pinned} times, and barred {barred} times")
        })?;
        for row in &group.rows {
            let state = tables.rows.get(*row).map(|row| row.state);
            let fits = match state {
                Some(State::Pinned(other)) => other == at && is_pinned == 1,
                Some(State::Barred(other)) => other == at && barred == 1,
                Some(State::Delayed(other) | State::Held(other)) => other == at && group.due.is_some(),
                _ => false,
            };
            expect(fits, || format!("{row:?} of {at:?} is {state:?}"))?;
            list(*row, state.unwrap_or(State::Unlisted))?;
        }
    }
    expect(tables.pinned.len() <= tables.groups.len(), || "a pinned group is gone".to_owned())?;
    for (at, trial) in tables.trials.iter() {
        trial.rows().try_for_each(|row| list(row, State::OnTrial(at)))?;
    }
    for (at, call) in tables.calls.iter() {
        call.parts.iter().flat_map(|part| &part.rows).try_for_each(|row| list(*row, State::OnWire(at)))?;
    }
    for (scope, valve) in valves(tables) {
        let stalled: Vec<_> = valve.stalled.iter(&tables.rows).collect();
        expect(stalled.len() == valve.stalled.len(), || format!("{scope:?} has {stalled:?}"))?;
        stalled.into_iter().try_for_each(|row| list(row, State::Stalled(scope)))?;
    }
    for (index, row) in tables.rows.iter() {
        let is_listed = !matches!(row.state, State::Queued | State::Backoff | State::Settling | State::Unlisted);
        let expected = is_listed.then_some(row.state);
        expect(row.state != State::Unlisted, || format!("{index:?} is nowhere"))?;
        expect(listed.remove(&index) == expected, || format!("{index:?} is {:?} and not there", row.state))?;
        let has_body = !matches!(row.state, State::OnWire(_) | State::Settling) && row.lane.is_some();
        // What a call had that ended in a panic is lost.
        let may_be_lost = matches!(row.state, State::Held(_)) && row.flags.is_last;
        expect(row.body.is_some() == has_body || may_be_lost, || {
            format!("the body of {index:?}, which is {:?}", row.state)
        })?;
        expect(row.lane.is_some() || !row.state.can_close(), || format!("{index:?} is detached and {:?}", row.state))?;
    }
    expect(listed.is_empty(), || format!("{listed:?} are no rows"))
}

/// Only the first change of each identity may go, and no change is forgotten.
fn chains(tables: &Tables) -> Result<(), String> {
    expect(tables.identities.agree(), || "the tables of identities disagree".to_owned())?;
    let mut chained = HashSet::new();
    for (at, identity) in tables.identities.all.iter() {
        let mut cost = Cost::default();
        for (position, index) in identity.chain.iter(&tables.rows).enumerate() {
            let Some(row) = tables.rows.get(index) else { return Err(format!("{index:?} of {at:?} is no row")) };
            let waits = position > 0 || identity.holder != Holder::Rows;
            let fits = row.identity == Some(at) && (row.state == State::Queued) == waits;
            expect(fits, || format!("{index:?}, number {position} of {at:?}, is {:?}", row.state))?;
            cost += row.cost();
            chained.insert(index);
        }
        expect(cost == identity.cost, || format!("{at:?} takes {cost:?} and not {:?}", identity.cost))?;
        expect(!identity.chain.is_empty() || identity.holder != Holder::Rows, || format!("{at:?} has no change"))?;
    }
    let named = |(index, row): &(RowIndex, &Row)| row.identity.is_some() != chained.contains(index);
    let lost = tables.rows.iter().find(named);
    expect(lost.is_none(), || format!("{lost:?} is not in its chain"))
}

/// A lane that is full waits for its first record only, which must not wait for a parent that may come after all that was
/// read.
fn full_lanes(tables: &Tables) -> Result<(), String> {
    for (at, lane) in tables.lanes.all.iter() {
        let is_full = lane.phase == Phase::Open && lane.fifo.len() >= tables.settings.ahead;
        let front = lane.fifo.oldest().and_then(|front| tables.rows.get(*front));
        let waits = front.is_some_and(|row| row.missing_parent().is_some() && !row.flags.expedited);
        expect(!is_full || !waits, || format!("{at:?} is full, and its first record waits for a parent"))?;
    }
    Ok(())
}

fn parents(tables: &Tables) -> Result<(), String> {
    let parents = &tables.queues.parents;
    expect(parents.agree(), || "the tables of parents disagree".to_owned())?;
    for (at, parent) in parents.all.iter() {
        let rows = tables.rows.iter().filter(|(_, row)| row.parent == Some(at));
        let (mut all, mut sent, mut pinned) = (0, 0, 0);
        for (_, row) in rows {
            all += 1;
            sent += usize::from(hold_of(row.state) == Some(Hold::Sent));
            pinned += usize::from(hold_of(row.state) == Some(Hold::Pinned));
        }
        let resting = tables.waits.iter().filter(|(_, wait)| *wait == Wait::Parent(at)).count();
        let counted = (parent.rows, parent.sent, parent.pinned, parent.resting);
        expect(counted == (all, sent, pinned, resting), || {
            format!("{at:?} counts {counted:?}, not {all} {sent} {pinned} {resting}")
        })?;
        expect(all + resting > 0, || format!("{at:?} has no row"))?;
        for children in &parent.ready {
            let first = children.rows.first().and_then(|first| tables.rows.get(first)).map(Row::arrival);
            let queue = tables.queues.batches.all.get(children.queue);
            let is_free = first.is_some_and(|first| queue.is_some_and(|queue| queue.families.get(&first) == Some(&at)));
            expect(is_free != parent.is_held(), || format!("{at:?} is held and free in {:?}", children.queue))?;
        }
    }
    Ok(())
}

fn batches(tables: &Tables) -> Result<(), String> {
    let batches = &tables.queues.batches;
    expect(batches.agree(), || "the tables of batches disagree".to_owned())?;
    for (at, queue) in batches.all.iter() {
        let of_place = |row: &&Row| row.queue == Some(at);
        let rows = tables.rows.iter().map(|(_, row)| row).filter(of_place);
        let (mut all, mut ready, mut bytes) = (0, 0, 0);
        for row in rows {
            all += 1;
            if row.state == State::Ready && is_free(tables, row) {
                ready += 1;
                bytes += row.bytes as usize;
            }
        }
        let counted = (queue.rows, queue.ready, queue.bytes);
        expect(counted == (all, ready, bytes), || format!("{at:?} counts {counted:?}, not {all} {ready} {bytes}"))?;
        let families = queue.families.values().filter(|parent| has_children(tables, **parent, at)).count();
        expect(families == queue.families.len(), || format!("{at:?} has parents without rows"))?;
        let is_due = batches.by_due().next().is_some_and(|(due, _)| due <= tables.now.plus(tables.settings.linger));
        expect(ready == 0 || is_due, || format!("{at:?} has {ready} rows and is not due"))?;
    }
    Ok(())
}

fn is_free(tables: &Tables, row: &Row) -> bool {
    row.parent.and_then(|parent| tables.queues.parents.all.get(parent)).is_none_or(|parent| !parent.is_held())
}

fn has_children(tables: &Tables, parent: super::ids::ParentIndex, queue: QueueIndex) -> bool {
    let parent = tables.queues.parents.all.get(parent);
    parent.is_some_and(|parent| parent.ready.iter().any(|children| children.queue == queue))
}

/// The open records of the lanes' FIFOs are the rows that are not detached.
fn lanes(tables: &Tables) -> Result<(), String> {
    let mut open = 0;
    for (at, lane) in tables.lanes.all.iter() {
        for (number, index) in lane.fifo.open() {
            let row = tables.rows.get(*index);
            let fits = row.is_some_and(|row| row.lane == Some(at) && row.number == number && row.route == lane.route);
            expect(fits, || format!("{index:?} in the FIFO of {at:?}"))?;
            open += 1;
        }
        expect(lane.books.is_empty() && !lane.is_touched, || format!("{at:?} has not told all"))?;
    }
    let attached = tables.rows.iter().filter(|(_, row)| row.lane.is_some()).count();
    expect(open == attached, || format!("{open} records are open, and {attached} rows"))
}

/// Each wait is waited for, and each row that waits has one.
fn waits(tables: &Tables) -> Result<(), String> {
    for (due, wait) in tables.waits.iter() {
        let fits = match wait {
            Wait::Row(row) => {
                tables.rows.get(row).is_some_and(|row| row.state == State::Backoff && row.arrival() == due)
            }
            Wait::Group(group) => tables.groups.get(group).is_some_and(|group| group.due == Some(due)),
            Wait::Parent(parent) => tables.queues.parents.all.get(parent).is_some(),
            Wait::Probe(scope) => valves(tables).any(|(other, valve)| other == scope && valve.wait() == Some(due)),
            Wait::NextProbe => tables.probe_pace.wait == Some(due),
            Wait::LongCall(call) => tables.calls.get(call).is_some_and(|call| call.long == due),
            Wait::DrainCheck(lane) => tables.lanes.all.get(lane).is_some_and(|lane| lane.phase.is_draining()),
        };
        expect(fits, || format!("{wait:?} is waited for in vain"))?;
    }
    let backoffs = tables.rows.iter().filter(|(_, row)| row.state == State::Backoff);
    let lost = backoffs.map(|(index, row)| (index, row.arrival())).find(|(_, due)| tables.waits.get(*due).is_none());
    expect(lost.is_none(), || format!("{lost:?} waits for ever"))?;
    let groups = tables.groups.iter().filter_map(|(at, group)| Some((at, group.due?)));
    let lost = groups.into_iter().find(|(_, due)| tables.waits.get(*due).is_none());
    expect(lost.is_none(), || format!("{lost:?} waits for ever"))?;
    let waiting = tables.rows.iter().filter(|(_, row)| row.missing_parent().is_some()).count();
    let known = |(order, index): (&u64, &RowIndex)| {
        tables.rows.get(*index).and_then(Row::missing_parent).is_some_and(|wait| wait.order == *order)
    };
    let agree = waiting == tables.missing_parents.by_age.len() && tables.missing_parents.by_age.iter().all(known);
    expect(agree, || "the rows that wait for a missing parent disagree".to_owned())
}

fn routes(tables: &Tables) -> Result<(), String> {
    for (at, route) in tables.routes.all.iter() {
        let rows: Vec<_> = tables.rows.iter().map(|(_, row)| row).filter(|row| row.route == at).collect();
        let lanes = tables.lanes.all.iter().filter(|(_, lane)| lane.route == at).count();
        let name = &route.name;
        expect((rows.len(), lanes) == (route.rows, route.lanes), || format!("{name} counts {} rows", route.rows))?;
        expect(!route.load.is_touched && route.load.working == Change::default(), || {
            format!("{name} has not told all")
        })?;
        let stalled: Cost = rows.iter().filter(|row| row.flags.is_stalled).map(|row| row.cost()).sum();
        expect(stalled == route.load.stalled, || {
            format!("{name}: {stalled:?} is stalled, not {:?}", route.load.stalled)
        })?;
        let is_barred = tables.is_barred(route, tables.stalled_share());
        expect(is_barred == route.load.is_barred, || format!("{name} reads, or not, with {stalled:?} stalled"))?;
        expect(rows.len() + lanes > 0, || format!("{name} is kept for nothing"))?;
        let is_open = route.breaker.as_ref().is_some_and(|breaker| breaker.is_open);
        expect(is_open == route.valve.is_closed(), || format!("the breaker of {name} and its valve disagree"))?;
        let Some(breaker) = &route.breaker else { continue };
        let pending = rows.iter().filter(|row| row.flags.is_pending).count();
        expect(pending == breaker.pending, || format!("{name}: {pending} rows are pending, not {}", breaker.pending))?;
    }
    Ok(())
}

fn valves(tables: &Tables) -> impl Iterator<Item = (Scope, &Valve)> {
    let routes = tables.routes.all.iter().map(|(at, route)| (Scope::Route(at), &route.valve));
    let places = tables
        .places
        .all
        .iter()
        .flat_map(|(at, place)| [(Scope::Place(at), &place.refused), (Scope::Parked(at), &place.parked)]);
    routes.chain(places).chain([(Scope::Storage, &tables.storage)])
}

/// Closed valves have rows, and a probe that comes; open ones keep none.
fn closed_valves(tables: &Tables) -> Result<(), String> {
    let (mut closed, mut probing) = (0, 0);
    for (scope, valve) in valves(tables) {
        expect(valve.is_closed() || valve.stalled.is_empty(), || format!("{scope:?} is open, and rows wait for it"))?;
        if !matches!(scope, Scope::Route(_)) {
            closed += usize::from(valve.is_closed());
            probing += usize::from(valve.is_probing());
        }
        let barred = match scope {
            Scope::Place(place) => tables.places.all.get(place).map_or(0, |place| place.barred.len()),
            _ => 0,
        };
        expect(valve.is_closed() || barred == 0, || format!("{scope:?} is open, and groups wait for it"))?;
        let has_rows = barred > 0 || !valve.stalled.is_empty();
        let is_unused = valve.is_closed() && !has_rows && !valve.is_probing() && !matches!(scope, Scope::Route(_));
        expect(!is_unused, || format!("{scope:?} is closed and has no rows"))?;
        let comes = valve.is_probing() || valve.is_in_turn() || valve.wait().is_some();
        expect(!valve.is_closed() || !has_rows || comes, || format!("{scope:?} never probes"))?;
        let in_turn = tables.probe_pace.due.iter().filter(|(_, other)| *other == scope).count();
        expect(in_turn == usize::from(valve.is_in_turn()), || format!("{scope:?} is {in_turn} times in its turn"))?;
        let groups = tables.groups.iter().map(|(_, group)| group);
        let parts = tables.calls.iter().flat_map(|(_, call)| &call.parts);
        let probes = groups.chain(parts).filter(|group| group.probe == Some(scope)).count();
        expect(!valve.is_probing() || probes >= 1, || format!("{scope:?} waits for a probe that is gone"))?;
    }
    let pace = &tables.probe_pace;
    expect((pace.closed, pace.under_way) == (closed, probing), || {
        format!("{pace:?}: {closed} closed, {probing} probe")
    })?;
    expect(probing <= 2, || format!("{probing} probes at once"))?;
    expect(tables.emptied.is_empty(), || "a valve without rows is closed".to_owned())
}

/// Rows of a refused place are not ready, and none of its groups waits for a permit, but for a probe.
fn refused_places(tables: &Tables) -> Result<(), String> {
    for (at, place) in tables.places.all.iter() {
        let is_of = |row: &&Row| row.queue.and_then(|queue| tables.place_of(queue)) == Some(at);
        let rows: Vec<_> = tables.rows.iter().map(|(_, row)| row).filter(is_of).collect();
        expect(rows.len() == place.rows, || format!("{} has {} rows, not {}", place.name, rows.len(), place.rows))?;
        if !place.refused.is_closed() {
            continue;
        }
        for row in rows {
            let is_probe = |group| tables.groups.get(group).is_some_and(|group| group.probe == Some(Scope::Place(at)));
            let may_go = match row.state {
                State::Ready => false,
                State::Pinned(group) => is_probe(group),
                _ => true,
            };
            expect(may_go, || format!("{} is refused, and a row of it is {:?}", place.name, row.state))?;
        }
    }
    Ok(())
}

/// Each row counts in the class of its state, or of the first row of its identity.
fn classes(tables: &Tables) -> Result<(), String> {
    for (index, row) in tables.rows.iter() {
        let first = row.identity.and_then(|identity| tables.identities.all.get(identity)?.chain.first());
        let head = if row.state == State::Queued { first.and_then(|first| tables.rows.get(first)) } else { Some(row) };
        let is_stalled = head.is_some_and(|head| head.state != State::Queued && tables.is_stalled(head));
        expect(row.flags.is_stalled == is_stalled, || {
            format!("{index:?} is {:?}, stalled: {}", row.state, row.flags.is_stalled)
        })?;
    }
    Ok(())
}
