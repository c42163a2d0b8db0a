//! Rows that are rejected: their dead letters, and the breakers that make them wait instead.

use super::{
    abandon::abandon,
    breaker::{Change, Ruling},
    event::{Effect, Letter, Notice},
    ids::{RouteIndex, RowIndex},
    row::State,
    scope::Scope,
    tables::{End, Tables},
    valves::{self, stall},
};
use crate::{
    mutation::{self, Mutation},
    ops::metrics::Repeated,
    record::{Action, Cause, ConnectStage, Reason, Rejection},
};

/// Rejects a row for a reason that the daemon gives.
pub(super) fn reject(tables: &mut Tables, index: RowIndex, reason: Reason, cause: Cause) {
    reject_as(tables, index, Rejection { reason, stage: ConnectStage::Put, cause });
}

/// Rejects a row, unless the breaker of its route makes it wait.
pub(super) fn reject_as(tables: &mut Tables, index: RowIndex, rejection: Rejection) {
    let Some(row) = tables.rows.get(index) else { return };
    let (route, is_probe, maybe_applied) = (row.route, row.flags.is_probe, row.flags.maybe_applied);
    let action = row.body.as_ref().and_then(|body| body.command()).map(|command| command.action);
    let rejection = in_doubt(action, maybe_applied, rejection);
    match rule(tables, route, &rejection, is_probe) {
        Ruling::Waits => {
            tables.notice(Notice::Repeated(Repeated::Breaker));
            stall(tables, index, Scope::Route(route), is_probe);
        }
        Ruling::Settled => write_letter(tables, index, rejection),
    }
}

/// Lets the breaker of a route rule on a rejection.
pub(super) fn rule(tables: &mut Tables, route: RouteIndex, rejection: &Rejection, is_probe: bool) -> Ruling {
    let Some(breaker) = tables.routes.breaker(route) else { return Ruling::Settled };
    let (ruling, Change { closed, opened }) = breaker.rejected(rejection, is_probe);
    if closed {
        after_close(tables, route);
    }
    if opened {
        after_opening(tables, route, rejection);
    }
    tables.routes.mark_for_ruling(route);
    ruling
}

/// Counts a row of the route as written.
pub(super) fn count_written(tables: &mut Tables, route: RouteIndex, is_probe: bool) {
    let Some(breaker) = tables.routes.breaker(route) else { return };
    if breaker.written(is_probe) {
        after_close(tables, route);
    }
    tables.routes.mark_for_ruling(route);
}

fn after_opening(tables: &mut Tables, at: RouteIndex, rejection: &Rejection) {
    let Some(route) = tables.routes.all.get_mut(at) else { return };
    let name = route.name.clone();
    let Some(breaker) = &route.breaker else { return };
    let (code, count) = breaker.counted();
    let (code, cause) = (code.to_owned(), rejection.cause.clone());
    tables.notice(Notice::BreakerOpened { route: name, code, count, cause });
    tables.routes.opened.push(at);
    valves::close(tables, Scope::Route(at), &rejection.cause);
}

/// Lets the rows of a route go on after its breaker has closed.
fn after_close(tables: &mut Tables, at: RouteIndex) {
    valves::open(tables, Scope::Route(at), true);
    if let Some(route) = tables.routes.all.get(at).map(|route| route.name.clone()) {
        tables.notice(Notice::BreakerClosed { route, read: true });
    }
}

/// Hands a row's dead letter to its lane. The identity is held until the letter is durable.
pub(super) fn write_letter(tables: &mut Tables, index: RowIndex, rejection: Rejection) {
    tables.note_known(index);
    tables.end_missing_parent(index);
    let id = tables.rows.id(index);
    let Some(row) = tables.rows.get_mut(index) else { return };
    let (body, attempts, read) = (row.body.take(), row.attempts, row.read);
    let lane = row.lane.and_then(|lane| tables.lanes.all.get(lane)).map(|lane| lane.id);
    match (lane, body) {
        (Some(lane), Some(body)) => {
            tables.set(index, State::Settling, tables.now);
            let letter = Box::new(Letter { body, rejection, attempts, read });
            tables.effects.push(Effect::Letter { lane, row: id, letter });
            if mutation::on(Mutation::Early) {
                tables.leave_identity(index);
            }
        }
        // Its lane is gone: another one reads the record again.
        (None, _) => tables.remove(index, End::Abandoned),
        (Some(_), None) => {
            tables.effects.push(Effect::Stop("a row has lost its record, which is a defect of sobjectd".to_owned()));
            abandon(tables, index);
        }
    }
}

/// Changes the rejection of a plain insert that had an attempt of unknown result: the org may have its record, whatever
/// the reason of the rejection. If the letter did not say so, sending the record again would make another one.
fn in_doubt(action: Option<Action>, maybe_applied: bool, rejection: Rejection) -> Rejection {
    if action != Some(Action::Create) || !maybe_applied {
        return rejection;
    }
    let cause = rejection.cause;
    let message = format!("it is not known whether the org has made the record: {}", cause.message);
    Rejection { reason: Reason::UnknownResult, cause: Cause { message: Cause::cut(message), ..cause }, ..rejection }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_about_a_record_that_may_be_there_says_so() {
        let cause = Cause { code: Some("DUPLICATE_VALUE".into()), ..Cause::new("duplicate value found") };
        let stage = ConnectStage::Put;
        for (action, maybe_applied, reason, expected) in [
            (Action::Create, false, Reason::Refused, Reason::Refused),
            (Action::Create, true, Reason::Refused, Reason::UnknownResult),
            (Action::Create, true, Reason::QuotaSpent, Reason::UnknownResult),
            (Action::Create, true, Reason::Poison, Reason::UnknownResult),
            (Action::Create, true, Reason::RowTimeout, Reason::UnknownResult),
            (Action::Create, true, Reason::MissingParent, Reason::UnknownResult),
            (Action::Upsert, true, Reason::Refused, Reason::Refused),
            (Action::Update, true, Reason::NotFound, Reason::NotFound),
            (Action::Delete, true, Reason::NotFound, Reason::NotFound),
        ] {
            let told = in_doubt(Some(action), maybe_applied, Rejection { reason, stage, cause: cause.clone() });
            assert_eq!(told.reason, expected, "{action:?} {reason:?}");
            assert_eq!(told.cause.code, cause.code, "the code is kept");
            assert!(told.cause.message.ends_with(&cause.message), "so is the text: {told}");
            let says = told.cause.message.contains("not known whether");
            assert_eq!(says, expected == Reason::UnknownResult, "{told}");
        }
    }
}
