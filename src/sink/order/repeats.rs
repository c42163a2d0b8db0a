//! Repeats of single rows: after a backoff, a few times only, or without some fields.

use std::time::Duration;

use super::{
    abandon::abandon,
    event::Notice,
    ids::RowIndex,
    pinned::{GroupHistory, Until},
    races::{self, Repeat},
    rejections::reject,
    row::State,
    tables::Tables,
};
use crate::record::{ApiName, Cause, Reason};

/// Repeats a row after a backoff, as the org asks, until `row_timeout`.
pub(super) fn again(tables: &mut Tables, index: RowIndex, cause: Cause) {
    let timeout = tables.settings.retry.row_timeout;
    let Some(row) = tables.rows.get_mut(index) else { return };
    let waited = row.cold.as_ref().map_or(Duration::ZERO, |cold| cold.retry_waited);
    if !timeout.is_zero() && waited >= timeout {
        return reject(tables, index, Reason::RowTimeout, cause);
    }
    let doublings = u32::from(row.retries);
    row.retries = row.retries.saturating_add(1);
    let longest = if timeout.is_zero() { Duration::MAX } else { timeout.saturating_sub(waited) };
    let due = tables.round(index, doublings, longest);
    let backoff = due.since(tables.now);
    tables.note_known(index);
    let Some(row) = tables.rows.get_mut(index) else { return };
    row.cold().retry_waited += backoff;
    if row.flags.closing {
        return abandon(tables, index);
    }
    tables.set(index, State::Backoff, due);
}

/// Ends the backoff of a row early. What is left of it does not count as waited.
pub(super) fn end_backoff(tables: &mut Tables, index: RowIndex) {
    let now = tables.now;
    let Some(row) = tables.rows.get_mut(index).filter(|row| row.state == State::Backoff) else { return };
    let left = row.since.since(now);
    if let Some(cold) = &mut row.cold {
        match &mut cold.missing_parent {
            Some(wait) => wait.waited = wait.waited.saturating_sub(left),
            None => cold.retry_waited = cold.retry_waited.saturating_sub(left),
        }
    }
    tables.set(index, State::Ready, now);
}

/// Repeats an upsert whose record was found, and deleted before it was written.
pub(super) fn deleted_meanwhile(tables: &mut Tables, index: RowIndex, cause: Cause) {
    let Some(row) = tables.rows.get_mut(index) else { return };
    row.deleted_times = row.deleted_times.saturating_add(1);
    if u32::from(row.deleted_times) > races::GONE_REPEATS {
        return reject(tables, index, Reason::Refused, cause);
    }
    again(tables, index, cause);
}

/// Sets a row apart: another row or record has its key, or its value of another unique field. Returns the time after
/// which the row goes again with the others of its call, if it does so.
pub(super) fn isolate(tables: &mut Tables, index: RowIndex, cause: Cause) -> Option<Duration> {
    let timeout = tables.settings.retry.row_timeout;
    let row = tables.rows.get_mut(index)?;
    row.isolated_times = row.isolated_times.saturating_add(1);
    let (times, queue, is_closing) = (u32::from(row.isolated_times), row.queue?, row.flags.closing);
    let repeat = races::after_apart(times, timeout);
    if repeat == Repeat::Never {
        reject(tables, index, Reason::Refused, cause);
        return None;
    }
    tables.note_known(index);
    if is_closing {
        abandon(tables, index);
        return None;
    }
    match repeat {
        Repeat::Together(wait) => Some(wait),
        Repeat::Alone(wait) => {
            let due = tables.now.plus(wait);
            tables.form(queue, vec![index], GroupHistory::default(), Until::Backoff(due));
            None
        }
        Repeat::Never => None,
    }
}

/// Takes out fields that can be created and not updated, since the row's record exists.
pub(super) fn strip(tables: &mut Tables, index: RowIndex, fields: &[ApiName]) {
    let Some(row) = tables.rows.get_mut(index) else { return };
    row.flags.is_stripped = true;
    let Some(command) = row.body.as_mut().and_then(|body| body.command_mut()) else { return };
    command.fields.remove(fields);
    let (sobject, bytes) = (command.sobject.name.clone(), command.row_len());
    row.bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    tables.notice(Notice::FieldsLeftOut { sobject, fields: fields.to_vec() });
    tables.set(index, State::Ready, tables.now);
}
