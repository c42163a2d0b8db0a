//! Goes on with rows, groups, parents, probes and drains whose times have come.

use super::{
    abandon::{abandon, give_up},
    ids::{GroupIndex, LaneIndex},
    lanes::Phase,
    parents::Hold,
    pinned::Group,
    rejections::reject,
    row::State,
    shares,
    tables::Tables,
    valves::{on_probe_due, start_probes},
    waits::Wait,
};
use crate::record::{Cause, Reason};

pub(super) fn on_timers(tables: &mut Tables) {
    while let Some(wait) = tables.waits.pop(tables.now) {
        match wait {
            Wait::Row(row) => tables.set(row, State::Ready, tables.now),
            Wait::Group(group) => repeat(tables, group),
            Wait::Parent(parent) => tables.queues.release(&tables.rows, parent, Hold::Resting),
            Wait::Probe(scope) => on_probe_due(tables, scope),
            Wait::NextProbe => {
                tables.probe_pace.wait = None;
                start_probes(tables);
            }
            Wait::LongCall(call) => {
                if let Some(place) = tables.calls.get(call).map(|call| call.place) {
                    shares::is_long(tables, place);
                }
            }
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
