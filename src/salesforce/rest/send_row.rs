//! A row of a call, with all that is known of it.
//!
//! What is learnt of a row is put into the row itself: its target, its place in the body, its result, its verdict. There
//! is no second list that is joined to the rows by position, so that no row can be given what is its neighbour's.

use super::{
    super::classify::{IdOrigin, Meaning},
    target::Target,
};
use crate::record::{BatchRow, Cause, Command, RetryKind, Suspicion, Verdict};

#[derive(Debug)]
pub(crate) struct SendRow<'a> {
    pub(super) command: &'a Command,
    /// See [`BatchRow::maybe_applied`].
    pub(super) maybe_applied: bool,
    pub(super) state: RowState<'a>,
}

/// How far a row has come in its attempt.
#[derive(Debug)]
pub(super) enum RowState<'a> {
    /// The record that the row is about is not looked for yet.
    Open,
    /// The row goes with this call.
    Outgoing(Outgoing<'a>),
    /// The id out of the cache led to no record: it is looked up once more.
    Stale(Cause),
    Judged(Verdict),
}

/// The properties of a row that goes with a call.
#[derive(Debug)]
pub(super) struct Outgoing<'a> {
    pub(super) target: Target<'a>,
    pub(super) id_origin: IdOrigin,
    /// The offset of the row in the body of its call; `None` without a body.
    pub(super) start: Option<usize>,
    /// The way in which the answer that rejects the call names the row.
    pub(super) suspicion: Suspicion,
    /// The error that the answer has for the row, until it is judged.
    pub(super) failure: Option<(Meaning, Cause)>,
}

impl<'a> SendRow<'a> {
    pub(super) fn new(row: &BatchRow<'a>) -> Self {
        Self { command: row.command, maybe_applied: row.maybe_applied, state: RowState::Open }
    }

    /// Makes a row that goes with a call, for tests.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn to(command: &'a Command, target: Target<'a>) -> Self {
        let state = RowState::outgoing(target, IdOrigin::Record);
        Self { command, maybe_applied: false, state }
    }

    /// Whether its record is to be looked for.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, RowState::Open | RowState::Stale(_))
    }

    pub(super) fn is_stale(&self) -> bool {
        matches!(self.state, RowState::Stale(_))
    }

    /// The properties of the row in the call, if it goes with it.
    pub(super) fn outgoing(&self) -> Option<&Outgoing<'a>> {
        match &self.state {
            RowState::Outgoing(outgoing) => Some(outgoing),
            _ => None,
        }
    }

    pub(super) fn outgoing_mut(&mut self) -> Option<&mut Outgoing<'a>> {
        match &mut self.state {
            RowState::Outgoing(outgoing) => Some(outgoing),
            _ => None,
        }
    }

    /// Keeps the error that the answer has for the row.
    pub(super) fn fail(&mut self, meaning: Meaning, cause: Cause) {
        if let Some(outgoing) = self.outgoing_mut() {
            outgoing.failure = Some((meaning, cause));
        }
    }

    /// The verdict of the attempt. A row that has not come to one was left out, and goes with the next call.
    pub(super) fn into_verdict(self) -> Verdict {
        match self.state {
            RowState::Judged(verdict) => verdict,
            RowState::Stale(cause) => Verdict::retry(RetryKind::Backoff, cause),
            RowState::Open | RowState::Outgoing(_) => left_out(),
        }
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn suspicion(&self) -> Option<&Suspicion> {
        self.outgoing().map(|outgoing| &outgoing.suspicion)
    }
}

impl<'a> RowState<'a> {
    pub(super) fn outgoing(target: Target<'a>, id_origin: IdOrigin) -> Self {
        let suspicion = Suspicion::NotNamed;
        Self::Outgoing(Outgoing { target, id_origin, start: None, suspicion, failure: None })
    }
}

/// The verdict of a row that was left out of the call.
pub(super) fn left_out() -> Verdict {
    Verdict::retry(RetryKind::NextCall, Cause::new("left out of the call"))
}
