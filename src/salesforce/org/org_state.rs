//! The state of the org: whether it takes calls, and when it is probed next. No I/O but the log.
//!
//! | availability | entered by | the probe goes | left by |
//! |---|---|---|---|
//! | up | | no probe is needed | |
//! | org unavailable | an org that takes no call, no connection, no login; three calls in a row without an answer | after a backoff with jitter, `retry.initial_backoff` to `retry.max_backoff` | any success |
//! | quota exhausted | a spent quota, or usage above what `quota.reserve` leaves | every `quota.probe_interval` | any success, and usage below |
//! | session expired | a session that the org still rejects after a new login, or a user or org without the API | as for an unavailable org, not before the next login may be tried | any success |
//!
//! Invariant: two probes are a wait apart, whether the first one made its call or not.

use std::time::Duration;

use tokio::time::Instant;

use super::usage::Usage;
use crate::{
    config,
    record::{Cause, OrgAvailability, OrgTrouble},
    runtime::backoff::Backoff,
};

/// The evidence that a call gives of the org's state.
#[derive(Debug)]
pub(crate) enum Report<'a> {
    /// The org took the call, whatever it made of it.
    Answered,
    /// The call says nothing of the org: it was not sent, or its answer does not fit it.
    Inconclusive,
    /// The org answered, and said that it does not know what became of the call.
    ResultUnknown,
    /// The call had no answer of the org's: a time-out, a cut connection, the word of something before it.
    Unanswered(&'a Cause),
    /// The org takes no calls.
    Down(OrgTrouble, &'a Cause),
}

/// The pace of probes.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    pub(crate) backoff: Backoff,
    pub(crate) quota: config::Quota,
    pub(crate) login_interval: Duration,
}

#[derive(Debug)]
pub(crate) struct OrgState {
    pace: Pace,
    /// The trouble that the last call has shown.
    trouble: Option<OrgTrouble>,
    /// The org's answer that the calls of the day are used up, while that is the trouble.
    quota_answer: Option<Cause>,
    /// A probe is under way.
    is_probing: bool,
    /// Calls without an answer, one after the other.
    unanswered: u32,
    /// Whether usage is above what the reserve leaves.
    is_above_reserve: bool,
    /// The level that was last warned of, in per cent.
    warned_level: u64,
    usage: Option<Usage>,
    since: Instant,
    probes: u32,
    next_probe: Instant,
}

/// The number of calls in a row without an answer that are an outage. One alone may be a slow call or a connection that
/// was cut.
const OUTAGE_AFTER: u32 = 3;

impl OrgState {
    /// The state of an org that nothing is known against.
    pub(crate) fn new(pace: Pace) -> Self {
        let now = Instant::now();
        Self {
            pace,
            trouble: None,
            quota_answer: None,
            is_probing: false,
            unanswered: 0,
            is_above_reserve: false,
            warned_level: 0,
            usage: None,
            since: now,
            probes: 0,
            next_probe: now,
        }
    }

    pub(crate) fn availability(&self) -> OrgAvailability {
        match self.trouble {
            Some(trouble) => OrgAvailability::Down(trouble),
            None if self.is_above_reserve => OrgAvailability::Down(OrgTrouble::Quota),
            None => OrgAvailability::Up,
        }
    }

    /// The usage of daily calls by the org's last answer.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// The time at which the next probe may go, while the org is not up.
    pub(crate) fn next_probe(&self) -> Instant {
        self.next_probe
    }

    /// The org's answer that the calls of the day are used up, unless a probe is under way, or due.
    pub(crate) fn exhausted_quota(&self, now: Instant) -> Option<&Cause> {
        self.quota_answer.as_ref().filter(|_| !self.is_probing && now < self.next_probe)
    }

    /// Notes that a probe goes out.
    pub(crate) fn begin_probe(&mut self) {
        self.probes = self.probes.saturating_add(1);
        self.is_probing = true;
        self.next_probe = Instant::now() + self.probe_interval();
    }

    /// Whether the last calls had no answer. A write is not a probe then: it might be applied without an answer.
    pub(crate) fn answers_nothing(&self) -> bool {
        self.unanswered >= OUTAGE_AFTER
    }

    /// Takes in what a call has shown of the org.
    pub(crate) fn report(&mut self, report: &Report<'_>) {
        let before = self.availability();
        match report {
            Report::Unanswered(_) => self.unanswered = self.unanswered.saturating_add(1),
            Report::Inconclusive | Report::Down(OrgTrouble::Unavailable, _) => {}
            Report::Answered | Report::ResultUnknown | Report::Down(OrgTrouble::Quota | OrgTrouble::Session, _) => {
                self.unanswered = 0;
            }
        }
        let outage;
        let (trouble, cause) = match report {
            Report::Answered => (None, None),
            Report::Unanswered(cause) if self.answers_nothing() => {
                let message =
                    format!("{OUTAGE_AFTER} calls in a row have had no answer, the last one: {}", cause.message);
                outage = Cause { message, ..(*cause).clone() };
                (self.trouble.or(Some(OrgTrouble::Unavailable)), Some(&outage))
            }
            // It was the probe, perhaps: the next one is not due at once.
            Report::Inconclusive | Report::ResultUnknown | Report::Unanswered(_) => (self.trouble, None),
            Report::Down(trouble, cause) => (Some(*trouble), Some(*cause)),
        };
        if trouble != self.trouble {
            self.probes = 0;
        }
        self.trouble = trouble;
        self.is_probing = false;
        self.quota_answer = match report {
            Report::Down(OrgTrouble::Quota, cause) => Some((*cause).clone()),
            Report::Inconclusive | Report::ResultUnknown | Report::Unanswered(_) => self.quota_answer.take(),
            Report::Answered | Report::Down(OrgTrouble::Unavailable | OrgTrouble::Session, _) => None,
        };
        if trouble.is_some() || before != self.availability() {
            self.next_probe = Instant::now() + self.probe_interval();
        }
        self.log(before, cause);
    }

    /// Takes in the usage that an answer's header says.
    pub(crate) fn set_usage(&mut self, usage: Usage) {
        self.usage = Some(usage);
        let before = self.availability();
        self.warn(usage);
        let quota = &self.pace.quota;
        let share = u64::from(100_u8.saturating_sub(quota.reserve));
        // A point of slack, so that the state does not change with every call. Without a reserve the org's own word
        // counts alone: the limit is soft, and a paid org may use more than all of it.
        let limit = if self.is_above_reserve { share.saturating_sub(1) } else { share };
        let is_above_reserve = quota.reserve > 0 && usage.used.saturating_mul(100) > limit.saturating_mul(usage.max);
        if is_above_reserve == self.is_above_reserve {
            return;
        }
        self.is_above_reserve = is_above_reserve;
        if is_above_reserve && self.trouble.is_none() {
            self.next_probe = Instant::now() + self.pace.quota.probe_interval;
        }
        let cause = Cause::new(format!("{} of {} daily api calls are used", usage.used, usage.max));
        self.log(before, Some(&cause));
    }

    /// Warns of each level once; a fall of five points arms it again.
    fn warn(&mut self, usage: Usage) {
        let level = |percent: u64| [95, 90, 80].into_iter().find(|level| percent >= *level).unwrap_or(0);
        let percent = usage.percent();
        if percent.saturating_add(5) <= self.warned_level {
            self.warned_level = level(percent);
        }
        if level(percent) > self.warned_level {
            self.warned_level = level(percent);
            tracing::warn!(
                event = "quota_low",
                used = usage.used,
                max = usage.max,
                percent,
                "the org's api quota runs low"
            );
        }
    }

    /// The time from one probe to the next.
    fn probe_interval(&self) -> Duration {
        let backoff = self.pace.backoff;
        match self.availability() {
            OrgAvailability::Up => Duration::ZERO,
            OrgAvailability::Down(OrgTrouble::Unavailable) => backoff.wait(self.probes),
            OrgAvailability::Down(OrgTrouble::Quota) => self.pace.quota.probe_interval,
            OrgAvailability::Down(OrgTrouble::Session) => backoff.wait(self.probes).max(self.pace.login_interval),
        }
    }

    /// The one place that logs a change of the availability.
    fn log(&mut self, before: OrgAvailability, cause: Option<&Cause>) {
        let after = self.availability();
        if after == before {
            return;
        }
        let lasted = self.since.elapsed();
        self.since = Instant::now();
        let cause = cause.map(tracing::field::display);
        match after {
            OrgAvailability::Up => {
                tracing::info!(event = "org_calls_resumed", was = before.label(), ?lasted, "the org takes calls again");
            }
            OrgAvailability::Down(OrgTrouble::Session) => tracing::error!(
                event = "org_session_rejected",
                cause,
                "login succeeds, but the org takes no call of any session: an operator must act"
            ),
            OrgAvailability::Down(OrgTrouble::Unavailable) => {
                tracing::warn!(event = "org_unavailable", cause, "the org takes no calls for now, waiting");
            }
            OrgAvailability::Down(OrgTrouble::Quota) => {
                tracing::warn!(
                    event = "org_quota_exhausted",
                    cause,
                    "the org's calls of the day are used up, or below the reserve: waiting until some are free"
                );
            }
        }
    }
}

#[cfg(test)]
#[path = "tests/org_state.rs"]
mod tests;
