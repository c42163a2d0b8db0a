//! One attempt to write the rows of one call: name the records, leave out what cannot go along, send, judge.
//!
//! Every row starts out without a verdict, and what is learnt of it is put into it ([`SendRow`]). One that has none at
//! the end was left out, and goes with the next call: there is one verdict for each row, in the order of the rows,
//! whatever happens between.

use std::sync::Arc;

use super::{
    super::{
        answer::{self, RowAnswer},
        call::{Calls, with_suspicion},
        classify::{self, AfterGone, Asked, Meaning},
        org::describe::Describes,
    },
    collections,
    find_targets::find_targets,
    id_cache::Generation,
    resolve::Resolver,
    send_row::{RowState, SendRow, left_out},
    suspects,
    target::Target,
};
use crate::{
    record::{
        Action, ApiName, BatchKey, BatchRow, Cause, Command, ConnectStage, Doubt, Identity, Reason, Rejection,
        RetryKind, SObject, Verdict,
    },
    runtime::lease::WritePermit,
};

#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) calls: Arc<Calls>,
    pub(crate) resolver: Resolver,
    pub(crate) describes: Arc<Describes>,
}

impl Writer {
    /// Makes one attempt: one verdict for each row, in their order.
    pub(crate) async fn write(&self, key: &BatchKey, rows: &[BatchRow<'_>], permit: &WritePermit) -> Vec<Verdict> {
        let mut rows: Vec<_> = rows.iter().map(SendRow::new).collect();
        self.check_described(key, &mut rows).await;
        // Twice at most: the second time no id is out of the cache, and "gone" is an answer.
        for _ in 0..2 {
            find_targets(&self.resolver, &self.describes, key, &mut rows).await;
            self.send(key, &mut rows, permit).await;
            if !rows.iter().any(SendRow::is_stale) {
                break;
            }
        }
        rows.into_iter().map(SendRow::into_verdict).collect()
    }

    /// Rejects the rows that a newer description than their own does not take any more.
    async fn check_described(&self, key: &BatchKey, rows: &mut [SendRow<'_>]) {
        let Some(known) = self.describes.known(&key.sobject) else { return };
        if rows.iter().all(|row| rejected_by_newer(&known, row.command).is_none()) {
            return;
        }
        let Some(described) = self.describes.refetch_if_old(&key.sobject).await else { return };
        for row in rows {
            if let Some(rejection) = rejected_by_newer(&described, row.command) {
                row.state = RowState::Judged(Verdict::Rejected(rejection));
            }
        }
    }

    /// Sends the rows that go with this call. Each of them has a verdict after that, or its record is to be looked up
    /// once more.
    async fn send(&self, key: &BatchKey, rows: &mut [SendRow<'_>], write_permit: &WritePermit) {
        let Some(first) = rows.iter().find_map(SendRow::outgoing) else { return };
        let generation = self.generation_before_upsert(key, first.target);
        let mut rendered = collections::render(key, rows);
        rendered.request.write_permit = Some(write_permit.clone());
        let sent_ids = rows.iter().filter_map(SendRow::outgoing).map(|outgoing| outgoing.target.id());
        match self.calls.make(&rendered.request, |body| answer::rows(body, key.action, sent_ids)).await {
            Ok(answers) => self.judge_answers(key, generation, &answers, rows).await,
            Err(whole) => self.judge_rejected_call(key, &whole, &rendered.body, rows).await,
        }
    }

    /// Judges each row that was sent by its own result. `answers`: one for each of them, in their order.
    async fn judge_answers(
        &self,
        key: &BatchKey,
        generation: Option<Generation>,
        answers: &[RowAnswer],
        rows: &mut [SendRow<'_>],
    ) {
        let asked = Asked { action: key.action, key_field: key.key_field.as_deref() };
        let shared = classify::shared_codes(asked, answers.iter().filter_map(RowAnswer::errors));
        let mut is_doubted = false;
        // Asked after the answer has come. If it is not so, the query of a later look-up sees what was written.
        let is_watching = self.resolver.cache.is_watching(&key.sobject);
        let outgoing = rows.iter_mut().filter(|row| row.outgoing().is_some());
        for (row, answer) in outgoing.zip(answers) {
            match answer {
                RowAnswer::Done { id, created } => {
                    let written = Verdict::Written { id: *id, created: *created };
                    if is_watching {
                        self.note(key, generation, row.command, &written);
                    }
                    row.state = RowState::Judged(written);
                }
                RowAnswer::Failed(errors) => {
                    let (meaning, cause) = classify::of_failed_row(asked, errors, &shared);
                    is_doubted |= classify::doubts_description(&cause);
                    row.fail(meaning, cause);
                }
            }
        }
        let described = if is_doubted { self.describes.refetch_if_old(&key.sobject).await } else { None };
        for row in rows {
            self.judge_failed_row(key, described.as_deref(), row);
        }
    }

    /// Judges a row that the answer has an error for.
    fn judge_failed_row(&self, key: &BatchKey, described: Option<&SObject>, row: &mut SendRow<'_>) {
        let (command, maybe_applied) = (row.command, row.maybe_applied);
        let Some(outgoing) = row.outgoing_mut() else { return };
        let Some((meaning, cause)) = outgoing.failure.take() else { return };
        let verdict = if let Meaning::Gone(gone) = meaning {
            let (id, id_origin) = (outgoing.target.id(), outgoing.id_origin);
            if let Some(Identity::ExternalId(external)) = &command.target {
                self.resolver.cache.evict(&key.sobject, external);
            }
            match classify::of_gone(gone, key.action, id_origin, maybe_applied) {
                AfterGone::Written => Verdict::Written { id, created: false },
                AfterGone::NotFound => rejected(Reason::NotFound, classify::of_either(gone, cause)),
                AfterGone::Rejected => rejected(Reason::Refused, classify::of_either(gone, cause)),
                AfterGone::ResolveAgain => {
                    row.state = RowState::Stale(cause);
                    return;
                }
            }
        } else {
            match described.and_then(|described| create_only(&cause, command, described)) {
                Some(fields) => Verdict::retry(RetryKind::WithoutFields(fields), cause),
                None => failed_row(meaning, cause),
            }
        };
        self.note(key, None, command, &verdict);
        row.state = RowState::Judged(verdict);
    }

    /// Judges the rows of a call that failed as a whole. `body`: what was sent.
    async fn judge_rejected_call(&self, key: &BatchKey, whole: &Verdict, body: &[u8], rows: &mut [SendRow<'_>]) {
        let is_of_one_row = rows.iter().filter(|row| row.outgoing().is_some()).count() == 1;
        if let Some(cause) = whole.cause() {
            suspects::mark(cause, body, rows);
        }
        let is_any_invalid = self.reject_invalid_rows(key, whole, rows).await;
        for row in rows {
            let Some(outgoing) = row.outgoing() else { continue };
            let verdict = match call_rejection(whole) {
                Some(_) if is_any_invalid => left_out(),
                Some(cause) if is_of_one_row && classify::is_missing_parent(cause) => {
                    Verdict::retry(RetryKind::Parent, cause.clone())
                }
                _ => with_suspicion(whole.clone(), outgoing.suspicion.clone()),
            };
            self.note(key, None, row.command, &verdict);
            row.state = RowState::Judged(verdict);
        }
    }

    /// Rejects the rows that are to blame for the rejection of their call for a field, by a description that is fetched
    /// now if the last one is old enough. Returns whether there are any.
    async fn reject_invalid_rows(&self, key: &BatchKey, whole: &Verdict, rows: &mut [SendRow<'_>]) -> bool {
        let is_doubted = call_rejection(whole).is_some_and(classify::doubts_description);
        let described = if is_doubted { self.describes.refetch_if_old(&key.sobject).await } else { None };
        let Some(described) = described else { return false };
        let mut is_any_invalid = false;
        for row in rows.iter_mut().filter(|row| row.outgoing().is_some()) {
            if let Some(rejection) = described.rejects(row.command.action, &row.command.fields) {
                row.state = RowState::Judged(Verdict::Rejected(rejection));
                is_any_invalid = true;
            }
        }
        is_any_invalid
    }

    /// Reads the generation of the cache before an upsert is sent, whose answer says record ids. `None`: they are not to
    /// be remembered.
    fn generation_before_upsert(&self, key: &BatchKey, target: Target<'_>) -> Option<Generation> {
        match target {
            Target::Key(external) => self.resolver.cache.generation(&key.sobject, external.field()),
            Target::New | Target::Id(_) => None,
        }
    }

    /// Keeps, or forgets, the record ids that a verdict gives or makes doubtful: of the row itself, and of other rows by
    /// the key fields that it writes.
    fn note(&self, key: &BatchKey, generation: Option<Generation>, command: &Command, verdict: &Verdict) {
        let cache = &self.resolver.cache;
        if matches!(verdict, Verdict::Written { .. } | Verdict::Unknown { .. } | Verdict::Fatal(_)) {
            cache.written(command);
        }
        let Some(Identity::ExternalId(external)) = &command.target else { return };
        match (verdict, key.action, generation) {
            (Verdict::Written { id: Some(id), .. }, Action::Upsert, Some(generation)) => {
                cache.remember(generation, external, *id);
            }
            (Verdict::Written { .. }, Action::Delete, _) | (Verdict::Unknown { .. } | Verdict::Fatal(_), ..) => {
                cache.evict(&key.sobject, external);
            }
            _ => {}
        }
    }
}

/// The rejection of a row by a description that is newer than the row's own.
fn rejected_by_newer(described: &Arc<SObject>, command: &Command) -> Option<Rejection> {
    let is_newer = !Arc::ptr_eq(described, &command.sobject);
    if is_newer { described.rejects(command.action, &command.fields) } else { None }
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
