//! What follows from each verdict.
//!
//! | verdict | what happens |
//! |---|---|
//! | Written, Rejected | the row's outcome; but a rejection waits if its route's breaker says so |
//! | Backoff | backoff with jitter, only this row, until `row_timeout`; then rejected |
//! | Parent | the same, until `missing_parent_wait`; sooner, if it blocks others |
//! | Alone, DeletedMeanwhile | a few times more ([`super::races`]); then rejected |
//! | WithoutFields | once more without some of its fields; then rejected |
//! | Smaller, no suspect | halved at once; alone it is the row's own. Size of new calls: [`super::size_limits`] |
//! | Smaller, a suspect | rows that the answer names go first, and the others follow from that ([`super::hints`]); else halved; alone rejected |
//! | Place | its place closes, and the row waits until that opens: [`super::valves`] |
//! | Storage, Parked | the row waits until a probe is taken, without end |
//! | NextCall | with the next call |
//! | Org: unavailable | the whole call again after a backoff, without end unless it is poison |
//! | Org: session; NoLease | the same, and it is never poison |
//! | Org: quota | the same, and it is never poison; rejected if `on_quota` says so |
//! | Unknown | as Org: unavailable, but not before the hold is over, with the identities held; a plain insert is rejected if `insert_unknown` says so, and the third time in any case |
//! | – timed out | the same, in calls that are answered in time: [`super::size_limits`] |
//! | – too long an answer | the same, halved |
//! | – said of the row | the same; the `max_attempts`th time alone in its call, and then rejected |
//! | Fatal | the daemon stops; what it sent is of unknown result |

use std::time::Duration;

use super::{
    abandon::abandon,
    event::{Effect, Notice},
    ids::{PlaceIndex, QueueIndex, RowIndex},
    missing_parents,
    moment::Moment,
    pinned::{Group, GroupHistory, Until},
    place::Place,
    refused::refused,
    rejections::{count_written, reject, reject_as},
    repeats::{again, deleted_meanwhile, isolate, strip},
    row::{Row, State},
    scope::Scope,
    shares,
    size_limits::timed_out,
    tables::{End, Tables},
    valves::{self, Finding},
};
use crate::{
    config::{InsertUnknown, OnQuota},
    ops::metrics::Repeated,
    record::{Action, Cause, Doubt, OrgTrouble, Reason, RetryKind, Suspicion, Verdict},
};

/// A plain insert is sent at most this often without a known result.
const MAX_INSERT_UNKNOWN: u8 = 3;

/// The rows of one part of a call that go on together. They are on the wire until their list is dealt with.
#[derive(Debug, Default)]
struct NextSteps {
    answered: bool,
    has_missing_parent: bool,
    /// Rows that wait for a valve, and the cause that the last one of each has shown.
    refused_place: Stalls,
    parked: Stalls,
    no_room: Stalls,
    /// Rows that were set apart, and go again together after `apart_wait`.
    apart: Vec<RowIndex>,
    apart_wait: Duration,
    transaction: Vec<RowIndex>,
    /// A row that is refused alone, while the others of its place are not.
    refused_alone: Vec<RowIndex>,
    refused: Vec<(RowIndex, Suspicion)>,
    unavailable: Vec<RowIndex>,
    not_counted: Vec<RowIndex>,
    unknown: Vec<RowIndex>,
    /// Rows of unknown result that go again in a call of their own each.
    unknown_alone: Vec<RowIndex>,
    /// The answer was too long: the rows of unknown result go again in halves.
    is_halved: bool,
    /// The end of the hold of the rows of unknown result.
    held_until: Option<Moment>,
}

/// Rows of a call that are stalled at a valve.
#[derive(Debug, Default)]
struct Stalls {
    rows: Vec<RowIndex>,
    cause: Option<Cause>,
}

/// Decides what follows for one part of a call, which was sent at this time. Its rows have their contents again, and a
/// verdict each.
pub(super) fn follow(tables: &mut Tables, group: Group, verdicts: Vec<Verdict>, sent: Moment, took: Duration) {
    let Group { queue, rows, past, probe, .. } = group;
    let Some(key) = tables.queues.batches.key(queue).cloned() else { return };
    let Some(place) = tables.place_of(queue) else { return };
    let finding = probe.and_then(|scope| Some((scope, found(scope, verdicts.first()?))));
    let alone = rows.len() == 1;
    let count = rows.len();
    let size = tables.queues.sizes.of(&key);
    tables.queues.sizes.learn(&key, &verdicts, took);
    let next = tables.queues.sizes.of(&key);
    if next != size {
        tables.queues.refresh_all(&tables.rows);
    }
    if let Some(Verdict::Unknown { cause, .. }) = verdicts.iter().find(|verdict| timed_out(verdict)) {
        let cause = cause.clone();
        shares::timed_out(tables, place);
        tables.notice(Notice::TimedOut { key: key.clone(), rows: count, next, cause });
    }
    let mut witness = past.witness.clone().filter(|witness| {
        let trial = tables.trials.get_mut(witness.trial);
        !trial.is_some_and(|trial| trial.hear(witness, verdicts.iter()))
    });
    let mut steps = NextSteps::default();
    for (index, verdict) in rows.into_iter().zip(verdicts) {
        let Some(row) = tables.rows.get_mut(index) else { continue };
        row.flags.is_probe = matches!(probe, Some(Scope::Route(_)));
        row.attempted(&verdict);
        if let Some(word) = tables.rows.get(index).and_then(|row| repeats(tables, row, &verdict, alone)) {
            tables.notice(Notice::Repeated(word));
        }
        decide(tables, index, verdict, alone, &mut steps);
    }
    tables.missing_parents.is_to_check |= steps.has_missing_parent;
    if steps.answered {
        if let Some(place) = tables.places.get_mut(place) {
            place.refusals = 0;
        }
        tables.witness.taken(place, sent);
        shares::answered(tables, place, took);
        tables.notice(Notice::Answered(key));
    }
    if !steps.refused_place.rows.is_empty() && probe.is_none() && is_for_content(tables, place, sent) {
        let Stalls { rows, .. } = std::mem::take(&mut steps.refused_place);
        if alone {
            steps.refused_alone = rows;
        } else {
            steps.transaction.extend(rows);
        }
    }
    stall_rows(tables, place, &mut steps, probe, sent);
    tables.tally.answered += u64::from(steps.answered);
    tables.tally.failed += u64::from(!steps.unavailable.is_empty() || steps.held_until.is_some());
    let apart_until = Until::Backoff(tables.now.plus(steps.apart_wait));
    tables.form(queue, steps.apart, GroupHistory::default(), apart_until);
    tables.halve(queue, steps.transaction, &GroupHistory::default());
    if !steps.refused.is_empty() {
        refused(tables, queue, steps.refused, past.trust);
    }
    let failed = past.failures.failed(tables.tally, count);
    let not_counted = past.failures.not_counted();
    let mut goes_on = |rows: &[RowIndex], failures| {
        let witness = if rows.is_empty() { None } else { witness.take() };
        GroupHistory { failures, trust: past.trust, witness }
    };
    let of_refused = goes_on(&steps.refused_alone, failed);
    let of_unavailable = goes_on(&steps.unavailable, failed);
    let of_barred = goes_on(&steps.not_counted, not_counted);
    let of_unknown = goes_on(&steps.unknown, failed);
    delay(tables, queue, steps.refused_alone, of_refused, None);
    delay(tables, queue, steps.unavailable, of_unavailable, None);
    delay(tables, queue, steps.not_counted, of_barred, None);
    if let Some(held_until) = steps.held_until {
        let mut unknown = steps.unknown;
        if steps.is_halved {
            let tail = unknown.split_off(unknown.len().div_ceil(2));
            for half in [unknown, tail] {
                let past = GroupHistory { failures: failed, ..of_unknown.of_half(half.len()) };
                delay(tables, queue, half, past, Some(held_until));
            }
        } else {
            delay(tables, queue, unknown, of_unknown, Some(held_until));
        }
        for row in steps.unknown_alone {
            let past = GroupHistory { failures: failed, ..GroupHistory::default() };
            delay(tables, queue, vec![row], past, Some(held_until));
        }
    }
    match finding {
        Some((scope, Finding::Taken)) if !matches!(scope, Scope::Route(_)) => valves::open(tables, scope, true),
        Some((scope, _)) => tables.end_probe(scope),
        None => {}
    }
}

/// A place that a probe has opened within this time is not the one that is refused.
const REOPENED: Duration = Duration::from_secs(10 * 60);
/// Unless so many of its calls are refused in a row.
const MOST_REFUSALS: u32 = 8;

/// Returns whether a call of a place was refused for what is in it: a proxy before the org dislikes a record, and takes
/// the others of the place. Its rows go in smaller calls then, and one that is refused alone is poison in the end.
fn is_for_content(tables: &mut Tables, at: PlaceIndex, sent: Moment) -> bool {
    let now = tables.now;
    let Some(place) = tables.places.get_mut(at) else { return false };
    let is_open = place.reopened.is_some_and(|reopened| reopened <= sent && now.since(reopened) < REOPENED);
    place.refusals = place.refusals.saturating_add(1);
    is_open && !place.refused.is_closed() && place.refusals <= MOST_REFUSALS
}

/// Closes the valves at which rows of the call have to wait, and stalls these.
fn stall_rows(tables: &mut Tables, place: PlaceIndex, steps: &mut NextSteps, probe: Option<Scope>, sent: Moment) {
    let refused = (Scope::Place(place), std::mem::take(&mut steps.refused_place));
    let parked = (Scope::Parked(place), std::mem::take(&mut steps.parked));
    let no_room = (Scope::Storage, std::mem::take(&mut steps.no_room));
    for (scope, Stalls { rows, cause }) in [refused, parked, no_room] {
        let Some(cause) = cause else { continue };
        valves::close(tables, scope, &cause);
        match scope {
            Scope::Place(_) => {
                let is_answer_near = tables.calls.iter().any(|(_, call)| call.place != place);
                tables.witness.refused(place, sent, tables.now, is_answer_near);
            }
            Scope::Storage => {
                let creates = |place: &mut Place| place.is_full = place.name.action == Action::Create;
                tables.places.get_mut(place).map(creates).unwrap_or_default();
            }
            Scope::Parked(_) | Scope::Route(_) => {}
        }
        for row in rows {
            valves::stall(tables, row, scope, probe == Some(scope));
        }
    }
}

/// The finding of a valve's probe.
fn found(scope: Scope, verdict: &Verdict) -> Finding {
    let is_taken = match (scope, verdict) {
        // Whether the org has room only a record shows that it has made.
        (Scope::Storage, _) => matches!(verdict, Verdict::Written { .. }),
        // A breaker has ruled on its probe itself.
        (Scope::Route(_), _)
        | (Scope::Parked(_), Verdict::Retry { kind: RetryKind::Parked | RetryKind::Storage, .. }) => false,
        (_, verdict) => is_answer(verdict),
    };
    if is_taken { Finding::Taken } else { Finding::NotTaken }
}

/// Returns whether the org, or what is before it, has taken a row's call.
fn is_answer(verdict: &Verdict) -> bool {
    !matches!(
        verdict,
        Verdict::Retry { kind: RetryKind::Org(_) | RetryKind::NoLease | RetryKind::NextCall | RetryKind::Place, .. }
            | Verdict::Unknown { .. }
            | Verdict::Fatal(_)
    )
}

impl Stalls {
    fn add(&mut self, row: RowIndex, cause: Cause) {
        self.rows.push(row);
        self.cause = Some(cause);
    }
}

/// Sends a group again as it was, after a backoff and not before the end of its hold, if it has one.
fn delay(tables: &mut Tables, queue: QueueIndex, rows: Vec<RowIndex>, past: GroupHistory, held_until: Option<Moment>) {
    if rows.is_empty() {
        return;
    }
    let backoff = tables.backoff(past.failures.times.saturating_sub(1));
    let due = tables.now.plus(backoff);
    let until = match held_until {
        Some(held_until) => Until::Hold(due.max(held_until)),
        None => Until::Backoff(due),
    };
    tables.form(queue, rows, past, until);
}

fn decide(tables: &mut Tables, index: RowIndex, verdict: Verdict, alone: bool, steps: &mut NextSteps) {
    steps.answered |= is_answer(&verdict) || matches!(verdict, Verdict::Fatal(_));
    let Some(row) = tables.rows.get(index) else { return };
    match verdict {
        Verdict::Written { id, .. } => {
            // After an attempt of unknown result the record may have been there: that attempt has deleted it then.
            let found_nothing = id.is_none() && !row.flags.maybe_applied;
            let (route, is_probe) = (row.route, row.flags.is_probe);
            count_written(tables, route, is_probe);
            tables.remove(index, End::Written { found_nothing });
        }
        Verdict::Rejected(rejection) => reject_as(tables, index, rejection),
        Verdict::Retry { cause, kind } => retry(tables, index, cause, kind, alone, steps),
        Verdict::Unknown { cause, .. } if is_last_attempt(tables, row) => {
            reject(tables, index, Reason::UnknownResult, cause);
        }
        // Not after a lost answer: the org may still apply the call, and the next change must wait for that.
        Verdict::Unknown { cause, doubt: Doubt::Row | Doubt::TooLong, .. } if alone && is_its_own(tables, row) => {
            reject(tables, index, Reason::Refused, cause);
        }
        Verdict::Unknown { cause, ended, doubt } => {
            steps.is_halved |= doubt == Doubt::TooLong && !alone;
            // The last attempt of a row is made alone: a limit of the transaction may fail all rows of a call.
            let next_is_last = action(row) == Some(Action::Create) && row.unknowns + 1 >= MAX_INSERT_UNKNOWN;
            let goes_alone = doubt == Doubt::Row && (next_is_last || is_its_own(tables, row));
            let until = tables.moment(ended).plus(tables.settings.unknown_hold);
            hold(tables, index, cause, until, goes_alone, steps);
        }
        Verdict::Fatal(cause) => {
            let is_last = is_last_attempt(tables, row);
            tables.effects.push(Effect::Stop(cause.to_string()));
            if is_last {
                return reject(tables, index, Reason::UnknownResult, cause);
            }
            if let Some(row) = tables.rows.get_mut(index) {
                row.flags.is_last = true;
            }
            let until = tables.now.plus(tables.settings.unknown_hold);
            hold(tables, index, cause, until, false, steps);
        }
    }
}

/// Notes that the result of an attempt is not known: the identity is held, and a drain waits for it.
fn hold(tables: &mut Tables, index: RowIndex, cause: Cause, until: Moment, alone: bool, steps: &mut NextSteps) {
    remember(tables, index, cause);
    if tables.rows.get(index).is_some_and(|row| row.lane.is_none()) {
        // It is not sent again: all that it has to keep is its identity.
        tables.free(index);
    }
    steps.held_until = steps.held_until.max(Some(until));
    if alone { steps.unknown_alone.push(index) } else { steps.unknown.push(index) }
}

fn remember(tables: &mut Tables, index: RowIndex, cause: Cause) {
    tables.forget_waits(index);
    if let Some(row) = tables.rows.get_mut(index) {
        row.cold().cause = Some(cause);
    }
}

fn retry(tables: &mut Tables, index: RowIndex, cause: Cause, kind: RetryKind, alone: bool, steps: &mut NextSteps) {
    let Some(row) = tables.rows.get(index) else { return };
    match kind {
        RetryKind::Backoff => again(tables, index, cause),
        RetryKind::DeletedMeanwhile => deleted_meanwhile(tables, index, cause),
        RetryKind::WithoutFields(_) if row.flags.is_stripped => reject(tables, index, Reason::Refused, cause),
        RetryKind::Alone => {
            if let Some(wait) = isolate(tables, index, cause) {
                steps.apart_wait = wait;
                steps.apart.push(index);
            }
        }
        RetryKind::Parent => {
            steps.has_missing_parent = true;
            missing_parents::is_missing(tables, index, cause);
        }
        RetryKind::Smaller { .. } if alone => reject(tables, index, Reason::Refused, cause),
        RetryKind::Org(OrgTrouble::Quota) if tables.settings.on_quota == OnQuota::DeadLetter => {
            reject(tables, index, Reason::QuotaSpent, cause);
        }
        _ if row.flags.closing => abandon(tables, index),
        RetryKind::Smaller { suspicion: None } => steps.transaction.push(index),
        RetryKind::Smaller { suspicion: Some(named) } => steps.refused.push((index, named)),
        RetryKind::WithoutFields(fields) => strip(tables, index, &fields),
        RetryKind::Place => {
            remember(tables, index, cause.clone());
            steps.refused_place.add(index, cause);
        }
        RetryKind::Parked => steps.parked.add(index, cause),
        RetryKind::Storage => steps.no_room.add(index, cause),
        RetryKind::NextCall => tables.set(index, State::Ready, tables.now),
        RetryKind::Org(OrgTrouble::Unavailable) => {
            remember(tables, index, cause);
            steps.unavailable.push(index);
        }
        RetryKind::Org(OrgTrouble::Session | OrgTrouble::Quota) | RetryKind::NoLease => {
            remember(tables, index, cause);
            steps.not_counted.push(index);
        }
    }
}

/// The label in metrics of a verdict that is not an outcome.
fn repeats(tables: &Tables, row: &Row, verdict: &Verdict, alone: bool) -> Option<Repeated> {
    let kind = match verdict {
        Verdict::Written { .. } | Verdict::Rejected(_) | Verdict::Fatal(_) => return None,
        Verdict::Unknown { doubt, .. } => {
            let is_answered = matches!(doubt, Doubt::Row | Doubt::TooLong);
            let is_outcome = is_last_attempt(tables, row) || alone && is_answered && is_its_own(tables, row);
            return (!is_outcome).then_some(Repeated::Unknown);
        }
        Verdict::Retry { kind, .. } => kind,
    };
    match kind {
        RetryKind::Smaller { .. } if alone => None,
        RetryKind::Org(OrgTrouble::Quota) if tables.settings.on_quota == OnQuota::DeadLetter => None,
        RetryKind::Parent if tables.settings.retry.missing_parent_wait.is_zero() => None,
        RetryKind::Alone if u32::from(row.isolated_times) >= super::races::APART_REPEATS => None,
        RetryKind::DeletedMeanwhile if u32::from(row.deleted_times) >= super::races::GONE_REPEATS => None,
        RetryKind::WithoutFields(_) if row.flags.is_stripped => None,
        RetryKind::Backoff => Some(Repeated::Retry),
        RetryKind::Parent => Some(Repeated::MissingParent),
        RetryKind::Alone => Some(Repeated::Alone),
        RetryKind::DeletedMeanwhile => Some(Repeated::DeletedMeanwhile),
        RetryKind::WithoutFields(_) => Some(Repeated::WithoutFields),
        RetryKind::Smaller { suspicion: None } => Some(Repeated::Transaction),
        RetryKind::Smaller { suspicion: Some(_) } => Some(Repeated::CallRejected),
        RetryKind::Parked => Some(Repeated::Parked),
        RetryKind::Storage => Some(Repeated::Storage),
        RetryKind::Place => Some(Repeated::PlaceRefused),
        RetryKind::NextCall => Some(Repeated::NotSent),
        RetryKind::NoLease => Some(Repeated::NoLease),
        RetryKind::Org(OrgTrouble::Unavailable) => Some(Repeated::OrgUnavailable),
        RetryKind::Org(OrgTrouble::Session) => Some(Repeated::SessionExpired),
        RetryKind::Org(OrgTrouble::Quota) => Some(Repeated::QuotaExhausted),
    }
}

fn action(row: &Row) -> Option<Action> {
    row.body.as_ref()?.command().map(|command| command.action)
}

/// Returns whether a plain insert of unknown result is not sent again: the org may have made its record in each
/// attempt.
fn is_last_attempt(tables: &Tables, row: &Row) -> bool {
    let never = tables.settings.insert_unknown == InsertUnknown::DeadLetter;
    action(row) == Some(Action::Create) && (never || row.unknowns >= MAX_INSERT_UNKNOWN)
}

/// Returns whether the org has often enough said of the row itself that its result is unknown.
fn is_its_own(tables: &Tables, row: &Row) -> bool {
    u32::from(row.own_unknowns) >= tables.settings.retry.max_attempts
}
