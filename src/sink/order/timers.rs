//! Goes on with rows, groups, parents, probes and drains whose times have come.

use super::{
    abandon::{abandon, give_up},
    ids::{GroupIndex, LaneIndex, RouteIndex},
    lanes::Phase,
    parents::Hold,
    pinned::{Group, GroupHistory},
    rejections::reject,
    row::State,
    tables::{Tables, Until},
    waits::Wait,
};
use crate::record::{Cause, Reason};

pub(super) fn on_timers(tables: &mut Tables) {
    while let Some(wait) = tables.waits.pop(tables.now) {
        match wait {
            Wait::Row(row) => tables.set(row, State::Ready, tables.now),
            Wait::Group(group) => repeat(tables, group),
            Wait::Parent(parent) => tables.queues.release(&tables.rows, parent, Hold::Resting),
            Wait::Probe(route) => probe(tables, route),
            Wait::DrainCheck(lane) => look(tables, lane),
        }
    }
}

/// Repeats a call whose backoff, or whose hold, is over.
fn repeat(tables: &mut Tables, index: GroupIndex) {
    let Some(group) = tables.groups.get(index) else { return };
    let is_over =
        |row: &&super::ids::RowIndex| tables.rows.get(**row).is_some_and(|row| row.flags.closing || row.flags.is_last);
    let over: Vec<_> = group.rows.iter().filter(is_over).copied().collect();
    for row in over {
        abandon(tables, row);
    }
    // A group that has become empty is gone by now.
    let Some(Group { queue, rows, mut past, .. }) = tables.dissolve(index) else { return };
    past.failures.judge(tables.tally);
    // The other rows of the call may be gone with their lanes, and one of them may have been to blame.
    let left_alone = rows.len() == 1 && past.failures.in_company();
    if left_alone || past.failures.own < tables.settings.retry.max_attempts {
        tables.pin(queue, rows, past);
    } else if rows.len() > 1 {
        tables.halve(queue, rows, &past);
    } else {
        for index in rows {
            let cause = tables.rows.get_mut(index).and_then(|row| row.cold.as_mut()?.cause.take());
            let cause = cause.unwrap_or_else(|| Cause::new("the call keeps failing"));
            reject(tables, index, Reason::Poison, cause);
        }
    }
}

/// Lets one row of a route try whether its breaker can be closed: in turn the oldest, then another one, so that a row
/// which is bad by itself does not keep its route waiting.
fn probe(tables: &mut Tables, at: RouteIndex) {
    let Some(route) = tables.routes.all.get_mut(at) else { return };
    let Some(breaker) = &mut route.breaker else { return };
    breaker.replace_wait(None);
    if route.stalled.is_empty() || breaker.probe_due().is_none() {
        return;
    }
    let nth = usize::from(breaker.begin_probe(route.stalled.len() > 1));
    let Some(index) = route.stalled.iter(&tables.rows).nth(nth) else { return };
    let Some(queue) = tables.rows.get(index).and_then(|row| row.queue) else { return };
    let group = tables.form(queue, vec![index], GroupHistory::default(), Until::Permit);
    if let Some(group) = group.and_then(|group| Some((group, tables.groups.get_mut(group)?))) {
        group.1.probe = Some(at);
        tables.pinned.push_back(group.0);
    }
}

/// Checks whether a drain has made progress since the last check, and gives it up if not.
fn look(tables: &mut Tables, at: LaneIndex) {
    let Some(lane) = tables.lanes.all.get(at) else { return };
    let Phase::Draining { open, .. } = lane.phase else { return };
    let left = lane.fifo.open().count();
    let is_sent = |row| tables.rows.get(row).is_some_and(|row| !row.state.can_close());
    let comes = left < open || lane.fifo.open().any(|(_, row)| is_sent(*row));
    let patience = (tables.now.plus(tables.settings.patience), tables.next_order());
    tables.waits.insert(patience, Wait::DrainCheck(at));
    if let Some(lane) = tables.lanes.get_mut(at) {
        lane.phase = Phase::Draining { patience, open: left };
    }
    if !comes {
        give_up(tables, at, "its records wait, and nothing comes of them");
    }
}
