//! One attempt to write the rows of one call: name the records, leave out what cannot go along, send, judge.
//!
//! Every row starts out as [`Verdict::Deferred`], and whatever is learnt of it takes that place: there is one verdict
//! for each row, in the order of the rows, whatever happens between.

use std::{collections::HashSet, sync::Arc};

use super::{
    answer::{self, Expected, RowAnswer},
    call::{Calls, Failure},
    collections::{self, Target},
    culprit,
    id_cache::Generation,
    resolve::{Resolved, Resolver},
    verdicts::{self, Asked, Gone, NamedBy, RowVerdict},
};
use crate::{
    pipeline::{
        BatchKey, Row,
        lease::{Lease, Leave},
    },
    record::{
        Action, Cause, Command, Doubt, ExternalId, Identity, OnMissing, Reason, RecordId, Rejection, Stage, Verdict,
    },
};

#[derive(Debug)]
pub(super) struct Writer {
    pub(super) calls: Arc<Calls>,
    pub(super) resolver: Resolver,
    pub(super) lease: Lease,
}

/// A row that goes along: which one, and who it is about.
struct Going<'a> {
    row: usize,
    target: Target<'a>,
    named: NamedBy,
}

impl Writer {
    /// As [`crate::pipeline::Org::write`].
    pub(super) async fn write(&self, key: &BatchKey, rows: &[Row<'_>]) -> Vec<Verdict> {
        // From here on: who has lost the rows meanwhile does not send them.
        let leave = self.lease.leave();
        let mut verdicts = vec![Verdict::Deferred; rows.len()];
        let mut open: Vec<usize> = (0..rows.len()).collect();
        // Twice at most: the second time no id is out of the cache, and "gone" is an answer.
        for _ in 0..2 {
            let going = self.name(key, rows, &open, &mut verdicts).await;
            open = self.call(key, rows, &going, &leave, &mut verdicts).await;
            if open.is_empty() {
                break;
            }
        }
        verdicts
    }

    /// The rows that can go, each record once. The others have their verdict, or are left out of this call.
    async fn name<'a>(
        &self,
        key: &BatchKey,
        rows: &[Row<'a>],
        open: &[usize],
        verdicts: &mut [Verdict],
    ) -> Vec<Going<'a>> {
        let external: Vec<_> = open.iter().filter_map(|row| to_resolve(rows[*row].command)).collect();
        let mut found = self.resolver.resolve(&key.sobject, key.action, &external).await.into_iter();
        let mut going = Vec::with_capacity(open.len());
        let mut taken = HashSet::new();
        for &row in open {
            let command = rows[row].command;
            let named = match (command.action, &command.target) {
                (Action::Create, _) => Ok((Target::New, NamedBy::Record)),
                (Action::Upsert, Some(Identity::ExternalId(external))) => Ok((Target::Key(external), NamedBy::Record)),
                (Action::Update | Action::Delete, Some(Identity::RecordId(id))) => {
                    Ok((Target::Id(*id), NamedBy::Record))
                }
                (Action::Update | Action::Delete, Some(Identity::ExternalId(external))) => {
                    found.next().map_or(Err(Verdict::Deferred), |found| resolved(found, rows[row], external))
                }
                (Action::Update | Action::Delete, None) | (Action::Upsert, None | Some(Identity::RecordId(_))) => {
                    let message = format!("nothing names the record to {}", command.action.word());
                    Err(Verdict::Rejected(Rejection::put(Reason::InvalidKey, message)))
                }
            };
            match named {
                Ok((Target::Id(id), _)) if !taken.insert(id) => verdicts[row] = Verdict::Deferred,
                Ok((target, named)) => going.push(Going { row, target, named }),
                Err(verdict) => verdicts[row] = verdict,
            }
        }
        // The org took no calls a moment ago; this one would only find that out again.
        let later = verdicts
            .iter()
            .find(|verdict| {
                matches!(verdict, Verdict::Later(_) | Verdict::Barred(_) | Verdict::Spent(_) | Verdict::Fatal(_))
            })
            .cloned();
        if let Some(later) = later {
            for going in going.drain(..) {
                verdicts[going.row] = later.clone();
            }
        }
        going
    }

    /// Sends what goes. Gives back the rows whose record is to be looked up once more.
    async fn call(
        &self,
        key: &BatchKey,
        rows: &[Row<'_>],
        going: &[Going<'_>],
        leave: &Leave,
        verdicts: &mut [Verdict],
    ) -> Vec<usize> {
        if going.is_empty() {
            return Vec::new();
        }
        let commands: Vec<_> = going.iter().map(|going| rows[going.row].command).collect();
        let ids: Vec<_> = going.iter().filter_map(|going| going.target.id()).collect();
        let lines: Vec<_> = commands.iter().zip(going).map(|(command, going)| (*command, going.target)).collect();
        let begun = self.begun(key, rows, going);
        let mut rendered = collections::render(key, &lines);
        rendered.ask.leave = Some(leave.clone());
        let expected = Expected { action: key.action, rows: going.len(), ids: &ids };
        let answers = match self.calls.make(&rendered.ask, |body| answer::rows(body, expected)).await {
            Ok(answers) => answers,
            Err(failure) => {
                let suspects = culprit::suspects(failure.cause(), &rendered, &commands, &ids);
                for (one, suspect) in going.iter().zip(suspects) {
                    let verdict = match failure.clone() {
                        Failure::Refused(cause) if going.len() == 1 && verdicts::is_missing_parent(&cause) => {
                            Verdict::MissingParent(cause)
                        }
                        failure => failure.verdict(suspect),
                    };
                    self.note(key, begun.as_ref(), rows[one.row].command, &verdict).await;
                    verdicts[one.row] = verdict;
                }
                return Vec::new();
            }
        };
        let asked = Asked { action: key.action, key_field: key.key_field.as_deref(), alone: going.len() == 1 };
        let errors: Vec<_> = answers.iter().map(RowAnswer::errors).collect();
        let mut again = Vec::new();
        for ((going, answer), failed) in going.iter().zip(&answers).zip(verdicts::of_rows(asked, &errors)) {
            let row = rows[going.row];
            let verdict = match (answer, failed) {
                (RowAnswer::Done { id, created }, _) => Verdict::Written { id: *id, created: *created },
                (RowAnswer::Failed(_), None) => Verdict::Deferred,
                (RowAnswer::Failed(_), Some((verdict @ (RowVerdict::Vanished | RowVerdict::Deleted), cause))) => {
                    if let Some(Identity::ExternalId(external)) = &row.command.target {
                        self.resolver.cache.evict(&key.sobject, external).await;
                    }
                    match verdicts::of_gone(verdict, key.action, going.named, row.maybe_applied) {
                        Gone::Written => Verdict::Written { id: going.target.id(), created: false },
                        Gone::NotFound => rejected(Reason::NotFound, verdicts::of_either(verdict, cause)),
                        Gone::Refused => rejected(Reason::Refused, verdicts::of_either(verdict, cause)),
                        Gone::ResolveAgain => {
                            again.push(going.row);
                            Verdict::Again(cause)
                        }
                    }
                }
                (RowAnswer::Failed(_), Some((verdict, cause))) => failed_row(verdict, cause),
            };
            self.note(key, begun.as_ref(), row.command, &verdict).await;
            verdicts[going.row] = verdict;
        }
        again
    }

    /// What is read before an upsert is sent, whose answer says record ids.
    fn begun(&self, key: &BatchKey, rows: &[Row<'_>], going: &[Going<'_>]) -> Option<Generation> {
        match (key.action, &rows[going.first()?.row].command.target) {
            (Action::Upsert, Some(Identity::ExternalId(external))) => {
                Some(self.resolver.cache.generation(&key.sobject, external.field()))
            }
            _ => None,
        }
    }

    /// Keeps, or forgets, the record ids that a verdict gives or makes doubtful: of the row itself, and of other rows
    /// by the key fields that it writes.
    async fn note(&self, key: &BatchKey, begun: Option<&Generation>, command: &Command, verdict: &Verdict) {
        let cache = &self.resolver.cache;
        if matches!(verdict, Verdict::Written { .. } | Verdict::Unknown { .. } | Verdict::Fatal(_)) {
            cache.written(command);
        }
        let Some(Identity::ExternalId(external)) = &command.target else { return };
        match (verdict, key.action, begun) {
            (Verdict::Written { id: Some(id), .. }, Action::Upsert, Some(begun)) => {
                cache.remember(begun, external, *id).await;
            }
            (Verdict::Written { .. }, Action::Delete, _) | (Verdict::Unknown { .. } | Verdict::Fatal(_), ..) => {
                cache.evict(&key.sobject, external).await;
            }
            _ => {}
        }
    }
}

/// The external id whose record id must be known before the row can go.
fn to_resolve(command: &Command) -> Option<&ExternalId> {
    match (command.action, &command.target) {
        (Action::Update | Action::Delete, Some(Identity::ExternalId(external))) => Some(external),
        _ => None,
    }
}

/// Where an external id led, and what follows if it led nowhere.
fn resolved<'a>(resolved: Resolved, row: Row<'_>, external: &ExternalId) -> Result<(Target<'a>, NamedBy), Verdict> {
    let Row { command, maybe_applied } = row;
    match resolved {
        Resolved::Found(id, named) => Ok((Target::Id(id), named)),
        Resolved::Failed(failure) => Err(failure.verdict(false)),
        // What an earlier attempt has removed is not missing.
        Resolved::NotFound
            if command.action == Action::Delete && (maybe_applied || command.on_missing == OnMissing::Written) =>
        {
            Err(Verdict::Written { id: None, created: false })
        }
        Resolved::NotFound => {
            let message = format!("no record has this {}", external.field().name);
            Err(rejected(Reason::NotFound, Cause::new(message)))
        }
        Resolved::Ambiguous(ids) => {
            let some: Vec<_> = ids.iter().take(3).map(RecordId::as_str).collect();
            let message = format!("{} records have this {}: {}", ids.len(), external.field().name, some.join(", "));
            Err(rejected(Reason::Ambiguous, Cause::new(message)))
        }
    }
}

fn failed_row(verdict: RowVerdict, cause: Cause) -> Verdict {
    match verdict {
        RowVerdict::Rejected | RowVerdict::Vanished | RowVerdict::Deleted => rejected(Reason::Refused, cause),
        RowVerdict::Apart => Verdict::Apart(cause),
        RowVerdict::Transaction => Verdict::Transaction(cause),
        RowVerdict::MissingParent => Verdict::MissingParent(cause),
        RowVerdict::Again => Verdict::Again(cause),
        RowVerdict::Parked => Verdict::Parked(cause),
        RowVerdict::Unknown => {
            Verdict::Unknown { cause, ended: tokio::time::Instant::now().into_std(), doubt: Doubt::Row }
        }
    }
}

fn rejected(reason: Reason, cause: Cause) -> Verdict {
    Verdict::Rejected(Rejection { reason, stage: Stage::Put, cause })
}
