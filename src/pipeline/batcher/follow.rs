//! What follows from each verdict.
//!
//! | verdict | what happens |
//! |---|---|
//! | Written, Rejected | the row's outcome; but a rejection waits if its route's breaker says so |
//! | Again | backoff with jitter, only this row, until `row_timeout`; then rejected |
//! | MissingParent | the same, until `missing_parent_wait`; sooner, if it is in the way of others |
//! | Apart | alone in its call; there the same verdict is Again |
//! | Transaction | halved at once; alone it is the row's own. Size of new calls: [`super::sizes`] |
//! | Refused | rows that the answer names go alone, the others together; else halved; alone rejected |
//! | Parked | again after a long while, without end |
//! | Deferred | with the next call |
//! | Later | the whole call again after a backoff, without end unless it is poison |
//! | Barred | the same, and it is never poison |
//! | Spent | as Barred; rejected if `on_quota` says so |
//! | Unknown | as Later, but not before the hold is over, with the gate entries held; a plain insert is rejected if `insert_unknown` says so |
//! | Fatal | the daemon stops; what it sent is of unknown result |

use tokio::time::Instant;

use super::{
    backlog::{Delayed, Group},
    parents::Hold,
    worker::{Call, Worker},
};
use crate::{
    config::{InsertUnknown, OnQuota},
    pipeline::{
        breaker::Ruling,
        org::Org,
        ticket::{Outcome, Ticket},
    },
    record::{Action, Cause, Reason, Rejection, Stage, Verdict},
};

/// The rows of one call that go on together.
#[derive(Default)]
struct Fates {
    answered: bool,
    child: bool,
    apart: Vec<Ticket>,
    transaction: Vec<Ticket>,
    suspects: Vec<Ticket>,
    refused: Vec<Ticket>,
    later: Vec<Ticket>,
    barred: Vec<Ticket>,
    unknown: Vec<Ticket>,
    /// When the hold of the unknown ones is over.
    held: Option<Instant>,
}

impl Fates {
    /// The ticket stays unanswered: its gate entry is held, and a drain waits for it.
    fn hold(&mut self, mut ticket: Ticket, cause: Cause, until: Instant) {
        ticket.history.maybe_applied = true;
        ticket.history.forget_waits();
        ticket.history.cause = Some(cause);
        self.held = self.held.max(Some(until));
        self.unknown.push(ticket);
    }
}

impl<O: Org> Worker<O> {
    pub(super) fn follow(&mut self, call: Call) {
        let Call { group: Group { key, rows, failures, probe }, verdicts } = call;
        let (count, alone) = (rows.len(), rows.len() == 1);
        self.queues.sizes.learn(&key, &verdicts);
        let mut fates = Fates::default();
        for (mut ticket, verdict) in rows.into_iter().zip(verdicts) {
            ticket.history.is_probe = probe.is_some();
            ticket.history.attempts += u32::from(!matches!(verdict, Verdict::Deferred));
            if let Some(word) = self.repeats(&ticket, &verdict, alone) {
                self.metrics.repeated(word);
            }
            self.decide(ticket, verdict, alone, &mut fates);
        }
        if fates.child {
            self.hurry_children();
        }
        self.tally.answered += u64::from(fates.answered);
        self.tally.failed += u64::from(!fates.later.is_empty() || !fates.unknown.is_empty());
        for ticket in fates.apart {
            self.pin(Group::new(key.clone(), vec![ticket]));
        }
        self.halve(Group::new(key.clone(), fates.transaction));
        if fates.suspects.is_empty() {
            self.halve(Group::new(key.clone(), fates.refused));
        } else {
            self.pin(Group::new(key.clone(), fates.refused));
            fates.suspects.into_iter().for_each(|ticket| self.pin(Group::new(key.clone(), vec![ticket])));
        }
        let (mut failed, mut barred) = (failures, failures);
        failed.failed(self.tally, count);
        barred.barred();
        let group = |rows, failures| Group { failures, ..Group::new(key.clone(), rows) };
        self.delay(group(fates.later, failed), Instant::now());
        self.delay(group(fates.barred, barred), Instant::now());
        if let Some(held) = fates.held {
            self.delay(group(fates.unknown, failed), held);
        }
    }

    fn decide(&mut self, mut ticket: Ticket, verdict: Verdict, alone: bool, fates: &mut Fates) {
        fates.answered |= !matches!(
            verdict,
            Verdict::Later(_) | Verdict::Barred(_) | Verdict::Spent(_) | Verdict::Unknown { .. } | Verdict::Deferred
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
            Verdict::Again(cause) => self.again(ticket, cause),
            Verdict::Apart(cause) if alone => self.again(ticket, cause),
            Verdict::MissingParent(cause) => {
                fates.child = true;
                self.missing_parent(ticket, cause);
            }
            Verdict::Transaction(cause) | Verdict::Refused { cause, .. } if alone => {
                self.reject(ticket, Reason::Refused, cause);
            }
            Verdict::Spent(cause) if self.settings.on_quota == OnQuota::DeadLetter => {
                self.reject(ticket, Reason::QuotaSpent, cause);
            }
            Verdict::Unknown { cause, .. } if self.is_last_attempt(&ticket) => {
                self.reject(ticket, Reason::UnknownResult, maybe_made(&cause));
            }
            Verdict::Unknown { cause, ended, .. } => {
                fates.hold(ticket, cause, Instant::from_std(ended) + self.settings.unknown_hold);
            }
            Verdict::Fatal(cause) => {
                self.stop.now(cause.to_string());
                if self.is_last_attempt(&ticket) {
                    return self.reject(ticket, Reason::UnknownResult, maybe_made(&cause));
                }
                ticket.history.is_last = true;
                fates.hold(ticket, cause, Instant::now() + self.settings.unknown_hold);
            }
            // Nobody waits for it any more.
            _ if !ticket.answered() => {}
            Verdict::Apart(_) => fates.apart.push(ticket),
            Verdict::Transaction(_) => fates.transaction.push(ticket),
            Verdict::Refused { suspect: true, .. } => fates.suspects.push(ticket),
            Verdict::Refused { .. } => fates.refused.push(ticket),
            Verdict::Parked(cause) => {
                ticket.history.forget_waits();
                ticket.pending = None;
                tracing::warn!(%cause, "the org does not take a row for now: it waits");
                self.delays.push(Delayed::Row(Box::new(ticket)), Instant::now() + self.settings.parked);
            }
            Verdict::Deferred => self.queues.push(ticket),
            Verdict::Later(cause) => {
                ticket.history.forget_waits();
                ticket.history.cause = Some(cause);
                fates.later.push(ticket);
            }
            Verdict::Barred(cause) | Verdict::Spent(cause) => {
                ticket.history.forget_waits();
                ticket.history.cause = Some(cause);
                fates.barred.push(ticket);
            }
        }
    }

    /// The word in metrics for a verdict that is no outcome.
    fn repeats(&self, ticket: &Ticket, verdict: &Verdict, alone: bool) -> Option<&'static str> {
        match verdict {
            Verdict::Written { .. } | Verdict::Rejected(_) | Verdict::Fatal(_) => None,
            Verdict::Transaction(_) | Verdict::Refused { .. } if alone => None,
            Verdict::Spent(_) if self.settings.on_quota == OnQuota::DeadLetter => None,
            Verdict::Unknown { .. } if self.is_last_attempt(ticket) => None,
            Verdict::MissingParent(_) if self.settings.retry.missing_parent_wait.is_zero() => None,
            Verdict::Again(_) => Some("again"),
            Verdict::MissingParent(_) => Some("missing_parent"),
            Verdict::Apart(_) => Some("apart"),
            Verdict::Transaction(_) => Some("transaction"),
            Verdict::Parked(_) => Some("parked"),
            Verdict::Refused { .. } => Some("refused"),
            Verdict::Deferred => Some("deferred"),
            Verdict::Later(_) => Some("later"),
            Verdict::Barred(_) | Verdict::Spent(_) => Some("barred"),
            Verdict::Unknown { .. } => Some("unknown"),
        }
    }

    /// A plain insert whose result is unknown would double if it were sent again.
    fn is_last_attempt(&self, ticket: &Ticket) -> bool {
        ticket.command.action == Action::Create && self.settings.insert_unknown == InsertUnknown::DeadLetter
    }

    fn again(&mut self, mut ticket: Ticket, cause: Cause) {
        let (timeout, waited) = (self.settings.retry.row_timeout, ticket.history.again_waited);
        if !timeout.is_zero() && waited >= timeout {
            return self.reject(ticket, Reason::RowTimeout, cause);
        }
        ticket.history.again_times += 1;
        ticket.pending = None;
        let backoff = self.settings.retry.backoff(ticket.history.again_times - 1);
        let backoff = if timeout.is_zero() { backoff } else { backoff.min(timeout.saturating_sub(waited)) };
        ticket.history.again_waited += backoff;
        if ticket.answered() {
            self.delays.push(Delayed::Row(Box::new(ticket)), Instant::now() + backoff);
        }
    }

    fn delay(&mut self, group: Group, not_before: Instant) {
        if !group.rows.is_empty() {
            let at = not_before.max(Instant::now() + self.settings.retry.backoff(group.failures.times - 1));
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
        self.reject_as(ticket, Rejection { reason, stage: Stage::Put, cause });
    }

    fn reject_as(&mut self, ticket: Ticket, rejection: Rejection) {
        match ticket.breaker.clone() {
            Some(breaker) if breaker.rejected(&rejection, ticket.history.is_probe) == Ruling::Waits => {
                self.metrics.repeated("breaker");
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

    fn halve(&mut self, group: Group) {
        group.halve().into_iter().for_each(|half| self.pin(half));
    }

    pub(super) fn pin(&mut self, group: Group) {
        if !group.rows.is_empty() {
            self.queues.hold(&group.rows, Hold::Pinned);
            self.pinned.push_back(group);
        }
    }
}

fn maybe_made(cause: &Cause) -> Cause {
    let message = format!("nobody knows whether the org has made the record: {}", cause.message);
    Cause { message, ..cause.clone() }
}
