//! Permits to call the org: whether it takes calls, and how many at a time.
//!
//! One permit covers one *attempt*: its query, its write and what it sends again run one after the other under it. A
//! task that holds one waits for no other permit and for no budget, so that a limit of one suffices. A login needs
//! none. What is known of the org is in [`OrgState`], who is served next in [`Slots`]; here callers wait.
//!
//! Invariant: permits that are out are no more than the limit; while the org is down, at most one is granted at a time.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::{Mutex, MutexGuard};
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};

use super::{
    org_state::{OrgState, Pace, Report},
    slots::{Admission, CallKind, Slots, Waiter},
    usage::Usage,
};
use crate::{
    record::{Cause, OrgAvailability},
    salesforce::Observer,
};

#[derive(Debug)]
pub(crate) struct Limiter {
    observer: Arc<dyn Observer>,
    inner: Mutex<Inner>,
    /// The availability, sent with every change while the org is down, also one that leaves it as it is.
    availability: watch::Sender<OrgAvailability>,
    /// Wakes those that wait for a permit: the org, the permits, or the queue has changed.
    changed: Notify,
    /// The number of calls that the org has taken.
    answered: AtomicU64,
}

#[derive(Debug)]
struct Inner {
    org: OrgState,
    slots: Slots,
}

/// A permit for one attempt. While a probe's permit is alive, no other permit is granted.
#[derive(Debug)]
pub struct CallPermit {
    limiter: Arc<Limiter>,
    is_probe: bool,
    reads_only: bool,
}

/// A caller in the queue; it leaves it when it is dropped.
struct Waiting<'a> {
    limiter: &'a Limiter,
    waiter: Waiter,
}

impl Limiter {
    /// Begins with an org that is up. `limit`: the most attempts that may be under way.
    pub(crate) fn new(limit: usize, pace: Pace, observer: Arc<dyn Observer>) -> Self {
        observer.availability_changed(OrgAvailability::Up);
        Self {
            observer,
            inner: Mutex::new(Inner { org: OrgState::new(pace), slots: Slots::new(limit) }),
            availability: watch::channel(OrgAvailability::Up).0,
            changed: Notify::new(),
            answered: AtomicU64::new(0),
        }
    }

    /// Waits for a permit. Cancel-safe; a caller that goes away and comes back is at the end of the queue.
    pub(crate) async fn permit(self: &Arc<Self>, kind: CallKind) -> CallPermit {
        let waiter = self.inner.lock().slots.enter(kind);
        let waiting = Waiting { limiter: self, waiter };
        loop {
            let mut changed = pin!(self.changed.notified());
            // From here on: a change between the look and the wait is not missed.
            changed.as_mut().enable();
            match self.admit(&waiting) {
                (Admission::Granted { is_probe }, reads_only) => {
                    return CallPermit { limiter: self.clone(), is_probe, reads_only };
                }
                (Admission::At(due), _) => {
                    tokio::select! {
                        () = changed => {}
                        () = tokio::time::sleep_until(due) => {}
                    }
                }
                (Admission::Wait, _) => changed.await,
            }
        }
    }

    /// Whether it has a permit now, and whether that is one that must not write.
    fn admit(&self, waiting: &Waiting<'_>) -> (Admission, bool) {
        let mut inner = self.inner.lock();
        let probe_due = (inner.org.availability() != OrgAvailability::Up).then(|| inner.org.next_probe());
        let admission = inner.slots.admit(waiting.waiter, probe_due, Instant::now());
        if admission == (Admission::Granted { is_probe: true }) {
            inner.org.begin_probe();
        }
        let reads_only = inner.org.availability() != OrgAvailability::Up && inner.org.answers_nothing();
        (admission, reads_only)
    }

    /// Waits until the org has taken no call for `patience`.
    pub(crate) async fn wait_for_outage(&self, patience: Duration) {
        let mut availability = self.availability.subscribe();
        // The sender lives as long as this.
        while availability.wait_for(|availability| *availability != OrgAvailability::Up).await.is_ok() {
            let up = availability.wait_for(|availability| *availability == OrgAvailability::Up);
            if tokio::time::timeout(patience, up).await.is_err() {
                return;
            }
        }
    }

    /// Waits until the org has answered that the calls of the day are used up, and no probe is under way or due.
    /// Usage above the reserve is not enough. Cancel-safe.
    pub(crate) async fn wait_for_exhausted_quota(&self) -> Cause {
        let mut changes = self.availability.subscribe();
        loop {
            changes.mark_unchanged();
            if let Some(cause) = self.inner.lock().org.exhausted_quota(Instant::now()) {
                return cause.clone();
            }
            // The sender lives as long as this.
            drop(changes.changed().await);
        }
    }

    pub(crate) fn watch(&self) -> watch::Receiver<OrgAvailability> {
        self.availability.subscribe()
    }

    /// The number of calls that the org has taken.
    pub(crate) fn answered_calls(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// The usage of daily calls by the org's last answer.
    pub(crate) fn usage(&self) -> Option<Usage> {
        self.inner.lock().org.usage()
    }

    /// Takes in what a call has shown of the org. A call that is to wait for the org must have reported so: the wait is
    /// here.
    pub(crate) fn report(&self, report: &Report<'_>) {
        if matches!(report, Report::Answered) {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
        let mut inner = self.inner.lock();
        let before = inner.org.availability();
        inner.org.report(report);
        self.publish(inner, before);
    }

    /// Takes in the usage that an answer's header says.
    pub(crate) fn set_usage(&self, usage: Usage) {
        self.observer.quota(usage.used, usage.max);
        let mut inner = self.inner.lock();
        let before = inner.org.availability();
        inner.org.set_usage(usage);
        self.publish(inner, before);
    }

    /// Publishes a change, under the lock: of two changes the later one is published last.
    fn publish(&self, inner: MutexGuard<'_, Inner>, before: OrgAvailability) {
        let after = inner.org.availability();
        if after != before {
            self.observer.availability_changed(after);
        }
        if before != OrgAvailability::Up || after != OrgAvailability::Up {
            self.availability.send_replace(after);
            self.changed.notify_waiters();
        }
        drop(inner);
    }
}

impl CallPermit {
    /// Whether this call is a probe: the org is down, and the call is to find out whether it still is.
    pub fn is_probe(&self) -> bool {
        self.is_probe
    }

    /// Whether the call must not write, since the last calls had no answer.
    pub fn reads_only(&self) -> bool {
        self.reads_only
    }
}

impl Drop for CallPermit {
    fn drop(&mut self) {
        self.limiter.inner.lock().slots.give_back(self.is_probe);
        self.limiter.changed.notify_waiters();
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut inner = self.limiter.inner.lock();
        let is_down = inner.org.availability() != OrgAvailability::Up;
        if inner.slots.leave(self.waiter, is_down) {
            self.limiter.changed.notify_waiters();
        }
    }
}

#[cfg(test)]
#[path = "tests/limiter.rs"]
mod tests;
