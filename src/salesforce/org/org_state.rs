//! Whether the org can be called, for everybody at once.
//!
//! | condition | entered by | the probe goes | left by |
//! |---|---|---|---|
//! | up | | everybody, at once | |
//! | later | an org that takes no call, no connection, no login; three calls in a row without an answer | after a backoff with jitter, `retry.initial_backoff` to `retry.max_backoff` | any success |
//! | quota | a spent quota, or usage above what `quota.reserve` leaves | every `quota.probe_interval` | any success, and usage below |
//! | expired | a session that a new login does not heal | as later, not before the next login may be tried | any success |
//!
//! Invariant: while the org is not up, at most one [`Turn`] lives, and two of them are a wait apart, whether the first
//! one made its call or not.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::{Mutex, MutexGuard};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::Instant,
};

use super::usage::Usage;
use crate::{
    config,
    record::{Cause, OrgAvailability, OrgTrouble},
    runtime::backoff::Backoff,
    salesforce::Observer,
};

/// What a call has shown of the org.
#[derive(Debug)]
pub(crate) enum Report<'a> {
    /// It took the call, whatever it made of it.
    Well,
    /// Nothing is known of the org.
    Silent,
    /// It answered, and said that it does not know what became of the call.
    Unsure,
    /// No answer of the org's came: a time-out, a cut connection, the word of something before it.
    Unanswered(&'a Cause),
    /// It takes no calls.
    Down(OrgTrouble, &'a Cause),
}

#[derive(Debug)]
pub(crate) struct OrgState {
    retry: config::Retry,
    quota: config::Quota,
    login_interval: Duration,
    observer: Arc<dyn Observer>,
    inner: Mutex<Inner>,
    /// Told of every change, also of one that leaves the condition as it is.
    availability: watch::Sender<OrgAvailability>,
    probe: Arc<Semaphore>,
    /// How many calls the org has taken.
    answers: AtomicU64,
}

#[derive(Debug)]
struct Inner {
    /// What the last call said.
    trouble: Option<OrgTrouble>,
    /// How the org said that the calls of the day are spent, while that is the trouble.
    spent: Option<Cause>,
    /// A probe is under way.
    asking: bool,
    /// Calls without an answer, one after the other.
    unanswered: u32,
    /// Usage is above the reserve.
    throttled: bool,
    /// The level that was last warned of, in per cent.
    warned: u64,
    usage: Option<Usage>,
    since: Instant,
    probes: u32,
    due: Instant,
}

/// So many calls in a row without an answer are an outage. One alone may be a slow call or a connection that was cut.
const SILENCE: u32 = 3;

/// Leave to make one call.
#[derive(Debug)]
pub struct Turn {
    probe: Option<OwnedSemaphorePermit>,
    only_asks: bool,
}

impl Turn {
    /// The org is not well, and this call is to find out whether it is again.
    pub fn is_probe(&self) -> bool {
        self.probe.is_some()
    }

    /// The org has answered nothing for a while: the call is to be one that writes nothing.
    pub fn only_asks(&self) -> bool {
        self.only_asks
    }
}

impl OrgState {
    pub(crate) fn new(
        retry: config::Retry,
        quota: config::Quota,
        login_interval: Duration,
        observer: Arc<dyn Observer>,
    ) -> Self {
        observer.availability_changed(OrgAvailability::Up);
        Self {
            retry,
            quota,
            login_interval,
            observer,
            inner: Mutex::new(Inner::new()),
            availability: watch::channel(OrgAvailability::Up).0,
            probe: Arc::new(Semaphore::new(1)),
            answers: AtomicU64::new(0),
        }
    }

    /// Waits until a call may be made. Cancel-safe.
    pub(crate) async fn turn(&self) -> Turn {
        let mut changes = self.availability.subscribe();
        let mut permit = None;
        loop {
            changes.mark_unchanged();
            let due = {
                let inner = self.lock();
                if inner.availability() == OrgAvailability::Up {
                    return Turn { probe: None, only_asks: false };
                }
                inner.due
            };
            // Once it is this one's turn to probe, a change of the time does not cost it the place in the queue.
            if permit.is_none() {
                tokio::select! {
                    biased;
                    _ = changes.changed() => {}
                    acquired = self.probe.clone().acquire_owned() => permit = acquired.ok(),
                }
                continue;
            }
            tokio::select! {
                biased;
                _ = changes.changed() => {}
                () = tokio::time::sleep_until(due) => {
                    let only_asks = self.take_turn();
                    return Turn { probe: permit, only_asks };
                }
            }
        }
    }

    /// Waits until no call was taken for so long.
    pub(crate) async fn out(&self, patience: Duration) {
        let mut condition = self.availability.subscribe();
        // The sender lives as long as this.
        while condition.wait_for(|condition| *condition != OrgAvailability::Up).await.is_ok() {
            let up = condition.wait_for(|condition| *condition == OrgAvailability::Up);
            if tokio::time::timeout(patience, up).await.is_err() {
                return;
            }
        }
    }

    /// Waits until the org has refused a call because those of the day are spent, and is not asked again for a while.
    /// Usage above the reserve is not enough. Cancel-safe.
    pub(crate) async fn spent(&self) -> Cause {
        let mut changes = self.availability.subscribe();
        loop {
            changes.mark_unchanged();
            {
                let inner = self.lock();
                if let Some(cause) = inner.spent.as_ref().filter(|_| !inner.asking && Instant::now() < inner.due) {
                    return cause.clone();
                }
            }
            // The sender lives as long as this.
            drop(changes.changed().await);
        }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<OrgAvailability> {
        self.availability.subscribe()
    }

    /// How many calls the org has taken until now.
    pub(crate) fn answers(&self) -> u64 {
        self.answers.load(Ordering::Relaxed)
    }

    /// As the org said last.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.lock().usage
    }

    /// What a call has shown. Whoever gives up for now must have said so here first: the wait is made here.
    pub(crate) fn report(&self, report: &Report<'_>) {
        if matches!(report, Report::Well) {
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
        let mut inner = self.lock();
        let before = inner.availability();
        match report {
            Report::Unanswered(_) => inner.unanswered = inner.unanswered.saturating_add(1),
            Report::Silent | Report::Down(OrgTrouble::Unavailable, _) => {}
            Report::Well | Report::Unsure | Report::Down(OrgTrouble::Quota | OrgTrouble::Session, _) => {
                inner.unanswered = 0;
            }
        }
        let silence;
        let (trouble, cause) = match report {
            Report::Well => (None, None),
            Report::Unanswered(cause) if inner.is_silent() => {
                let message = format!("{SILENCE} calls in a row have had no answer, the last one: {}", cause.message);
                silence = Cause { message, ..(*cause).clone() };
                (inner.trouble.or(Some(OrgTrouble::Unavailable)), Some(&silence))
            }
            // It was the probe, perhaps: the next one is not due at once.
            Report::Silent | Report::Unsure | Report::Unanswered(_) => (inner.trouble, None),
            Report::Down(trouble, cause) => (Some(*trouble), Some(*cause)),
        };
        if trouble != inner.trouble {
            inner.probes = 0;
        }
        inner.trouble = trouble;
        inner.asking = false;
        inner.spent = match report {
            Report::Down(OrgTrouble::Quota, cause) => Some((*cause).clone()),
            Report::Silent | Report::Unsure | Report::Unanswered(_) => inner.spent.take(),
            Report::Well | Report::Down(OrgTrouble::Unavailable | OrgTrouble::Session, _) => None,
        };
        if trouble.is_some() || before != inner.availability() {
            inner.due = Instant::now() + self.wait(&inner);
        }
        self.settle(inner, before, cause);
    }

    /// A usage header was seen.
    pub(crate) fn used(&self, usage: Usage) {
        self.observer.quota(usage.used, usage.max);
        let mut inner = self.lock();
        inner.usage = Some(usage);
        let before = inner.availability();
        Self::warn(&mut inner, usage);
        let share = u64::from(100_u8.saturating_sub(self.quota.reserve));
        // A point of slack, so that the condition does not change with every call. Without a reserve the org's own
        // word counts alone: the limit is soft, and a paid org may use more than all of it.
        let limit = if inner.throttled { share.saturating_sub(1) } else { share };
        let throttled = self.quota.reserve > 0 && usage.used.saturating_mul(100) > limit.saturating_mul(usage.max);
        if throttled == inner.throttled {
            return;
        }
        inner.throttled = throttled;
        if throttled && inner.trouble.is_none() {
            inner.due = Instant::now() + self.quota.probe_interval;
        }
        let cause = Cause::new(format!("{} of {} daily api calls are used", usage.used, usage.max));
        self.settle(inner, before, Some(&cause));
    }

    /// Each level once, armed again by a fall of five points.
    fn warn(inner: &mut Inner, usage: Usage) {
        let level = |percent: u64| [95, 90, 80].into_iter().find(|level| percent >= *level).unwrap_or(0);
        let percent = usage.percent();
        if percent.saturating_add(5) <= inner.warned {
            inner.warned = level(percent);
        }
        if level(percent) > inner.warned {
            inner.warned = level(percent);
            tracing::warn!(
                event = "quota_low",
                used = usage.used,
                max = usage.max,
                percent,
                "the org's api quota runs low"
            );
        }
    }

    /// Whether the probe only asks.
    fn take_turn(&self) -> bool {
        let mut inner = self.lock();
        inner.probes = inner.probes.saturating_add(1);
        inner.asking = true;
        inner.due = Instant::now() + self.wait(&inner);
        inner.is_silent()
    }

    fn wait(&self, inner: &Inner) -> Duration {
        match inner.availability() {
            OrgAvailability::Up => Duration::ZERO,
            OrgAvailability::Down(OrgTrouble::Unavailable) => Backoff::of(&self.retry).wait(inner.probes),
            OrgAvailability::Down(OrgTrouble::Quota) => self.quota.probe_interval,
            OrgAvailability::Down(OrgTrouble::Session) => {
                Backoff::of(&self.retry).wait(inner.probes).max(self.login_interval)
            }
        }
    }

    /// Tells whom it concerns; the one place that logs the condition.
    fn settle(&self, mut inner: MutexGuard<'_, Inner>, before: OrgAvailability, cause: Option<&Cause>) {
        let after = inner.availability();
        if after != before {
            let lasted = inner.since.elapsed();
            inner.since = Instant::now();
            let cause = cause.map(tracing::field::display);
            match after {
                OrgAvailability::Up => tracing::info!(
                    event = "org_calls_resumed",
                    was = before.label(),
                    ?lasted,
                    "the org takes calls again"
                ),
                OrgAvailability::Down(OrgTrouble::Session) => tracing::error!(
                    event = "org_session_rejected",
                    cause,
                    "the org gives no session that works, somebody must look"
                ),
                OrgAvailability::Down(OrgTrouble::Unavailable | OrgTrouble::Quota) => {
                    tracing::warn!(
                        event = "org_calls_paused",
                        state = after.label(),
                        cause,
                        "the org takes no calls for now, waiting"
                    );
                }
            }
            self.observer.availability_changed(after);
        }
        // Under the lock: of two changes the later one is told last.
        if before != OrgAvailability::Up || after != OrgAvailability::Up {
            self.availability.send_replace(after);
        }
        drop(inner);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }
}

impl Inner {
    /// Nothing is known against the org.
    fn new() -> Self {
        let now = Instant::now();
        Self {
            trouble: None,
            spent: None,
            asking: false,
            unanswered: 0,
            throttled: false,
            warned: 0,
            usage: None,
            since: now,
            probes: 0,
            due: now,
        }
    }

    /// The org answers nothing. Writes are no probes then: they might be applied without an answer.
    fn is_silent(&self) -> bool {
        self.unanswered >= SILENCE
    }

    fn availability(&self) -> OrgAvailability {
        match self.trouble {
            Some(trouble) => OrgAvailability::Down(trouble),
            None if self.throttled => OrgAvailability::Down(OrgTrouble::Quota),
            None => OrgAvailability::Up,
        }
    }
}

#[cfg(test)]
#[path = "tests/org_state.rs"]
mod tests;
