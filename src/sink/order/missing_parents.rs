//! Rows that wait for a parent which the org does not have yet.
//!
//! The parent may be a record further down their own partition: they hold at most their share of the budget, with the
//! later changes of their identities, and leave the rest to later records. Beyond that share, and if a row keeps its
//! lane from reading on, the oldest is tried once more and then rejected.

use super::{
    abandon::abandon,
    cost::Cost,
    ids::RowIndex,
    rejections::reject,
    row::{MissingParentWait, State},
    tables::Tables,
};
use crate::record::{Cause, Reason};

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
    let backoff = tables.backoff(wait.times).min(most.saturating_sub(wait.waited));
    wait.times = wait.times.saturating_add(1);
    wait.waited += backoff;
    tables.note_known(index);
    let Some(row) = tables.rows.get_mut(index) else { return };
    row.cold().missing_parent = Some(wait);
    if row.flags.closing {
        return abandon(tables, index);
    }
    tables.set(index, State::Backoff, tables.now.plus(backoff));
}

/// Returns the wait of a row, which begins now if it has none.
fn begun(tables: &mut Tables, index: RowIndex) -> Option<MissingParentWait> {
    if let Some(wait) = tables.rows.get(index)?.missing_parent() {
        return Some(*wait);
    }
    let order = tables.next_order();
    let wait = MissingParentWait { order, ..MissingParentWait::default() };
    tables.rows.get_mut(index)?.cold().missing_parent = Some(wait);
    tables.missing_parents.insert(order, index);
    Some(wait)
}

/// Expedites the oldest rows, until the others hold no more than their share.
pub(super) fn keep_share(tables: &mut Tables) {
    let mut held = Cost::default();
    let mut excess = Vec::new();
    for index in tables.missing_parents.values().rev() {
        let Some(row) = tables.rows.get(*index).filter(|row| !row.flags.expedited) else { continue };
        held += tables.identity_load(row);
        if held.exceeds(tables.settings.missing_parents) {
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
    let rows: Vec<_> = tables.missing_parents.values().copied().collect();
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
