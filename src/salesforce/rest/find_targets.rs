//! Finds the record that each row of a call is about: as the row names it, or as its external id leads to it.

use std::collections::HashSet;

use super::{
    super::{
        call::{is_of_every_call, with_suspicion},
        classify::{self, IdOrigin},
        org::describe::Describes,
    },
    resolve::{Resolved, Resolver},
    send_row::{RowState, SendRow, left_out},
    suspects,
    target::Target,
};
use crate::record::{
    Action, BatchKey, Command, ExternalId, Identity, OnMissing, Reason, RecordId, Rejection, RetryKind, Suspicion,
    Verdict,
};

/// Finds the records of the open rows. A row goes with the call after that, each record once; or it has its verdict, or
/// is left out of this call.
pub(super) async fn find_targets(resolver: &Resolver, describes: &Describes, key: &BatchKey, rows: &mut [SendRow<'_>]) {
    look_up(resolver, key, rows).await;
    refuse_without_key_field(describes, key, rows).await;
    let mut taken = HashSet::new();
    for row in &mut *rows {
        if row.is_open() {
            row.state = as_named(row.command);
        }
        let id = row.outgoing().and_then(|outgoing| outgoing.target.id());
        if id.is_some_and(|id| !taken.insert(id)) {
            row.state = RowState::Judged(left_out());
        }
    }
    // The org, or the place, took no calls a moment ago; this one would only find that out again.
    let is_of_all = |row: &SendRow<'_>| match &row.state {
        RowState::Judged(verdict) if is_of_every_call(verdict) => Some(verdict.clone()),
        _ => None,
    };
    let Some(of_all) = rows.iter().find_map(is_of_all) else { return };
    for row in rows {
        if row.outgoing().is_some() {
            row.state = RowState::Judged(of_all.clone());
        }
    }
}

/// Looks up the external ids whose record id must be known before their rows can go.
async fn look_up(resolver: &Resolver, key: &BatchKey, rows: &mut [SendRow<'_>]) {
    let mut asking = Vec::new();
    for row in rows {
        let command = row.command;
        if let (true, Action::Update | Action::Delete, Some(Identity::ExternalId(external))) =
            (row.is_open(), command.action, &command.target)
        {
            asking.push((row, external));
        }
    }
    let values: Vec<_> = asking.iter().map(|(_, external)| *external).collect();
    let found = resolver.resolve(&key.sobject, key.action, &values).await;
    for ((row, external), found) in asking.into_iter().zip(found) {
        row.state = of_resolved(found, row, external);
    }
}

/// Judges the rows whose look-up was rejected for a field, in whatever words, and whose key field the org does not
/// describe any more: no row is to blame, their place is refused.
async fn refuse_without_key_field(describes: &Describes, key: &BatchKey, rows: &mut [SendRow<'_>]) {
    let mut newer = None;
    for row in rows {
        let RowState::Judged(Verdict::Retry { cause, kind: RetryKind::Smaller { .. } }) = &row.state else { continue };
        let Some(Identity::ExternalId(external)) = &row.command.target else { continue };
        if !classify::doubts_description(cause) {
            continue;
        }
        if newer.is_none() {
            newer = describes.refetch_if_old(&key.sobject).await;
        }
        let Some(sobject) = &newer else { return };
        if sobject.field(&external.field().name).is_none() {
            row.state = RowState::Judged(Verdict::retry(RetryKind::Place, cause.clone()));
        }
    }
}

/// The state of a row whose record is known without a look-up.
fn as_named(command: &Command) -> RowState<'_> {
    let target = match (command.action, &command.target) {
        (Action::Create, _) => Target::New,
        (Action::Upsert, Some(Identity::ExternalId(external))) => Target::Key(external),
        (Action::Update | Action::Delete, Some(Identity::RecordId(id))) => Target::Id(*id),
        // It was looked up, and has no result.
        (Action::Update | Action::Delete, Some(Identity::ExternalId(_))) => return RowState::Judged(left_out()),
        (Action::Update | Action::Delete, None) | (Action::Upsert, None | Some(Identity::RecordId(_))) => {
            let message = format!("nothing names the record to {}", command.action.word());
            return RowState::Judged(Verdict::Rejected(Rejection::new(Reason::InvalidKey, message)));
        }
    };
    RowState::outgoing(target, IdOrigin::Record)
}

/// The state of a row whose external id led to a record, or to none.
fn of_resolved<'a>(resolved: Resolved, row: &SendRow<'_>, external: &ExternalId) -> RowState<'a> {
    let command = row.command;
    RowState::Judged(match resolved {
        Resolved::Found(id, origin) => return RowState::outgoing(Target::Id(id), origin),
        Resolved::Failed(verdict) => {
            let suspicion = match verdict.cause() {
                Some(cause) => suspects::suspicion_of_key(cause, &command.sobject.name, &external.field().name),
                None => Suspicion::NotNamed,
            };
            with_suspicion(verdict, suspicion)
        }
        // What an earlier attempt has removed is not missing.
        Resolved::NotFound
            if command.action == Action::Delete && (row.maybe_applied || command.on_missing == OnMissing::Written) =>
        {
            Verdict::Written { id: None, created: false }
        }
        Resolved::NotFound => {
            let message = format!("no record has this {}", external.field().name);
            Verdict::Rejected(Rejection::new(Reason::NotFound, message))
        }
        Resolved::Ambiguous(ids) => {
            let some: Vec<_> = ids.iter().take(3).map(RecordId::as_str).collect();
            let message = format!("{} records have this {}: {}", ids.len(), external.field().name, some.join(", "));
            Verdict::Rejected(Rejection::new(Reason::Ambiguous, message))
        }
    })
}
