//! What the script does to one call: delays and failing rows add up, and at most one fault takes the answer.

use std::time::Duration;

use super::{Action, Facts};
use crate::{http::RowError, rows::Forced};

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
            Action::Lock { message } => {
                for row in matching {
                    let named = facts.name(*row);
                    // Quoted.
                    let quoted = || format!("unable to obtain exclusive access to this record or 1 records: {named}");
                    let message = message.clone().unwrap_or_else(quoted);
                    self.forced.rows.insert(*row, RowError::new("UNABLE_TO_LOCK_ROW", message, &[]));
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
