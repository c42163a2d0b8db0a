//! Rows of refused calls that wait for what comes of those that went first ([`super::hints`]).

use std::sync::Arc;

use parking_lot::Mutex;

use super::{
    backlog::Group,
    hints::{self, Finding, Next, Then, Tried, Trust},
    worker::Worker,
};
use crate::{
    record::{BatchKey, Cause, Reason, RetryKind, Suspicion, Verdict},
    sink::{org::Org, ticket::Ticket},
};

#[derive(Debug, Default)]
pub(super) struct Trials(Vec<Trial>);

#[derive(Debug)]
struct Trial {
    key: BatchKey,
    waiting: Tried<Ticket>,
    found: Arc<Mutex<Found>>,
}

#[derive(Debug, Default)]
struct Found {
    guilty: Option<Cause>,
    innocent: bool,
}

/// A call that goes first has it until something is found, or until its rows are gone; each part of a call that is
/// divided has its own.
#[derive(Debug, Clone)]
pub(super) struct Witness {
    found: Arc<Mutex<Found>>,
    /// Refused for another field, its row speaks for no other one. Without a field any refusal counts.
    field: Suspicion,
}

impl Witness {
    /// What a call has shown; given back if that is nothing, so that the call is repeated with it.
    pub(super) fn hear(self, verdicts: &[Verdict]) -> Option<Self> {
        let mut found = self.found.lock();
        for verdict in verdicts {
            match verdict {
                Verdict::Retry { cause, kind: RetryKind::Smaller { suspicion: Some(named) } }
                    if self.field == Suspicion::NotNamed || self.field == *named =>
                {
                    found.guilty = Some(cause.clone());
                }
                // A call that waits for a lock, for storage or for a right shows nothing of its rows.
                Verdict::Retry {
                    kind:
                        RetryKind::Backoff
                        | RetryKind::Parked
                        | RetryKind::NextCall
                        | RetryKind::NoLease
                        | RetryKind::Org(_),
                    ..
                }
                | Verdict::Unknown { .. }
                | Verdict::Fatal(_) => {}
                _ => found.innocent = true,
            }
        }
        let has_shown = found.guilty.is_some() || found.innocent;
        drop(found);
        (!has_shown).then_some(self)
    }
}

impl Trials {
    /// The trials of which all that went first has ended.
    fn take_ended(&mut self) -> Vec<Trial> {
        self.0.extract_if(.., |trial| Arc::strong_count(&trial.found) == 1).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn sweep(&mut self) {
        for trial in &mut self.0 {
            trial.waiting.spoken_for.retain(|ticket| !ticket.is_closed());
            trial.waiting.rest.retain(|ticket| !ticket.is_closed());
        }
    }
}

impl<O: Org> Worker<O> {
    /// The rows of a call that was refused as a whole.
    pub(super) fn refused(&mut self, key: &BatchKey, rows: Vec<(Ticket, Suspicion)>, trust: Trust) {
        let field = rows.iter().map(|(_, named)| named).find(|named| matches!(named, Suspicion::Field(_)));
        let field = field.cloned().unwrap_or(Suspicion::NotNamed);
        match hints::refused(rows, trust) {
            Next::Halve(rows) => self.halve(Group::new(key.clone(), rows)),
            Next::Try(tried) => self.attempt(key, tried, &field),
        }
    }

    fn attempt(&mut self, key: &BatchKey, mut tried: Tried<Ticket>, field: &Suspicion) {
        let found = Arc::<Mutex<Found>>::default();
        let trust = if tried.hint { Trust::Believed } else { Trust::Disproved };
        for rows in std::mem::take(&mut tried.first) {
            let witness = Some(Witness { found: found.clone(), field: field.clone() });
            self.pin(Group { trust, witness, ..Group::new(key.clone(), rows) });
        }
        self.trials.0.push(Trial { key: key.clone(), waiting: tried, found });
    }

    /// Lets go on what has waited long enough.
    pub(super) fn end_trials(&mut self) {
        for Trial { key, waiting, found } in self.trials.take_ended() {
            let mut found = found.lock();
            let guilty = found.guilty.take();
            let finding = match (&guilty, found.innocent) {
                (Some(_), _) => Finding::Guilty,
                (None, true) => Finding::Innocent,
                (None, false) => Finding::Nothing,
            };
            match hints::tried(waiting, finding) {
                Then::Together { rows, trust, rejected } => {
                    self.pin(Group { trust, ..Group::new(key, rows) });
                    let cause = guilty.unwrap_or_else(|| Cause::new("refused as another row was"));
                    for ticket in rejected.into_iter().filter(Ticket::begin) {
                        self.reject(ticket, Reason::Refused, cause.clone());
                    }
                }
                Then::Search(tried) if tried.first.is_empty() => {}
                Then::Search(tried) => self.attempt(&key, tried, &Suspicion::NotNamed),
            }
        }
    }
}
