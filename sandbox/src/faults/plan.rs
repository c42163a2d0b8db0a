//! What the script does to one call: delays and failing rows add up, and at most one fault takes the answer.

use std::time::Duration;

use super::{Action, Facts};
use crate::{protocol::RowError, rows::Forced};

#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) delay: Duration,
    pub(crate) forced: Forced,
    /// The fault that takes the whole answer.
    pub(crate) answer: Option<Action>,
}

impl Plan {
    pub(super) fn takes(&self, action: &Action) -> bool {
        match action {
            Action::Latency { .. } | Action::RowError { .. } | Action::Lock { .. } => true,
            Action::Trigger { .. } => self.forced.all.is_none(),
            Action::FewerResults { .. } => self.forced.missing == 0,
            _ => self.answer.is_none(),
        }
    }

    pub(super) fn add(&mut self, action: &Action, matching: &[usize], facts: &Facts) {
        match action {
            Action::Latency { ms } => self.delay += Duration::from_millis(*ms),
            Action::RowError { code, message, fields, rows } => {
                let error = RowError { code: code.clone(), message: message.clone(), fields: fields.clone() };
                let rows = rows.as_deref().unwrap_or(matching);
                self.forced.rows.extend(rows.iter().map(|row| (*row, error.clone())));
            }
            Action::Lock { message, in_trigger, wait_ms } => {
                self.delay += Duration::from_millis(*wait_ms);
                for row in matching {
                    let (code, quoted) = if *in_trigger { in_a_trigger() } else { of_row(facts.name(*row)) };
                    let message = message.clone().unwrap_or(quoted);
                    self.forced.rows.insert(*row, RowError::new(code, message, &[]));
                }
            }
            Action::Trigger { code, message } => {
                self.forced.all = Some(RowError::new(code, message.clone(), &[]));
            }
            Action::FewerResults { by } => self.forced.missing = *by,
            other => self.answer = Some(other.clone()),
        }
    }
}

/// Quoted.
fn of_row(named: &str) -> (&'static str, String) {
    ("UNABLE_TO_LOCK_ROW", format!("unable to obtain exclusive access to this record or 1 records: {named}"))
}

/// The frame is that of the guides' examples, the cause is pasted from an org.
fn in_a_trigger() -> (&'static str, String) {
    let text = "AccountTrigger: execution of BeforeUpdate\n\ncaused by: System.QueryException: Record Currently \
                Unavailable: The record you are attempting to edit, or one of its related records, is currently being \
                modified by another user. Please try again.\n\nTrigger.AccountTrigger: line 7, column 1";
    ("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", text.to_owned())
}
