//! What follows from each verdict.
//!
//! | verdict | what happens |
//! |---|---|
//! | Written, Rejected | the row's outcome; but a rejection waits if its route's breaker says so |
//! | Backoff | backoff with jitter, only this row, until `row_timeout`; then rejected |
//! | Parent | the same, until `missing_parent_wait`; sooner, if it is in the way of others |
//! | Alone, DeletedMeanwhile | a few times more ([`super::races`]); then rejected |
//! | WithoutFields | once more without some of its fields; then rejected |
//! | Smaller, no suspect | halved at once; alone it is the row's own. Size of new calls: [`super::sizes`] |
//! | Smaller, a suspect | rows that the answer names go first, and the others follow from that ([`super::hints`]); else halved; alone rejected |
//! | Parked | again after a long while, without end |
//! | NextCall | with the next call |
//! | Org: unavailable | the whole call again after a backoff, without end unless it is poison |
//! | Org: session; NoLease | the same, and it is never poison |
//! | Org: quota | the same, and it is never poison; rejected if `on_quota` says so |
//! | Unknown | as Org: unavailable, but not before the hold is over, with the gate entries held; a plain insert is rejected if `insert_unknown` says so, and the third time in any case |
//! | – timed out | the same, in calls that are answered in time: [`super::sizes`] |
//! | – too long an answer | the same, halved |
//! | – said of the row | the same; the `max_attempts`th time alone in its call, and then rejected |
//! | Fatal | the daemon stops; what it sent is of unknown result |

use std::time::Duration;

use tokio::time::Instant;

use super::{
    backlog::{Delayed, Group},
    parents::Hold,
    races,
    sizes::timed_out,
    worker::{Call, Worker},
};
use crate::{
    config::{InsertUnknown, OnQuota},
    ops::metrics::Repeated,
    record::{Action, Cause, ConnectStage, Doubt, OrgTrouble, Reason, Rejection, RetryKind, Suspicion, Verdict},
    runtime::backoff::Backoff,
    sink::{
        breaker::Ruling,
        org::Org,
        ticket::{Outcome, Ticket},
    },
};

/// A plain insert is sent at most this often without a known result.
const MAX_INSERT_UNKNOWN: u32 = 3;

/// The rows of one call that go on together.
#[derive(Default)]
struct Fates {
    answered: bool,
    child: bool,
    /// How many rows wait for the org to take them; the log tells of the first.
    parked: usize,
    /// They were set apart, and go again together after this time.
    apart: Vec<Ticket>,
    apart_wait: Duration,
    transaction: Vec<Ticket>,
    refused: Vec<(Ticket, Suspicion)>,
    later: Vec<Ticket>,
    barred: Vec<Ticket>,
    unknown: Vec<Ticket>,
    /// As the unknown ones, each in a call of its own.
    unknown_alone: Vec<Ticket>,
    /// The answer was too long.
    halved: bool,
    /// When the hold of the unknown ones is over.
    held: Option<Instant>,
}

impl Fates {
    /// The ticket stays unanswered: its gate entry is held, and a drain waits for it.
    fn hold(&mut self, mut ticket: Ticket, cause: Cause, until: Instant, alone: bool) {
        ticket.history.forget_waits();
        ticket.history.cause = Some(cause);
        self.held = self.held.max(Some(until));
        if alone { self.unknown_alone.push(ticket) } else { self.unknown.push(ticket) }
    }
}

impl<O: Org> Worker<O> {
    pub(super) fn follow(&mut self, call: Call) {
        let Call { group: Group { key, rows, failures, trust, witness, probe }, verdicts, took } = call;
        let (count, alone) = (rows.len(), rows.len() == 1);
        self.queues.sizes.learn(&key, &verdicts, took);
        if let Some(Verdict::Unknown { cause, .. }) = verdicts.iter().find(|verdict| timed_out(verdict)) {
            self.slow.timed_out(&key, count, self.queues.sizes.of(&key), cause);
        }
        let mut fates = Fates::default();
        let mut witness = witness.and_then(|witness| witness.hear(&verdicts));
        for (mut ticket, verdict) in rows.into_iter().zip(verdicts) {
            ticket.history.is_probe = probe.is_some();
            ticket.history.attempted(&verdict);
            if let Some(word) = self.repeats(&ticket, &verdict, alone) {
                self.metrics.repeated(word);
            }
            self.decide(ticket, verdict, alone, &mut fates);
        }
        if fates.child {
            self.hurry_children();
        }
        if fates.answered {
            self.slow.answered(&key);
        }
        self.tally.answered += u64::from(fates.answered);
        self.tally.failed += u64::from(!fates.later.is_empty() || fates.held.is_some());
        if !fates.apart.is_empty() {
            let group = Group::new(key.clone(), fates.apart);
            self.delays.push(Delayed::Group(group), Instant::now() + fates.apart_wait);
        }
        self.halve(Group::new(key.clone(), fates.transaction));
        if !fates.refused.is_empty() {
            self.refused(&key, fates.refused, trust);
        }
        let (mut failed, mut barred) = (failures, failures);
        failed.failed(self.tally, count);
        barred.barred();
        let mut group = |rows: Vec<Ticket>, failures| {
            let witness = if rows.is_empty() { None } else { witness.take() };
            Group { failures, trust, witness, ..Group::new(key.clone(), rows) }
        };
        let (later, barred) = (group(fates.later, failed), group(fates.barred, barred));
        self.delay(later, Instant::now());
        self.delay(barred, Instant::now());
        if let Some(held) = fates.held {
            let unknown = group(fates.unknown, failed);
            let parts = if fates.halved { Vec::from(unknown.halve()) } else { vec![unknown] };
            let alone = fates.unknown_alone.into_iter().map(|ticket| Group::new(key.clone(), vec![ticket]));
            for part in parts.into_iter().chain(alone) {
                self.delay(Group { failures: failed, ..part }, held);
            }
        }
    }

    fn decide(&mut self, mut ticket: Ticket, verdict: Verdict, alone: bool, fates: &mut Fates) {
        fates.answered |= !matches!(
            verdict,
            Verdict::Retry { kind: RetryKind::Org(_) | RetryKind::NoLease | RetryKind::NextCall, .. }
                | Verdict::Unknown { .. }
        );
        match verdict {
            Verdict::Written { id, .. } => {
                if let Some(breaker) = &ticket.breaker {
                    breaker.written(ticket.history.is_probe);
                }
                // What an earlier attempt may have deleted was there.
                let found_nothing = id.is_none() && !ticket.history.maybe_applied;
                ticket.settle(Outcome::Written { found_nothing });
            }
            Verdict::Rejected(rejection) => self.reject_as(ticket, rejection),
            Verdict::Retry { cause, kind } => self.retry(ticket, cause, kind, alone, fates),
            Verdict::Unknown { cause, .. } if self.is_last_attempt(&ticket) => {
                self.reject(ticket, Reason::UnknownResult, cause);
            }
            // The org may still apply a call whose answer is lost or late: it is held, whatever came before.
            Verdict::Unknown { cause, doubt: Doubt::Row | Doubt::TooLong, .. } if alone && self.is_its_own(&ticket) => {
                self.reject(ticket, Reason::Refused, cause);
            }
            Verdict::Unknown { cause, ended, doubt } => {
                fates.halved |= doubt == Doubt::TooLong && !alone;
                // Its last attempt is its own: the limit of a transaction may say so of all rows of a call.
                let next_is_last =
                    ticket.command.action == Action::Create && ticket.history.unknowns + 1 >= MAX_INSERT_UNKNOWN;
                let alone = doubt == Doubt::Row && (next_is_last || self.is_its_own(&ticket));
                fates.hold(ticket, cause, Instant::from_std(ended) + self.settings.unknown_hold, alone);
            }
            Verdict::Fatal(cause) => {
                self.stop.now(cause.to_string());
                if self.is_last_attempt(&ticket) {
                    return self.reject(ticket, Reason::UnknownResult, cause);
                }
                ticket.history.is_last = true;
                fates.hold(ticket, cause, Instant::now() + self.settings.unknown_hold, false);
            }
        }
    }

    fn retry(&mut self, mut ticket: Ticket, cause: Cause, kind: RetryKind, alone: bool, fates: &mut Fates) {
        match kind {
            RetryKind::Backoff => self.again(ticket, cause),
            RetryKind::DeletedMeanwhile => self.gone_meanwhile(ticket, cause),
            RetryKind::WithoutFields(_) if ticket.history.is_stripped => self.reject(ticket, Reason::Refused, cause),
            RetryKind::Alone => {
                if let Some((ticket, wait)) = self.set_apart(ticket, cause) {
                    fates.apart_wait = wait;
                    fates.apart.push(ticket);
                }
            }
            RetryKind::Parent => {
                fates.child = true;
                self.missing_parent(ticket, cause);
            }
            RetryKind::Smaller { .. } if alone => self.reject(ticket, Reason::Refused, cause),
            RetryKind::Org(OrgTrouble::Quota) if self.settings.on_quota == OnQuota::DeadLetter => {
                self.reject(ticket, Reason::QuotaSpent, cause);
            }
            // Nobody waits for it any more.
            _ if !ticket.answered() => {}
            RetryKind::Smaller { suspicion: None } => fates.transaction.push(ticket),
            RetryKind::Smaller { suspicion: Some(named) } => fates.refused.push((ticket, named)),
            RetryKind::WithoutFields(fields) => self.strip(ticket, &fields),
            RetryKind::Parked => {
                ticket.history.forget_waits();
                ticket.pending = None;
                // One line a call, and not one a row: all rows of it wait for one right, or for room, mostly.
                fates.parked += 1;
                if fates.parked == 1 {
                    tracing::warn!(event = "row_parked", %cause, "the org does not take a row for now: it waits");
                }
                self.delays.push(Delayed::Row(Box::new(ticket)), Instant::now() + self.settings.parked);
            }
            RetryKind::NextCall => self.queues.push(ticket),
            RetryKind::Org(OrgTrouble::Unavailable) => {
                ticket.history.forget_waits();
                ticket.history.cause = Some(cause);
                fates.later.push(ticket);
            }
            RetryKind::Org(OrgTrouble::Session | OrgTrouble::Quota) | RetryKind::NoLease => {
                ticket.history.forget_waits();
                ticket.history.cause = Some(cause);
                fates.barred.push(ticket);
            }
        }
    }

    /// The label in metrics of a verdict that is no outcome.
    fn repeats(&self, ticket: &Ticket, verdict: &Verdict, alone: bool) -> Option<Repeated> {
        let kind = match verdict {
            Verdict::Written { .. } | Verdict::Rejected(_) | Verdict::Fatal(_) => return None,
            Verdict::Unknown { .. } => {
                let is_outcome = self.is_last_attempt(ticket) || alone && self.is_its_own(ticket);
                return (!is_outcome).then_some(Repeated::Unknown);
            }
            Verdict::Retry { kind, .. } => kind,
        };
        match kind {
            RetryKind::Smaller { .. } if alone => None,
            RetryKind::Org(OrgTrouble::Quota) if self.settings.on_quota == OnQuota::DeadLetter => None,
            RetryKind::Parent if self.settings.retry.missing_parent_wait.is_zero() => None,
            RetryKind::Alone if ticket.history.apart_times >= races::APART_REPEATS => None,
            RetryKind::DeletedMeanwhile if ticket.history.gone_times >= races::GONE_REPEATS => None,
            RetryKind::WithoutFields(_) if ticket.history.is_stripped => None,
            RetryKind::Backoff => Some(Repeated::Retry),
            RetryKind::Parent => Some(Repeated::MissingParent),
            RetryKind::Alone => Some(Repeated::Alone),
            RetryKind::DeletedMeanwhile => Some(Repeated::DeletedMeanwhile),
            RetryKind::WithoutFields(_) => Some(Repeated::WithoutFields),
            RetryKind::Smaller { suspicion: None } => Some(Repeated::Transaction),
            RetryKind::Smaller { suspicion: Some(_) } => Some(Repeated::CallRejected),
            RetryKind::Parked => Some(Repeated::Parked),
            RetryKind::NextCall => Some(Repeated::NotSent),
            RetryKind::NoLease => Some(Repeated::NoLease),
            RetryKind::Org(OrgTrouble::Unavailable) => Some(Repeated::OrgUnavailable),
            RetryKind::Org(OrgTrouble::Session) => Some(Repeated::SessionExpired),
            RetryKind::Org(OrgTrouble::Quota) => Some(Repeated::QuotaExhausted),
        }
    }

    /// A plain insert whose result is unknown may double if it is sent again: the record may be in the org as often as
    /// it was tried.
    fn is_last_attempt(&self, ticket: &Ticket) -> bool {
        let never = self.settings.insert_unknown == InsertUnknown::DeadLetter;
        ticket.command.action == Action::Create && (never || ticket.history.unknowns >= MAX_INSERT_UNKNOWN)
    }

    /// The org has said of the row often enough that its result is unknown.
    fn is_its_own(&self, ticket: &Ticket) -> bool {
        ticket.history.own_unknowns >= self.settings.retry.max_attempts
    }

    pub(super) fn again(&mut self, mut ticket: Ticket, cause: Cause) {
        let (timeout, waited) = (self.settings.retry.row_timeout, ticket.history.again_waited);
        if !timeout.is_zero() && waited >= timeout {
            return self.reject(ticket, Reason::RowTimeout, cause);
        }
        ticket.history.again_times += 1;
        ticket.pending = None;
        let backoff = Backoff::of(&self.settings.retry).wait(ticket.history.again_times - 1);
        let backoff = if timeout.is_zero() { backoff } else { backoff.min(timeout.saturating_sub(waited)) };
        ticket.history.again_waited += backoff;
        if ticket.answered() {
            self.delays.push(Delayed::Row(Box::new(ticket)), Instant::now() + backoff);
        }
    }

    fn delay(&mut self, group: Group, not_before: Instant) {
        if !group.rows.is_empty() {
            let at = not_before.max(Instant::now() + Backoff::of(&self.settings.retry).wait(group.failures.times - 1));
            self.delays.push(Delayed::Group(group), at);
        }
    }

    /// A call whose backoff, or whose hold, is over.
    pub(super) fn repeat(&mut self, mut group: Group) {
        group.rows.retain(|ticket| ticket.answered() && !ticket.history.is_last);
        group.failures.judge(self.tally);
        // The others of its call may be gone with their lanes, and one of them was to blame, perhaps.
        let left_alone = group.rows.len() == 1 && group.failures.in_company();
        if left_alone || group.failures.own < self.settings.retry.max_attempts {
            self.pin(group);
        } else if group.rows.len() > 1 {
            self.halve(group);
        } else {
            // What comes of it is the lane's, and a drain waits for that.
            for mut ticket in group.rows.into_iter().filter(Ticket::begin) {
                let cause = ticket.history.cause.take().unwrap_or_else(|| Cause::new("the call keeps failing"));
                self.reject(ticket, Reason::Poison, cause);
            }
        }
    }

    pub(super) fn reject(&mut self, ticket: Ticket, reason: Reason, cause: Cause) {
        self.reject_as(ticket, Rejection { reason, stage: ConnectStage::Put, cause });
    }

    fn reject_as(&mut self, ticket: Ticket, rejection: Rejection) {
        let rejection = in_doubt(ticket.command.action, ticket.history.maybe_applied, rejection);
        match ticket.breaker.clone() {
            Some(breaker) if breaker.rejected(&rejection, ticket.history.is_probe) == Ruling::Waits => {
                self.metrics.repeated(Repeated::Breaker);
                self.hold_back(ticket);
            }
            _ => {
                let attempts = ticket.history.attempts;
                ticket.settle(Outcome::Rejected { rejection, attempts });
            }
        }
    }

    /// Until the breaker is closed, or the row is the probe.
    pub(super) fn hold_back(&mut self, mut ticket: Ticket) {
        if let Some(breaker) = ticket.breaker.clone()
            && ticket.answered()
        {
            // A row that is the probe again and again would wait without an end.
            if !ticket.history.is_probe {
                ticket.history.forget_waits();
            }
            self.held.push(&breaker, ticket);
        }
    }

    pub(super) fn halve(&mut self, group: Group) {
        group.halve().into_iter().for_each(|half| self.pin(half));
    }

    pub(super) fn pin(&mut self, group: Group) {
        if !group.rows.is_empty() {
            self.queues.hold(&group.rows, Hold::Pinned);
            self.pinned.push_back(group);
        }
    }
}

/// A plain insert of which an attempt had no known result: the org may have the record, whatever has ended it. The
/// letter must not say otherwise, or sending it again would make another record.
fn in_doubt(action: Action, maybe_applied: bool, rejection: Rejection) -> Rejection {
    if action != Action::Create || !maybe_applied {
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
            let told = in_doubt(action, maybe_applied, Rejection { reason, stage, cause: cause.clone() });
            assert_eq!(told.reason, expected, "{action:?} {reason:?}");
            assert_eq!(told.cause.code, cause.code, "the code is kept");
            assert!(told.cause.message.ends_with(&cause.message), "so is the text: {told}");
            let says = told.cause.message.contains("not known whether");
            assert_eq!(says, expected == Reason::UnknownResult, "{told}");
        }
    }
}
