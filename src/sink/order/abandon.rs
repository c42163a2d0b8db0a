//! Abandons records, which are read again: the lane commits nothing after such a record, and sends no later change of
//! its identity.

use super::{
    event::{Effect, Notice},
    ids::{LaneIndex, RowIndex},
    lanes::Phase,
    row::State,
    tables::{End, Tables},
};
use crate::mutation::{self, Mutation};

/// Abandons a row that can take no effect any more. Its lane reads no further, and the records after it are closed
/// where they may be, before a later change of the identity may go.
pub(super) fn abandon(tables: &mut Tables, index: RowIndex) {
    let Some(row) = tables.rows.get(index) else { return };
    let (lane, number) = (row.lane, row.number);
    // Its lane has been closed already, and has waited only for the end of its attempt.
    let end = if row.flags.closing { End::Abandoned } else { End::Failed };
    if let Some(at) = lane {
        tell(tables, at);
        cut(tables, at, number + 1);
    }
    tables.remove(index, end);
}

/// Tells a lane to read no more.
fn tell(tables: &mut Tables, at: LaneIndex) {
    let Some(lane) = tables.lanes.touch(at) else { return };
    if lane.phase == Phase::Open {
        lane.phase = Phase::Closing;
        // Its record is read again.
        lane.refused = None;
    }
    if !std::mem::replace(&mut lane.must_drain, true) {
        let lane = lane.id;
        tables.effects.push(Effect::Drain { lane });
    }
}

/// Closes the records of a lane from the given number on, if they can take no effect any more; the others settle only
/// if their attempts have an outcome. Returns the number of closed records.
fn cut(tables: &mut Tables, at: LaneIndex, from: u64) -> usize {
    let mut closed = 0;
    for index in open_rows(tables, at, from) {
        let Some(row) = tables.rows.get_mut(index) else { continue };
        if row.state.can_close() {
            tables.remove(index, End::Abandoned);
            closed += 1;
        } else {
            row.flags.closing = true;
        }
    }
    closed
}

/// The rows of a lane from the given number on, the last one first.
pub(super) fn open_rows(tables: &Tables, at: LaneIndex, from: u64) -> Vec<RowIndex> {
    let Some(lane) = tables.lanes.all.get(at) else { return Vec::new() };
    let open = lane.fifo.open().rev().take_while(|(number, _)| *number >= from);
    open.map(|(_, row)| *row).collect()
}

/// Closes the last records of a lane, back to one that is done or may still take effect. Nothing after them is done, so
/// that nothing is repeated.
pub(super) fn close_tail(tables: &mut Tables, at: LaneIndex) {
    let Some(lane) = tables.lanes.touch(at) else { return };
    let tail: Vec<_> = lane.fifo.tail().map(|(_, row)| *row).collect();
    for index in tail {
        if !tables.rows.get(index).is_some_and(|row| row.state.can_close()) {
            return;
        }
        tables.remove(index, End::Abandoned);
    }
}

/// Cuts a drain short: what can be closed is read again, and so is all that comes after it.
pub(super) fn give_up(tables: &mut Tables, at: LaneIndex, why: &'static str) {
    let Some(lane) = tables.lanes.touch(at) else { return };
    let Phase::Draining { patience, .. } = lane.phase else { return };
    if lane.fifo.oldest().is_none() && !lane.fifo.would_repeat() {
        return;
    }
    lane.phase = Phase::CutShort;
    let lane = lane.id;
    tables.waits.remove(patience);
    let given_up = cut(tables, at, 0);
    tables.notice(Notice::DrainCutShort { lane, given_up, why });
}

/// Ends a lane that is gone or drained. A row on the wire keeps its identity until its answer, or until the end of its
/// hold.
pub(super) fn end_lane(tables: &mut Tables, at: LaneIndex) {
    for index in open_rows(tables, at, 0) {
        let Some(row) = tables.rows.get_mut(index) else { continue };
        let (state, waited) = (row.state, tables.now.since(row.read));
        if !matches!(state, State::OnWire(_) | State::Held(_)) {
            tables.remove(index, End::Abandoned);
            continue;
        }
        row.lane = None;
        row.flags.closing = true;
        if let Some(lane) = tables.lanes.get_mut(at) {
            lane.books.dropped.push(waited);
        }
        if matches!(state, State::Held(_)) {
            tables.free(index);
        }
        if mutation::on(Mutation::Ghost) {
            tables.leave_identity(index);
        }
    }
    let Some(lane) = tables.lanes.remove(at) else { return };
    if let Phase::Draining { patience, .. } = lane.phase {
        tables.waits.remove(patience);
    }
    if !lane.books.is_empty() {
        tables.effects.push(Effect::OutcomeCounts { lane: lane.id, books: lane.books });
    }
    if let Some(route) = tables.routes.all.get_mut(lane.route) {
        route.lanes = route.lanes.saturating_sub(1);
    }
    tables.routes.touch(lane.route);
    tables.routes.unused.push(lane.route);
}
