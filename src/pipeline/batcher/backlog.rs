//! Calls that are to be made just as they are.

use crate::pipeline::{BatchKey, ticket::Ticket};

/// Rows that go together, whatever else is waiting.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) key: BatchKey,
    pub(super) rows: Vec<Ticket>,
    pub(super) failures: Failures,
}

/// How often a call failed as a whole.
///
/// Later belongs to the org, not to a call: only a failure after which another call succeeded counts against this one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Failures {
    /// All of them: the backoff goes by these.
    pub(super) times: u32,
    /// Those that count against the call.
    pub(super) own: u32,
    /// How many calls of the batcher had succeeded at the last failure.
    successes: Option<u64>,
}

impl Failures {
    pub(super) fn failed(&mut self, successes: u64) {
        self.times += 1;
        self.successes = Some(successes);
    }

    /// Before the call is repeated: has another one succeeded since?
    pub(super) fn judge(&mut self, successes: u64) {
        if self.successes.take().is_some_and(|then| successes > then) {
            self.own += 1;
        }
    }
}

impl Group {
    pub(super) fn new(key: BatchKey, rows: Vec<Ticket>) -> Self {
        Self { key, rows, failures: Failures::default() }
    }

    /// Two halves in the order of the rows. The larger the group, the less each half has to prove again: only a row that
    /// is alone starts afresh.
    pub(super) fn halve(mut self) -> [Self; 2] {
        let tail = self.rows.split_off(self.rows.len().div_ceil(2));
        let own = self.failures.own.saturating_sub(1);
        [self.rows, tail].map(|rows| {
            let failures = if rows.len() > 1 { Failures { own, ..Failures::default() } } else { Failures::default() };
            Self { key: self.key.clone(), rows, failures }
        })
    }

    pub(super) fn sweep(&mut self) -> bool {
        self.rows.retain(|ticket| !ticket.is_closed());
        !self.rows.is_empty()
    }
}

/// What waits for its time.
#[derive(Debug)]
pub(super) enum Delayed {
    /// Back to the rows of its key.
    Row(Box<Ticket>),
    /// To be repeated as it was.
    Group(Group),
}

impl Delayed {
    pub(super) fn sweep(&mut self) -> bool {
        match self {
            Self::Row(ticket) => !ticket.is_closed(),
            Self::Group(group) => group.sweep(),
        }
    }
}
