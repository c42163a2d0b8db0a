//! One attempt to write the rows of one call: name the records, leave out what cannot go along, send, judge.
//!
//! Every row starts out without a verdict, and what is learnt of it is put there. One that has none at the end was left
//! out, and goes with the next call: there is one verdict for each row, in the order of the rows, whatever happens
//! between.

use std::{collections::HashSet, sync::Arc};

use super::{
    super::{
        answer::{self, Expected, RowAnswer},
        call::{Calls, is_of_every_call, with_suspicion},
        classify::{self, AfterGone, Asked, Meaning, NamedBy},
        org::describe::Describes,
    },
    collections::{self, Target},
    id_cache::Generation,
    resolve::{Resolved, Resolver},
    suspects,
};
use crate::{
    record::{
        Action, ApiName, BatchKey, BatchRow, Cause, Command, ConnectStage, Doubt, ExternalId, Identity, OnMissing,
        Reason, RecordId, Rejection, RetryKind, SObject, Suspicion, Verdict,
    },
    runtime::lease::{Lease, WritePermit},
};

#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) calls: Arc<Calls>,
    pub(crate) resolver: Resolver,
    pub(crate) describes: Arc<Describes>,
    pub(crate) lease: Lease,
}

/// A row that goes along: which one, and who it is about.
struct Going<'a> {
    row: usize,
    target: Target<'a>,
    named: NamedBy,
}

impl Writer {
    /// One attempt: one verdict for each row, in their order.
    pub(crate) async fn write(&self, key: &BatchKey, rows: &[BatchRow<'_>]) -> Vec<Verdict> {
        // Taken now: a process that loses the rows from here on does not send them.
        let write_permit = self.lease.permit();
        let mut verdicts = vec![None; rows.len()];
        let mut open: Vec<usize> = (0..rows.len()).collect();
        // Twice at most: the second time no id is out of the cache, and "gone" is an answer.
        self.check_described(key, rows, &mut open, &mut verdicts).await;
        for _ in 0..2 {
            let going = self.name(key, rows, &open, &mut verdicts).await;
            open = self.call(key, rows, &going, &write_permit, &mut verdicts).await;
            if open.is_empty() {
                break;
            }
        }
        verdicts.into_iter().map(|verdict| verdict.unwrap_or_else(left_out)).collect()
    }

    /// Rejects the rows that a newer description than their own does not take any more.
    async fn check_described(
        &self,
        key: &BatchKey,
        rows: &[BatchRow<'_>],
        open: &mut Vec<usize>,
        verdicts: &mut [Option<Verdict>],
    ) {
        let rejection = |described: &Arc<SObject>, row: usize| {
            let command = rows[row].command;
            let is_newer = !Arc::ptr_eq(described, &command.sobject);
            is_newer.then(|| described.rejects(command.action, &command.fields)).flatten()
        };
        let Some(known) = self.describes.known(&key.sobject) else { return };
        if open.iter().all(|row| rejection(&known, *row).is_none()) {
            return;
        }
        let Some(described) = self.describes.doubted(&key.sobject).await else { return };
        open.retain(|&row| match rejection(&described, row) {
            Some(rejection) => {
                verdicts[row] = Some(Verdict::Rejected(rejection));
                false
            }
            None => true,
        });
    }

    /// The rows that can go, each record once. The others have their verdict, or are left out of this call.
    async fn name<'a>(
        &self,
        key: &BatchKey,
        rows: &[BatchRow<'a>],
        open: &[usize],
        verdicts: &mut [Option<Verdict>],
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
                    found.next().map_or_else(|| Err(left_out()), |found| resolved(found, rows[row], external))
                }
                (Action::Update | Action::Delete, None) | (Action::Upsert, None | Some(Identity::RecordId(_))) => {
                    let message = format!("nothing names the record to {}", command.action.word());
                    Err(Verdict::Rejected(Rejection::at_delivery(Reason::InvalidKey, message)))
                }
            };
            match named {
                Ok((Target::Id(id), _)) if !taken.insert(id) => verdicts[row] = Some(left_out()),
                Ok((target, named)) => going.push(Going { row, target, named }),
                Err(verdict) => verdicts[row] = Some(verdict),
            }
        }
        // The org took no calls a moment ago; this one would only find that out again.
        let of_all = verdicts.iter().flatten().find(|verdict| is_of_every_call(verdict)).cloned();
        if let Some(of_all) = of_all {
            for going in going.drain(..) {
                verdicts[going.row] = Some(of_all.clone());
            }
        }
        going
    }

    /// Sends what goes. Gives back the rows whose record is to be looked up once more.
    async fn call(
        &self,
        key: &BatchKey,
        rows: &[BatchRow<'_>],
        going: &[Going<'_>],
        write_permit: &WritePermit,
        verdicts: &mut [Option<Verdict>],
    ) -> Vec<usize> {
        if going.is_empty() {
            return Vec::new();
        }
        let commands: Vec<_> = going.iter().map(|going| rows[going.row].command).collect();
        let ids: Vec<_> = going.iter().filter_map(|going| going.target.id()).collect();
        let lines: Vec<_> = commands.iter().zip(going).map(|(command, going)| (*command, going.target)).collect();
        let begun = self.begun(key, rows, going);
        let mut rendered = collections::render(key, &lines);
        rendered.request.write_permit = Some(write_permit.clone());
        let expected = Expected { action: key.action, rows: going.len(), ids: &ids };
        let answers = match self.calls.make(&rendered.request, |body| answer::rows(body, expected)).await {
            Ok(answers) => answers,
            Err(whole) => {
                let mut rejections = self.rejections(key, &whole, &commands).await;
                let others_go_again = rejections.iter().any(Option::is_some);
                let named = match whole.cause() {
                    Some(cause) => suspects::suspicions(cause, &rendered, &commands, &ids),
                    None => vec![Suspicion::NotNamed; going.len()],
                };
                for ((one, named), rejection) in going.iter().zip(named).zip(&mut rejections) {
                    let verdict = match (rejection.take(), call_rejection(&whole)) {
                        (Some(rejection), _) => Verdict::Rejected(rejection),
                        (None, Some(_)) if others_go_again => left_out(),
                        (None, Some(cause)) if going.len() == 1 && classify::is_missing_parent(cause) => {
                            Verdict::retry(RetryKind::Parent, cause.clone())
                        }
                        (None, _) => with_suspicion(whole.clone(), named),
                    };
                    self.note(key, begun.as_ref(), rows[one.row].command, &verdict).await;
                    verdicts[one.row] = Some(verdict);
                }
                return Vec::new();
            }
        };
        let asked = Asked { action: key.action, key_field: key.key_field.as_deref() };
        let errors: Vec<_> = answers.iter().map(RowAnswer::errors).collect();
        let judged = classify::of_rows(asked, &errors);
        let is_doubted = judged.iter().flatten().any(|(_, cause)| classify::doubts_description(cause));
        let described = if is_doubted { self.describes.doubted(&key.sobject).await } else { None };
        let mut again = Vec::new();
        for ((going, answer), failed) in going.iter().zip(&answers).zip(judged) {
            let row = rows[going.row];
            let verdict = match (answer, failed) {
                (RowAnswer::Done { id, created }, _) => Verdict::Written { id: *id, created: *created },
                (RowAnswer::Failed(_), None) => left_out(),
                (RowAnswer::Failed(_), Some((Meaning::Gone(gone), cause))) => {
                    if let Some(Identity::ExternalId(external)) = &row.command.target {
                        self.resolver.cache.evict(&key.sobject, external).await;
                    }
                    match classify::of_gone(gone, key.action, going.named, row.maybe_applied) {
                        AfterGone::Written => Verdict::Written { id: going.target.id(), created: false },
                        AfterGone::NotFound => rejected(Reason::NotFound, classify::of_either(gone, cause)),
                        AfterGone::Rejected => rejected(Reason::Refused, classify::of_either(gone, cause)),
                        AfterGone::ResolveAgain => {
                            again.push(going.row);
                            Verdict::retry(RetryKind::Backoff, cause)
                        }
                    }
                }
                (RowAnswer::Failed(_), Some((meaning, cause))) => {
                    match described.as_ref().and_then(|described| create_only(&cause, row.command, described)) {
                        Some(fields) => Verdict::retry(RetryKind::WithoutFields(fields), cause),
                        None => failed_row(meaning, cause),
                    }
                }
            };
            self.note(key, begun.as_ref(), row.command, &verdict).await;
            verdicts[going.row] = Some(verdict);
        }
        again
    }

    /// For each row of a call that was rejected for a field: why it cannot be written, by a description that is asked for
    /// now if the last one is old enough.
    async fn rejections(&self, key: &BatchKey, whole: &Verdict, rows: &[&Command]) -> Vec<Option<Rejection>> {
        let described = match call_rejection(whole) {
            Some(cause) if classify::doubts_description(cause) => self.describes.doubted(&key.sobject).await,
            _ => None,
        };
        let rejection = |row: &&Command| described.as_ref()?.rejects(row.action, &row.fields);
        rows.iter().map(rejection).collect()
    }

    /// What is read before an upsert is sent, whose answer says record ids.
    fn begun(&self, key: &BatchKey, rows: &[BatchRow<'_>], going: &[Going<'_>]) -> Option<Generation> {
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
fn resolved<'a>(
    resolved: Resolved,
    row: BatchRow<'_>,
    external: &ExternalId,
) -> Result<(Target<'a>, NamedBy), Verdict> {
    let BatchRow { command, maybe_applied } = row;
    match resolved {
        Resolved::Found(id, named) => Ok((Target::Id(id), named)),
        Resolved::Failed(verdict) => {
            let by_key = |cause| suspects::suspicion_of_key(cause, &command.sobject.name, &external.field().name);
            let named = verdict.cause().map_or(Suspicion::NotNamed, by_key);
            Err(with_suspicion(verdict, named))
        }
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

/// The fields of a row that an upsert was rejected for because its record is there already, if that is all: they can be
/// created and not updated.
fn create_only(cause: &Cause, command: &Command, described: &SObject) -> Option<Vec<ApiName>> {
    let mut create_only = Vec::new();
    for name in classify::fields_not_for_update(command.action, cause)? {
        let field = described.field(name).filter(|field| field.createable && !field.updateable)?;
        // A parent stands under the name of its relationship.
        let is_held = |held: &&ApiName| **held == field.name || Some(*held) == field.relationship.as_ref();
        create_only.push(command.fields.iter().map(|(held, _)| held).find(is_held)?.clone());
    }
    Some(create_only)
}

/// The row was left out of the call.
fn left_out() -> Verdict {
    Verdict::retry(RetryKind::NextCall, Cause::new("left out of the call"))
}

/// The cause of a call that was rejected for something in it, if it was.
fn call_rejection(whole: &Verdict) -> Option<&Cause> {
    match whole {
        Verdict::Retry { cause, kind: RetryKind::Smaller { suspicion: Some(_) } } => Some(cause),
        _ => None,
    }
}

fn failed_row(meaning: Meaning, cause: Cause) -> Verdict {
    match meaning {
        Meaning::Rejected | Meaning::Gone(_) => rejected(Reason::Refused, cause),
        Meaning::Retry(kind) => Verdict::Retry { cause, kind },
        Meaning::Unknown => {
            Verdict::Unknown { cause, ended: tokio::time::Instant::now().into_std(), doubt: Doubt::Row }
        }
    }
}

fn rejected(reason: Reason, cause: Cause) -> Verdict {
    Verdict::Rejected(Rejection { reason, stage: ConnectStage::Put, cause })
}
