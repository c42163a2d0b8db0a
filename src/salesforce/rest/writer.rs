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
        classify::{self, AfterGone, Asked, IdOrigin, Meaning},
        org::describe::Describes,
    },
    collections::{self, Rendered, Target},
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

/// A row that goes with this call, and the record that it is about.
struct OutgoingRow<'a> {
    row: usize,
    target: Target<'a>,
    id_origin: IdOrigin,
}

impl Writer {
    /// Makes one attempt: one verdict for each row, in their order.
    pub(crate) async fn write(&self, key: &BatchKey, rows: &[BatchRow<'_>]) -> Vec<Verdict> {
        // Taken now: a process that loses the rows from here on does not send them.
        let write_permit = self.lease.permit();
        let mut verdicts = vec![None; rows.len()];
        let mut open: Vec<usize> = (0..rows.len()).collect();
        // Twice at most: the second time no id is out of the cache, and "gone" is an answer.
        self.check_described(key, rows, &mut open, &mut verdicts).await;
        for _ in 0..2 {
            let outgoing = self.find_targets(key, rows, &open, &mut verdicts).await;
            open = self.send(key, rows, &outgoing, &write_permit, &mut verdicts).await;
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
        let Some(described) = self.describes.refetch_if_old(&key.sobject).await else { return };
        open.retain(|&row| match rejection(&described, row) {
            Some(rejection) => {
                verdicts[row] = Some(Verdict::Rejected(rejection));
                false
            }
            None => true,
        });
    }

    /// The rows that can go, each record once. The others have their verdict, or are left out of this call.
    async fn find_targets<'a>(
        &self,
        key: &BatchKey,
        rows: &[BatchRow<'a>],
        open: &[usize],
        verdicts: &mut [Option<Verdict>],
    ) -> Vec<OutgoingRow<'a>> {
        let external: Vec<_> = open.iter().filter_map(|row| to_resolve(rows[*row].command)).collect();
        let mut found = self.resolver.resolve(&key.sobject, key.action, &external).await.into_iter();
        let mut outgoing = Vec::with_capacity(open.len());
        let mut taken = HashSet::new();
        for &row in open {
            let command = rows[row].command;
            let target = match (command.action, &command.target) {
                (Action::Create, _) => Ok((Target::New, IdOrigin::Record)),
                (Action::Upsert, Some(Identity::ExternalId(external))) => Ok((Target::Key(external), IdOrigin::Record)),
                (Action::Update | Action::Delete, Some(Identity::RecordId(id))) => {
                    Ok((Target::Id(*id), IdOrigin::Record))
                }
                (Action::Update | Action::Delete, Some(Identity::ExternalId(external))) => {
                    found.next().map_or_else(|| Err(left_out()), |found| resolved(found, rows[row], external))
                }
                (Action::Update | Action::Delete, None) | (Action::Upsert, None | Some(Identity::RecordId(_))) => {
                    let message = format!("nothing names the record to {}", command.action.word());
                    Err(Verdict::Rejected(Rejection::new(Reason::InvalidKey, message)))
                }
            };
            match target {
                Ok((Target::Id(id), _)) if !taken.insert(id) => verdicts[row] = Some(left_out()),
                Ok((target, id_origin)) => outgoing.push(OutgoingRow { row, target, id_origin }),
                Err(verdict) => verdicts[row] = Some(verdict),
            }
        }
        // The org took no calls a moment ago; this one would only find that out again.
        let of_all = verdicts.iter().flatten().find(|verdict| is_of_every_call(verdict)).cloned();
        if let Some(of_all) = of_all {
            for OutgoingRow { row, .. } in outgoing.drain(..) {
                verdicts[row] = Some(of_all.clone());
            }
        }
        outgoing
    }

    /// Sends the rows in one call. Returns those whose record is to be looked up once more.
    async fn send(
        &self,
        key: &BatchKey,
        rows: &[BatchRow<'_>],
        outgoing: &[OutgoingRow<'_>],
        write_permit: &WritePermit,
        verdicts: &mut [Option<Verdict>],
    ) -> Vec<usize> {
        if outgoing.is_empty() {
            return Vec::new();
        }
        let commands: Vec<_> = outgoing.iter().map(|one| rows[one.row].command).collect();
        let ids: Vec<_> = outgoing.iter().filter_map(|one| one.target.id()).collect();
        let lines: Vec<_> = commands.iter().zip(outgoing).map(|(command, one)| (*command, one.target)).collect();
        let generation = self.generation_before_upsert(key, rows, outgoing);
        let mut rendered = collections::render(key, &lines);
        rendered.request.write_permit = Some(write_permit.clone());
        let expected = Expected { action: key.action, rows: outgoing.len(), ids: &ids };
        let answers = match self.calls.make(&rendered.request, |body| answer::rows(body, expected)).await {
            Ok(answers) => answers,
            Err(whole) => {
                let judged = self.judge_rejected_call(key, &whole, &rendered, &commands, &ids).await;
                for (one, verdict) in outgoing.iter().zip(judged) {
                    self.note(key, generation.as_ref(), rows[one.row].command, &verdict).await;
                    verdicts[one.row] = Some(verdict);
                }
                return Vec::new();
            }
        };
        let asked = Asked { action: key.action, key_field: key.key_field.as_deref() };
        let errors: Vec<_> = answers.iter().map(RowAnswer::errors).collect();
        let judged = classify::of_rows(asked, &errors);
        let is_doubted = judged.iter().flatten().any(|(_, cause)| classify::doubts_description(cause));
        let described = if is_doubted { self.describes.refetch_if_old(&key.sobject).await } else { None };
        let mut again = Vec::new();
        for ((one, answer), failed) in outgoing.iter().zip(&answers).zip(judged) {
            let row = rows[one.row];
            let verdict = match (answer, failed) {
                (RowAnswer::Done { id, created }, _) => Verdict::Written { id: *id, created: *created },
                (RowAnswer::Failed(_), None) => left_out(),
                (RowAnswer::Failed(_), Some((Meaning::Gone(gone), cause))) => {
                    if let Some(Identity::ExternalId(external)) = &row.command.target {
                        self.resolver.cache.evict(&key.sobject, external).await;
                    }
                    match classify::of_gone(gone, key.action, one.id_origin, row.maybe_applied) {
                        AfterGone::Written => Verdict::Written { id: one.target.id(), created: false },
                        AfterGone::NotFound => rejected(Reason::NotFound, classify::of_either(gone, cause)),
                        AfterGone::Rejected => rejected(Reason::Refused, classify::of_either(gone, cause)),
                        AfterGone::ResolveAgain => {
                            again.push(one.row);
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
            self.note(key, generation.as_ref(), row.command, &verdict).await;
            verdicts[one.row] = Some(verdict);
        }
        again
    }

    /// The verdicts of the rows of a call that failed as a whole, in their order.
    async fn judge_rejected_call(
        &self,
        key: &BatchKey,
        whole: &Verdict,
        rendered: &Rendered,
        commands: &[&Command],
        ids: &[RecordId],
    ) -> Vec<Verdict> {
        let rejections = self.rejections(key, whole, commands).await;
        let others_go_again = rejections.iter().any(Option::is_some);
        let suspicions = match whole.cause() {
            Some(cause) => suspects::suspicions(cause, rendered, commands, ids),
            None => vec![Suspicion::NotNamed; commands.len()],
        };
        let mut verdicts = Vec::with_capacity(commands.len());
        for (rejection, suspicion) in rejections.into_iter().zip(suspicions) {
            verdicts.push(match (rejection, call_rejection(whole)) {
                (Some(rejection), _) => Verdict::Rejected(rejection),
                (None, Some(_)) if others_go_again => left_out(),
                (None, Some(cause)) if commands.len() == 1 && classify::is_missing_parent(cause) => {
                    Verdict::retry(RetryKind::Parent, cause.clone())
                }
                (None, _) => with_suspicion(whole.clone(), suspicion),
            });
        }
        verdicts
    }

    /// Says for each row of a call that was rejected for a field why it cannot be written, by a description that is
    /// fetched now if the last one is old enough.
    async fn rejections(&self, key: &BatchKey, whole: &Verdict, rows: &[&Command]) -> Vec<Option<Rejection>> {
        let described = match call_rejection(whole) {
            Some(cause) if classify::doubts_description(cause) => self.describes.refetch_if_old(&key.sobject).await,
            _ => None,
        };
        let rejection = |row: &&Command| described.as_ref()?.rejects(row.action, &row.fields);
        rows.iter().map(rejection).collect()
    }

    /// Reads the generation of the cache before an upsert is sent, whose answer says record ids.
    fn generation_before_upsert(
        &self,
        key: &BatchKey,
        rows: &[BatchRow<'_>],
        outgoing: &[OutgoingRow<'_>],
    ) -> Option<Generation> {
        match (key.action, &rows[outgoing.first()?.row].command.target) {
            (Action::Upsert, Some(Identity::ExternalId(external))) => {
                Some(self.resolver.cache.generation(&key.sobject, external.field()))
            }
            _ => None,
        }
    }

    /// Keeps, or forgets, the record ids that a verdict gives or makes doubtful: of the row itself, and of other rows
    /// by the key fields that it writes.
    async fn note(&self, key: &BatchKey, generation: Option<&Generation>, command: &Command, verdict: &Verdict) {
        let cache = &self.resolver.cache;
        if matches!(verdict, Verdict::Written { .. } | Verdict::Unknown { .. } | Verdict::Fatal(_)) {
            cache.written(command);
        }
        let Some(Identity::ExternalId(external)) = &command.target else { return };
        match (verdict, key.action, generation) {
            (Verdict::Written { id: Some(id), .. }, Action::Upsert, Some(generation)) => {
                cache.remember(generation, external, *id).await;
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

/// The target that an external id led to, or the verdict of a row whose id led nowhere.
fn resolved<'a>(
    resolved: Resolved,
    row: BatchRow<'_>,
    external: &ExternalId,
) -> Result<(Target<'a>, IdOrigin), Verdict> {
    let BatchRow { command, maybe_applied } = row;
    match resolved {
        Resolved::Found(id, origin) => Ok((Target::Id(id), origin)),
        Resolved::Failed(verdict) => {
            let suspicion = match verdict.cause() {
                Some(cause) => suspects::suspicion_of_key(cause, &command.sobject.name, &external.field().name),
                None => Suspicion::NotNamed,
            };
            Err(with_suspicion(verdict, suspicion))
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

/// The verdict of a row that was left out of the call.
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
