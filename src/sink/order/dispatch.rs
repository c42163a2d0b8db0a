//! Decides which call is made next.

use std::{collections::HashSet, time::Duration};

use super::{
    event::{CallPart, CallRow, Effect, Permit},
    ids::{CallId, GroupIndex, ParentIndex, QueueIndex, RowIndex},
    moment::Moment,
    pinned::{Call, Group, GroupHistory, Until},
    rejections::reject,
    row::State,
    scope::Scope,
    shares::{self, may_send},
    tables::Tables,
    valves::stall,
    waits::Due,
};
use crate::record::{Cause, Reason};

/// How often the share of a place that waits for a call is computed anew.
const SHARE_CHECK: Duration = Duration::from_secs(1);

/// Returns whether a permit is wanted now.
pub(super) fn is_due(tables: &Tables) -> bool {
    let asks = tables.witness.due().is_some_and(|due| due <= tables.now);
    asks || pinned_ready(tables, 0, false).is_some() || first_queue(tables).is_some_and(|(due, _)| due <= tables.now)
}

/// Returns whether a call can be made now, or once its rows have lingered.
pub(super) fn has_rows(tables: &Tables) -> bool {
    pinned_ready(tables, 0, false).is_some() || tables.queues.batches.by_due().next().is_some()
}

/// The queue whose call is due first, of those whose places may have one call more.
fn first_queue(tables: &Tables) -> Option<(Moment, QueueIndex)> {
    let may_send = |queue: QueueIndex| tables.place_of(queue).is_none_or(|place| may_send(tables, place));
    tables.queues.batches.by_due().find(|(_, queue)| may_send(*queue))
}

/// Makes the call that is due first. Probes take in turn that call and another one. If there is no other one, or
/// if the probe must not write, it only asks whether the org is well.
pub(super) fn granted(tables: &mut Tables, permit: Permit) {
    let other = permit.is_probe && std::mem::take(&mut tables.probe_takes_other);
    tables.probe_takes_other |= permit.is_probe && !other;
    // A write might be one more that is not answered, and applied all the same.
    let is_asked = tables.witness.due().is_some_and(|due| due <= tables.now);
    if permit.is_probe || is_asked {
        // A probe of the org answers as well.
        tables.witness.asked(tables.now);
    }
    if is_asked && !permit.is_probe {
        tables.effects.push(Effect::Probe);
        return;
    }
    let next = if permit.is_probe && permit.reads_only { None } else { next(tables, other, permit.is_probe) };
    match next {
        Some(group) => send(tables, group),
        // A probe has to be answered.
        None if permit.is_probe => tables.effects.push(Effect::Probe),
        None => {}
    }
}

/// Returns the first group, or the second one, that has rows to send. Rows whose breaker is open are stalled. `is_probe`:
/// the call is the probe of the org, and must not be one of a place that is refused anyway.
fn next(tables: &mut Tables, other: bool, is_probe: bool) -> Option<GroupIndex> {
    loop {
        let index = if other { second(tables, is_probe) } else { first(tables, is_probe) }?;
        let group = tables.groups.get(index)?;
        if group.probe.is_none() {
            let is_open = |row: &RowIndex| tables.rows.get(*row).is_some_and(|row| tables.routes.is_open(row.route));
            let waiting: Vec<_> = group.rows.iter().copied().filter(is_open).collect();
            for index in waiting {
                if let Some((route, is_probe)) = tables.rows.get(index).map(|row| (row.route, row.flags.is_probe)) {
                    stall(tables, index, Scope::Route(route), is_probe);
                }
            }
        }
        let is_empty = tables.groups.get(index).is_none_or(|group| group.rows.is_empty());
        if !is_empty {
            return Some(index);
        }
    }
}

fn first(tables: &mut Tables, is_probe: bool) -> Option<GroupIndex> {
    unpin(tables, 0, is_probe).or_else(|| draw(tables, true))
}

fn second(tables: &mut Tables, is_probe: bool) -> Option<GroupIndex> {
    if let Some(second) = unpin(tables, 1, is_probe) {
        return Some(second);
    }
    if pinned_ready(tables, 0, is_probe).is_none() {
        // The first of the queues stays the first.
        let first = draw(tables, false)?;
        tables.pinned.push_front(first);
    }
    draw(tables, false)
}

/// Takes the nth of the pinned groups that can be sent, or as much of it as a call may have.
fn unpin(tables: &mut Tables, nth: usize, is_probe: bool) -> Option<GroupIndex> {
    let position = pinned_ready(tables, nth, is_probe)?;
    let index = tables.pinned.remove(position)?;
    let group = tables.groups.get_mut(index)?;
    let most = tables.queues.batches.key(group.queue).map_or(usize::MAX, |key| tables.queues.sizes.in_time(key));
    if group.rows.len() > most.max(1) {
        let rows = group.rows.split_off(most.max(1));
        let (queue, past) = (group.queue, group.past.clone());
        if let Some(rest) = tables.form(queue, rows, past, Until::Permit) {
            tables.pinned.insert(position, rest);
        }
    }
    Some(index)
}

/// Returns the position of the nth pinned group that may be sent. A group may not if a child of one of its parents is
/// on the wire, or in an earlier group; nor if its place has all the calls that it may have.
fn pinned_ready(tables: &Tables, nth: usize, is_probe: bool) -> Option<usize> {
    let mut earlier = HashSet::new();
    let mut ready = 0;
    for (position, group) in tables.pinned.iter().enumerate() {
        let Some(group) = tables.groups.get(*group) else { continue };
        let is_of_open_place = match group.probe {
            Some(Scope::Place(_) | Scope::Parked(_) | Scope::Storage) => !is_probe,
            Some(Scope::Route(_)) | None => tables.place_of(group.queue).is_none_or(|place| may_send(tables, place)),
        };
        let parents = if tables.queues.parents.is_empty() { Vec::new() } else { parents(tables, group) };
        let is_sent =
            |parent: &ParentIndex| tables.queues.parents.all.get(*parent).is_some_and(|parent| parent.sent > 0);
        if is_of_open_place && !parents.iter().any(|parent| is_sent(parent) || earlier.contains(parent)) {
            if ready == nth {
                return Some(position);
            }
            ready += 1;
        }
        earlier.extend(parents);
    }
    None
}

fn parents(tables: &Tables, group: &Group) -> Vec<ParentIndex> {
    group.rows.iter().filter_map(|row| tables.rows.get(*row)?.parent).collect()
}

/// Takes the rows of the first call out of the queues, as a group. Without `due` it takes them also before they have
/// lingered.
fn draw(tables: &mut Tables, due: bool) -> Option<GroupIndex> {
    let (at, queue) = first_queue(tables)?;
    if due && at > tables.now { None } else { draw_from(tables, queue) }
}

fn draw_from(tables: &mut Tables, queue: QueueIndex) -> Option<GroupIndex> {
    let rows = tables.queues.draw(&tables.rows, queue);
    tables.form(queue, rows, GroupHistory::default(), Until::Permit)
}

fn send(tables: &mut Tables, index: GroupIndex) {
    let Some(group) = tables.groups.remove(index) else { return };
    let Some(key) = tables.queues.batches.key(group.queue).cloned() else { return };
    let Some(place) = tables.place_of(group.queue) else { return };
    let rows = group.rows.clone();
    let call = tables.calls.insert(Call { parts: vec![group], place, sent: tables.now, long: Due::default() });
    shares::sent(tables, call, place);
    let mut sent = Vec::with_capacity(rows.len());
    for index in rows {
        tables.set(index, State::OnWire(call), tables.now);
        let id = tables.rows.id(index);
        let Some(row) = tables.rows.get_mut(index) else { continue };
        let maybe_applied = row.flags.maybe_applied;
        sent.extend(row.body.take().map(|body| CallRow { row: id, body, maybe_applied }));
    }
    let call: CallId = tables.calls.id(call);
    tables.effects.push(Effect::Call { call, parts: vec![CallPart { key, rows: sent }] });
}

/// Rejects the rows that are pinned, and those that a call can take out of the queues, since the quota is exhausted.
pub(super) fn reject_waiting(tables: &mut Tables, cause: &Cause) {
    let mut rows = Vec::new();
    for index in std::mem::take(&mut tables.pinned) {
        rows.extend(tables.groups.get(index).map(|group| group.rows.clone()).unwrap_or_default());
    }
    loop {
        let next = tables.queues.batches.by_due().next();
        let Some(index) = next.and_then(|(_, queue)| draw_from(tables, queue)) else { break };
        rows.extend(tables.groups.get(index).map(|group| group.rows.clone()).unwrap_or_default());
    }
    for row in rows {
        reject(tables, row, Reason::QuotaSpent, cause.clone());
    }
}

/// The time at which a permit will be wanted, if it is not now.
pub(super) fn next_due(tables: &Tables) -> Option<Moment> {
    let queue = first_queue(tables).map(|(due, _)| due);
    // Its place has all the calls that it may have, until it may have more.
    let waits = queue.is_none() && tables.queues.batches.by_due().next().is_some();
    let share = (waits || queue.is_none() && !tables.pinned.is_empty()).then(|| tables.now.plus(SHARE_CHECK));
    [queue, tables.witness.due(), share].into_iter().flatten().filter(|due| *due > tables.now).min()
}
