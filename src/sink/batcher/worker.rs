use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tracing::error;

use super::{
    Settings,
    backlog::{Delayed, Group, Tally},
    children::Children,
    create_only::CreateOnly,
    delays::Delays,
    held::Held,
    parents::{self, Hold},
    queues::Queues,
    slow::SlowCalls,
    trials::Trials,
};
use crate::{
    config::OnQuota,
    ops::{health::Health, metrics::Metrics},
    record::{Cause, Reason, Verdict},
    runtime::{backoff::Backoff, lease::Lease, stop::Stop},
    sink::{
        budget::Cost,
        org::{CallPermit as _, Org},
        ticket::Ticket,
    },
};

pub(super) struct Worker<O: Org> {
    org: Arc<O>,
    pub(super) settings: Settings,
    lease: Lease,
    pub(super) metrics: Metrics,
    pub(super) stop: Stop,
    inbox: mpsc::Receiver<Ticket>,
    /// No lane is left.
    closed: bool,
    sweep: Arc<Notify>,
    pub(super) queues: Queues,
    pub(super) pinned: VecDeque<Group>,
    pub(super) delays: Delays,
    pub(super) children: Children,
    /// What these and those after them may hold of the budget.
    pub(super) most_children: Cost,
    pub(super) held: Held,
    pub(super) slow: SlowCalls,
    pub(super) trials: Trials,
    pub(super) create_only: CreateOnly,
    calls: JoinSet<(Option<Call>, O::Permit)>,
    pub(super) tally: Tally,
    /// Which batch the next probe takes: the oldest, or another one.
    other: bool,
}

/// What the batcher is joined with.
#[derive(Debug)]
pub(super) struct Around<O> {
    pub(super) org: Arc<O>,
    pub(super) children: Cost,
    pub(super) health: Health,
    pub(super) lease: Lease,
    pub(super) metrics: Metrics,
    pub(super) stop: Stop,
    pub(super) inbox: mpsc::Receiver<Ticket>,
    pub(super) sweep: Arc<Notify>,
}

/// A call that is over.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) group: Group,
    pub(super) verdicts: Vec<Verdict>,
    /// With the query for record ids, and all that it waited for.
    pub(super) took: Duration,
}

impl<O: Org> Worker<O> {
    pub(super) fn new(settings: Settings, around: Around<O>) -> Self {
        let Around { org, children, health, lease, metrics, stop, inbox, sweep } = around;
        let queues = Queues::new(settings.rows, settings.bytes, settings.linger, settings.timeout);
        let slow = SlowCalls::new(health);
        Self {
            org,
            settings,
            lease,
            metrics,
            stop,
            inbox,
            closed: false,
            sweep,
            queues,
            pinned: VecDeque::new(),
            delays: Delays::default(),
            children: Children::default(),
            most_children: children,
            held: Held::default(),
            slow,
            trials: Trials::default(),
            create_only: CreateOnly::default(),
            calls: JoinSet::new(),
            tally: Tally::default(),
            other: false,
        }
    }

    pub(super) async fn run(mut self) {
        let mut arrived = Vec::with_capacity(256);
        let sweep = self.sweep.clone();
        let (org, lease) = (self.org.clone(), self.lease.clone());
        loop {
            self.end_trials();
            if self.is_done() {
                break;
            }
            let due = if self.pinned_ready(0).is_some() { Some(Instant::now()) } else { self.queues.due() };
            let ready = due.is_some_and(|due| due <= Instant::now());
            let probe = self.held.due();
            let rejects = due.is_some() && self.settings.on_quota == OnQuota::DeadLetter;
            tokio::select! {
                Some(call) = self.calls.join_next() => self.finish(call),
                permit = permit(&lease, &*org), if ready => self.dispatch(permit),
                cause = org.wait_for_exhausted_quota(), if rejects => self.reject_waiting(&cause),
                count = self.inbox.recv_many(&mut arrived, 256), if !self.closed => {
                    self.closed = count == 0;
                    arrived.drain(..).filter(|ticket| !ticket.is_closed()).for_each(|ticket| self.queues.push(ticket));
                }
                delayed = self.delays.next() => self.ripen(delayed),
                () = sweep.notified() => self.throw_away(),
                () = self.slow.lapse() => {}
                () = sleep_until(probe.unwrap_or_else(Instant::now)), if probe.is_some() => {
                    if let Some(group) = self.held.probe() {
                        self.pin(group);
                    }
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if !ready && due.is_some() => {}
            }
        }
    }

    fn is_done(&self) -> bool {
        let empty = self.pinned.is_empty() && self.queues.is_empty() && self.delays.is_empty();
        self.closed && empty && self.trials.is_empty() && self.held.is_empty() && self.calls.is_empty()
    }

    /// Makes the call that is due first. A probe is in turn the oldest call, then another one; where there is only one,
    /// the other probe asks and writes nothing.
    fn dispatch(&mut self, permit: O::Permit) {
        let other = permit.is_probe() && std::mem::take(&mut self.other);
        self.other |= permit.is_probe() && !other;
        let org = self.org.clone();
        // A write might be one more that is not answered, and applied all the same.
        let next = if permit.is_probe() && permit.reads_only() { None } else { self.next(other) };
        let Some(group) = next else {
            // Who asks whether the org is well has to be answered.
            if permit.is_probe() {
                self.calls.spawn(async move {
                    org.probe().await;
                    (None, permit)
                });
            }
            return;
        };
        self.calls.spawn(async move {
            let begun = Instant::now();
            let verdicts = org.write(&group.key, &group.rows.iter().map(Ticket::row).collect::<Vec<_>>()).await;
            (Some(Call { group, verdicts, took: begun.elapsed() }), permit)
        });
    }

    /// What can be sent of the first group, or of the second one, of which anything can.
    fn next(&mut self, other: bool) -> Option<Group> {
        loop {
            let mut group = if other { self.second() } else { self.first() }?;
            let is_probe = group.probe.is_some();
            let is_held = |ticket: &Ticket| !is_probe && ticket.breaker.as_ref().is_some_and(|b| b.is_open());
            let (held, rows): (Vec<_>, Vec<_>) = group.rows.into_iter().partition(is_held);
            // What nobody waits for is dropped here, before it is sent.
            let (rows, closed): (Vec<_>, Vec<_>) = rows.into_iter().partition(Ticket::begin);
            self.queues.release(&held, Hold::Sent);
            self.queues.release(&closed, Hold::Sent);
            for ticket in held {
                self.hold_back(ticket);
            }
            if !rows.is_empty() {
                group.rows = rows;
                return Some(group);
            }
        }
    }

    fn first(&mut self) -> Option<Group> {
        self.unpin(0).or_else(|| self.queues.take(false))
    }

    fn second(&mut self) -> Option<Group> {
        if let Some(second) = self.unpin(1) {
            return Some(second);
        }
        if self.pinned_ready(0).is_none() {
            // The first of the queues stays the first.
            let first = self.queues.take(true)?;
            self.queues.hold(&first.rows, Hold::Pinned);
            self.queues.release(&first.rows, Hold::Sent);
            self.pinned.push_front(first);
        }
        self.queues.take(true)
    }

    fn unpin(&mut self, nth: usize) -> Option<Group> {
        let index = self.pinned_ready(nth)?;
        let mut group = self.pinned.remove(index)?;
        if let Some(rest) = group.beyond(self.queues.sizes.in_time(&group.key)) {
            self.pinned.insert(index, rest);
        }
        self.queues.hold(&group.rows, Hold::Sent);
        self.queues.release(&group.rows, Hold::Pinned);
        Some(group)
    }

    /// Where the nth of the pinned groups is that may be sent: none that would meet a child of one of its parents on
    /// the wire, or overtake one in an earlier group.
    fn pinned_ready(&self, nth: usize) -> Option<usize> {
        if self.queues.parents.is_empty() {
            return (nth < self.pinned.len()).then_some(nth);
        }
        let mut earlier = HashSet::new();
        let ready = self.pinned.iter().enumerate().filter(|(_, group)| {
            let ready = parents::of(&group.rows)
                .all(|parent| !self.queues.parents.is_sent(parent) && !earlier.contains(parent));
            earlier.extend(parents::of(&group.rows));
            ready
        });
        ready.map(|(index, _)| index).nth(nth)
    }

    /// What is pinned is rejected, and what a call could take of the queues. The time to ask the org again comes with
    /// other rows.
    fn reject_waiting(&mut self, cause: &Cause) {
        let mut groups: Vec<_> = self.pinned.drain(..).collect();
        for group in &groups {
            self.queues.release(&group.rows, Hold::Pinned);
        }
        while let Some(group) = self.queues.take(true) {
            self.queues.release(&group.rows, Hold::Sent);
            groups.push(group);
        }
        for ticket in groups.into_iter().flat_map(|group| group.rows).filter(Ticket::begin) {
            self.reject(ticket, Reason::QuotaSpent, cause.clone());
        }
    }

    fn finish(&mut self, call: Result<(Option<Call>, O::Permit), tokio::task::JoinError>) {
        match call {
            // The permit is given back after its call is followed: the next one goes by what this one has shown.
            Ok((Some(call), _permit)) => {
                assert_eq!(call.group.rows.len(), call.verdicts.len(), "one verdict for each row");
                for (parent, times) in self.queues.parents.learn(&call.group.rows, &call.verdicts) {
                    self.queues.hold_parent(&parent, Hold::Resting);
                    self.delays
                        .push(Delayed::Parent(parent), Instant::now() + Backoff::of(&self.settings.retry).wait(times));
                }
                self.queues.release(&call.group.rows, Hold::Sent);
                self.follow(call);
                self.release();
            }
            Ok((None, _permit)) => {}
            Err(error) => {
                error!(event = "call_panicked", %error, "a call has ended in a panic");
                self.stop.now(format!("a call has ended in a panic: {error}"));
            }
        }
    }

    fn ripen(&mut self, delayed: Delayed) {
        match delayed {
            Delayed::Row(ticket) => self.queues.push(*ticket),
            Delayed::Group(group) => {
                self.repeat(group);
                self.release();
            }
            Delayed::Parent(parent) => self.queues.release_parent(&parent, Hold::Resting),
        }
    }

    fn throw_away(&mut self) {
        self.queues.sweep();
        for group in &mut self.pinned {
            self.queues.release(&group.rows, Hold::Pinned);
            group.sweep();
            self.queues.hold(&group.rows, Hold::Pinned);
        }
        self.pinned.retain(|group| !group.rows.is_empty());
        self.delays.sweep();
        self.trials.sweep();
        self.held.sweep();
        self.hurry_children();
        self.release();
    }

    fn release(&mut self) {
        self.held.release().into_iter().for_each(|ticket| self.queues.push(ticket));
    }
}

/// Waits for a permit and for the lease. Cancel-safe.
async fn permit<O: Org>(lease: &Lease, org: &O) -> O::Permit {
    loop {
        lease.held().await;
        let permit = org.permit().await;
        // It may have taken long.
        if lease.is_held() {
            return permit;
        }
    }
}
