//! Decides which call is made next.

use std::collections::HashSet;

use super::{
    event::{CallPart, CallRow, Effect, Permit},
    ids::{CallId, GroupIndex, ParentIndex, RowIndex},
    moment::Moment,
    pinned::{Call, Group, GroupHistory},
    rejections::{reject, stall},
    row::State,
    tables::{Tables, Until},
};
use crate::record::{Cause, Reason};

/// Returns whether a call can be made now.
pub(super) fn is_due(tables: &Tables) -> bool {
    pinned_ready(tables, 0).is_some() || tables.queues.batches.first().is_some_and(|(due, _)| due <= tables.now)
}

/// Returns whether a call can be made now, or once its rows have lingered.
pub(super) fn has_rows(tables: &Tables) -> bool {
    pinned_ready(tables, 0).is_some() || tables.queues.batches.first().is_some()
}

/// Makes the call that is due first. Probes take in turn that call and another one. If there is no other one, or
/// if the probe must not write, it only asks whether the org is well.
pub(super) fn granted(tables: &mut Tables, permit: Permit) {
    let other = permit.is_probe && std::mem::take(&mut tables.probe_takes_other);
    tables.probe_takes_other |= permit.is_probe && !other;
    // A write might be one more that is not answered, and applied all the same.
    let next = if permit.is_probe && permit.reads_only { None } else { next(tables, other) };
    match next {
        Some(group) => send(tables, group),
        // A probe has to be answered.
        None if permit.is_probe => tables.effects.push(Effect::Probe),
        None => {}
    }
}

/// Returns the first group, or the second one, that has rows to send. Rows whose breaker is open are stalled.
fn next(tables: &mut Tables, other: bool) -> Option<GroupIndex> {
    loop {
        let index = if other { second(tables) } else { first(tables) }?;
        let group = tables.groups.get(index)?;
        if group.probe.is_none() {
            let is_open = |row: &RowIndex| tables.rows.get(*row).is_some_and(|row| tables.routes.is_open(row.route));
            let waiting: Vec<_> = group.rows.iter().copied().filter(is_open).collect();
            for row in waiting {
                stall(tables, row);
            }
        }
        let is_empty = tables.groups.get(index).is_none_or(|group| group.rows.is_empty());
        if !is_empty {
            return Some(index);
        }
        tables.groups.remove(index);
    }
}

fn first(tables: &mut Tables) -> Option<GroupIndex> {
    unpin(tables, 0).or_else(|| draw(tables, true))
}

fn second(tables: &mut Tables) -> Option<GroupIndex> {
    if let Some(second) = unpin(tables, 1) {
        return Some(second);
    }
    if pinned_ready(tables, 0).is_none() {
        // The first of the queues stays the first.
        let first = draw(tables, false)?;
        tables.pinned.push_front(first);
    }
    draw(tables, false)
}

/// Takes the nth of the pinned groups that can be sent, or as much of it as a call may have.
fn unpin(tables: &mut Tables, nth: usize) -> Option<GroupIndex> {
    let position = pinned_ready(tables, nth)?;
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
/// on the wire, or in an earlier group.
fn pinned_ready(tables: &Tables, nth: usize) -> Option<usize> {
    if tables.queues.parents.is_empty() {
        return (nth < tables.pinned.len()).then_some(nth);
    }
    let mut earlier = HashSet::new();
    let mut ready = 0;
    for (position, group) in tables.pinned.iter().enumerate() {
        let parents: Vec<_> = tables.groups.get(*group).map(|group| parents(tables, group)).unwrap_or_default();
        let is_sent =
            |parent: &ParentIndex| tables.queues.parents.all.get(*parent).is_some_and(|parent| parent.sent > 0);
        if !parents.iter().any(|parent| is_sent(parent) || earlier.contains(parent)) {
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
    let (at, queue) = tables.queues.batches.first()?;
    if due && at > tables.now {
        return None;
    }
    let rows = tables.queues.draw(&tables.rows, queue);
    tables.form(queue, rows, GroupHistory::default(), Until::Permit)
}

fn send(tables: &mut Tables, index: GroupIndex) {
    let Some(group) = tables.groups.remove(index) else { return };
    let Some(key) = tables.queues.batches.key(group.queue).cloned() else { return };
    let rows = group.rows.clone();
    let call = tables.calls.insert(Call { parts: vec![group] });
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
    while let Some(index) = draw(tables, false) {
        rows.extend(tables.groups.get(index).map(|group| group.rows.clone()).unwrap_or_default());
    }
    for row in rows {
        reject(tables, row, Reason::QuotaSpent, cause.clone());
    }
}

/// The time of the next call that is not due yet.
pub(super) fn next_due(tables: &Tables) -> Option<Moment> {
    tables.queues.batches.first().map(|(due, _)| due).filter(|due| *due > tables.now)
}
