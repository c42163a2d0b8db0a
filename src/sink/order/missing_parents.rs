//! Rows that wait for a parent which the org does not have yet.
//!
//! The parent may be a record further down their own partition: they hold at most their share of the budget, with the
//! later changes of their identities, and leave the rest to later records. Beyond that share, and if a row keeps its
//! lane from reading on, the oldest is tried once more and then rejected.

use std::collections::HashMap;

use super::{
    abandon::abandon,
    cost::Cost,
    ids::RowIndex,
    rejections::reject,
    repeats::end_backoff,
    row::{MissingParentWait, State},
    tables::Tables,
};
use crate::record::{Action, Cause, Command, Reason};

/// A row's backoff ends early at most this often, since a record with its parent's name was written.
const MOST_HINTS: u32 = 3;

// As a method of the tables, so that these do not import this file.
impl Tables {
    /// Lets the rows go at once that wait for a parent of the name of a row which was written.
    pub(super) fn parent_came(&mut self, index: RowIndex) {
        came(self, index);
    }
}

fn came(tables: &mut Tables, index: RowIndex) {
    if !tables.missing_parents.has_names() {
        return;
    }
    let command = tables.rows.get(index).and_then(|row| row.body.as_ref()?.command());
    let Some(name) = command.filter(|command| command.action != Action::Delete).and_then(Command::name) else { return };
    let children = tables.missing_parents.of_name(&name);
    for child in children {
        let Some(row) = tables.rows.get_mut(child).filter(|row| row.state == State::Backoff) else { continue };
        let Some(wait) = row.cold.as_mut().and_then(|cold| cold.missing_parent.as_mut()) else { continue };
        if wait.hints < MOST_HINTS {
            wait.hints += 1;
            end_backoff(tables, child);
        }
    }
}

/// Lets a row wait for its parent, which the org does not have; rejects it if it has waited long enough.
pub(super) fn is_missing(tables: &mut Tables, index: RowIndex, cause: Cause) {
    let most = tables.settings.retry.missing_parent_wait;
    let Some(mut wait) = begun(tables, index) else { return };
    if wait.waited >= most {
        return reject(tables, index, Reason::MissingParent, cause);
    }
    if wait.is_last {
        let message = Cause::cut(format!("parent not found, wait cut short: {}", cause.message));
        return reject(tables, index, Reason::MissingParent, Cause { message, ..cause });
    }
    let due = tables.round(index, wait.times, most.saturating_sub(wait.waited));
    wait.times = wait.times.saturating_add(1);
    wait.waited += due.since(tables.now);
    tables.note_known(index);
    let Some(row) = tables.rows.get_mut(index) else { return };
    row.cold().missing_parent = Some(wait);
    if row.flags.closing {
        return abandon(tables, index);
    }
    tables.set(index, State::Backoff, due);
}

/// Returns the wait of a row, which begins now if it has none.
fn begun(tables: &mut Tables, index: RowIndex) -> Option<MissingParentWait> {
    if let Some(wait) = tables.rows.get(index)?.missing_parent() {
        return Some(*wait);
    }
    let order = tables.next_order();
    let wait = MissingParentWait { order, ..MissingParentWait::default() };
    let row = tables.rows.get_mut(index)?;
    row.cold().missing_parent = Some(wait);
    tables.missing_parents.insert(order, index, row);
    Some(wait)
}

/// Expedites the oldest rows of each route, until the others hold no more than its share.
pub(super) fn keep_share(tables: &mut Tables) {
    let share = tables.stalled_share();
    let mut held: HashMap<_, Cost> = HashMap::new();
    let mut excess = Vec::new();
    for index in tables.missing_parents.by_age.values().rev() {
        let Some(row) = tables.rows.get(*index).filter(|row| !row.flags.expedited) else { continue };
        let held = held.entry(row.route).or_default();
        *held += tables.identity_load(row);
        if held.exceeds(share) {
            excess.push(*index);
        }
    }
    for index in excess {
        if let Some(row) = tables.rows.get_mut(index) {
            row.flags.expedited = true;
        }
    }
    send_expedited(tables);
}

/// Expedites a row that blocks others.
pub(super) fn expedite(tables: &mut Tables, index: RowIndex) {
    let Some(row) = tables.rows.get_mut(index) else { return };
    if !std::mem::replace(&mut row.flags.expedited, true) {
        keep_share(tables);
    }
}

/// Lets expedited rows have their last attempt now.
fn send_expedited(tables: &mut Tables) {
    let rows: Vec<_> = tables.missing_parents.by_age.values().copied().collect();
    for index in rows {
        let Some(row) = tables.rows.get_mut(index) else { continue };
        if !row.flags.expedited || row.state != State::Backoff {
            continue;
        }
        if let Some(wait) = &mut row.cold().missing_parent {
            wait.is_last = true;
        }
        tables.set(index, State::Ready, tables.now);
    }
}
