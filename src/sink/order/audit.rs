//! Recounts all that the core keeps twice. Tests do so after each event.

use std::collections::{HashMap, HashSet};

use super::{
    cost::Cost,
    identities::Holder,
    ids::{QueueIndex, RowIndex},
    lanes::Phase,
    parents::Hold,
    row::{Row, State},
    tables::{Tables, hold_of},
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
        expect(is_pinned == usize::from(group.due.is_none()), || format!("{at:?} is pinned {is_pinned} times"))?;
        for row in &group.rows {
            let state = tables.rows.get(*row).map(|row| row.state);
            let fits = match state {
                Some(State::Pinned(other)) => other == at && group.due.is_none(),
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
    for (_, route) in tables.routes.all.iter() {
        let stalled: Vec<_> = route.stalled.iter(&tables.rows).collect();
        expect(stalled.len() == route.stalled.len(), || format!("{} has {stalled:?}", route.name))?;
        stalled.into_iter().try_for_each(|row| list(row, State::Stalled))?;
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
        let is_due = batches.first().is_some_and(|(due, _)| due <= tables.now.plus(tables.settings.linger));
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
            Wait::Probe(route) => {
                let breaker = tables.routes.all.get(route).and_then(|route| route.breaker.as_ref());
                breaker.is_some_and(|breaker| breaker.wait() == Some(due))
            }
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
    let agree = waiting == tables.missing_parents.len() && tables.missing_parents.iter().all(known);
    expect(agree, || "the rows that wait for a missing parent disagree".to_owned())
}

fn routes(tables: &Tables) -> Result<(), String> {
    for (at, route) in tables.routes.all.iter() {
        let rows: Vec<_> = tables.rows.iter().map(|(_, row)| row).filter(|row| row.route == at).collect();
        let lanes = tables.lanes.all.iter().filter(|(_, lane)| lane.route == at).count();
        let name = &route.name;
        expect((rows.len(), lanes) == (route.rows, route.lanes), || format!("{name} counts {} rows", route.rows))?;
        expect(route.released.is_zero(), || format!("{name} keeps {:?}", route.released))?;
        expect(rows.len() + lanes > 0, || format!("{name} is kept for nothing"))?;
        let Some(breaker) = &route.breaker else {
            expect(route.stalled.is_empty(), || format!("{name} has no breaker"))?;
            continue;
        };
        let pending = rows.iter().filter(|row| row.flags.is_pending).count();
        expect(pending == breaker.pending, || format!("{name}: {pending} rows are pending, not {}", breaker.pending))?;
        expect(breaker.is_open() || route.stalled.is_empty(), || format!("{name} is closed and its rows wait"))?;
        let waits = breaker.probe_due().is_none() || route.stalled.is_empty() || breaker.wait().is_some();
        expect(waits, || format!("{name} never probes"))?;
    }
    Ok(())
}
