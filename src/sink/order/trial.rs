//! Rows of a refused call that wait for the result of those that go first.

use super::{
    hints::{Finding, Tried},
    ids::{QueueIndex, RowIndex},
    pinned::TrialLink,
};
use crate::record::{Cause, RetryKind, Suspicion, Verdict};

/// A refused call, some rows of which are tried first.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) queue: QueueIndex,
    pub(super) waiting: Tried<RowIndex>,
    /// The cause for which a row that went first was refused.
    pub(super) guilty: Option<Cause>,
    is_innocent: bool,
}

impl Trial {
    pub(super) fn new(queue: QueueIndex, waiting: Tried<RowIndex>) -> Self {
        Self { queue, waiting, guilty: None, is_innocent: false }
    }

    /// Notes what a call has shown. Returns whether it has shown anything: otherwise it is repeated for the same trial.
    pub(super) fn hear<'v>(&mut self, witness: &TrialLink, verdicts: impl Iterator<Item = &'v Verdict>) -> bool {
        for verdict in verdicts {
            match verdict {
                Verdict::Retry { cause, kind: RetryKind::Smaller { suspicion: Some(named) } }
                    if witness.field == Suspicion::NotNamed || witness.field == *named =>
                {
                    self.guilty = Some(cause.clone());
                }
                // A call that waits for a lock, for storage or for a permission shows nothing of its rows.
                Verdict::Retry {
                    kind:
                        RetryKind::Backoff
                        | RetryKind::Parked
                        | RetryKind::Storage
                        | RetryKind::Place
                        | RetryKind::NextCall
                        | RetryKind::NoLease
                        | RetryKind::Org(_),
                    ..
                }
                | Verdict::Unknown { .. }
                | Verdict::Fatal(_) => {}
                _ => self.is_innocent = true,
            }
        }
        self.guilty.is_some() || self.is_innocent
    }

    pub(super) fn finding(&self) -> Finding {
        match (&self.guilty, self.is_innocent) {
            (Some(_), _) => Finding::Guilty,
            (None, true) => Finding::Innocent,
            (None, false) => Finding::Nothing,
        }
    }

    /// The rows that wait.
    pub(super) fn rows(&self) -> impl Iterator<Item = RowIndex> {
        self.waiting.spoken_for.iter().chain(&self.waiting.rest).copied()
    }

    pub(super) fn forget(&mut self, row: RowIndex) {
        self.waiting.spoken_for.retain(|other| *other != row);
        self.waiting.rest.retain(|other| *other != row);
    }
}
