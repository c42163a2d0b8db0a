//! Calls that are to be made just as they are.

use super::{hints::Trust, trials::Witness};
use crate::{
    record::{BatchKey, GateKey},
    sink::{breaker::Probe, ticket::Ticket},
};

/// Rows that go together, whatever else is waiting.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) key: BatchKey,
    pub(super) rows: Vec<Ticket>,
    pub(super) failures: Failures,
    pub(super) trust: Trust,
    /// Other rows wait for what comes of it.
    pub(super) witness: Option<Witness>,
    /// Its one row is the probe of a breaker.
    pub(super) probe: Option<Probe>,
}

/// How often a call failed as a whole.
///
/// Later belongs to the org, not to a call: only a failure counts against it after which more of the other calls
/// succeeded than failed. An org that refuses most of what it is sent is not well, whatever it takes in between.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Failures {
    /// All of them: the backoff goes by these.
    pub(super) times: u32,
    /// Those that count against the call.
    pub(super) own: u32,
    /// Of the call that failed last.
    rows: usize,
    /// How the batcher's calls had fared at the last failure.
    then: Option<Tally>,
}

/// How many calls were answered row by row, and how many were not.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) answered: u64,
    pub(super) failed: u64,
}

impl Failures {
    /// `now` counts this failure, of a call of so many rows. What it did in company does not count against a row that
    /// was left alone.
    pub(super) fn failed(&mut self, now: Tally, rows: usize) {
        if rows == 1 && self.rows > 1 {
            self.own = 0;
        }
        self.rows = rows;
        self.times += 1;
        self.then = Some(now);
    }

    /// Nobody's call was taken.
    pub(super) fn barred(&mut self) {
        self.times += 1;
    }

    /// Before the call is repeated: how have the others fared since?
    pub(super) fn judge(&mut self, now: Tally) {
        if self.then.take().is_some_and(|then| now.answered - then.answered > now.failed - then.failed) {
            self.own += 1;
        }
    }

    pub(super) fn in_company(&self) -> bool {
        self.rows > 1
    }
}

impl Group {
    pub(super) fn new(key: BatchKey, rows: Vec<Ticket>) -> Self {
        Self { key, rows, failures: Failures::default(), trust: Trust::default(), witness: None, probe: None }
    }

    /// Two halves in the order of the rows. The larger the group, the less each half has to prove again: only a row
    /// that is alone starts afresh.
    pub(super) fn halve(mut self) -> [Self; 2] {
        let tail = self.rows.split_off(self.rows.len().div_ceil(2));
        let (own, trust) = (self.failures.own.saturating_sub(1), self.trust);
        [self.rows, tail].map(|rows| {
            let failures = if rows.len() > 1 { Failures { own, ..Failures::default() } } else { Failures::default() };
            Self { failures, trust, ..Self::new(self.key.clone(), rows) }
        })
    }

    /// Takes the rows off that are more than `most`, into a group that has failed as often.
    pub(super) fn beyond(&mut self, most: usize) -> Option<Self> {
        let rows = self.rows.split_off(most.min(self.rows.len()));
        let (failures, trust, witness) = (self.failures, self.trust, self.witness.clone());
        (!rows.is_empty()).then(|| Self { failures, trust, witness, ..Self::new(self.key.clone(), rows) })
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
    /// A parent that rests.
    Parent(GateKey),
}

impl Delayed {
    pub(super) fn sweep(&mut self) -> bool {
        match self {
            Self::Row(ticket) => !ticket.is_closed(),
            Self::Group(group) => group.sweep(),
            Self::Parent(_) => true,
        }
    }
}
