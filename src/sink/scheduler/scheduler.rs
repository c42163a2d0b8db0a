//! The one task between all lanes and the org: it owns the core and applies its effects.
//!
//! The effects of an event are applied before the next event, without an await between, so that books, offsets and
//! identities always agree.

use std::{collections::HashMap, hash::RandomState, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    task::{Id as TaskId, JoinError, JoinHandle, JoinSet},
    time::{Instant, sleep_until},
};
use tracing::{debug, error, info, warn};

use super::{
    closed_valves::ClosedValves,
    create_only::CreateOnly,
    lane_link::{DroppedLanes, LaneOutput, Message, SchedulerLink},
    slow_calls::SlowCalls,
};
use crate::{
    config::OnQuota,
    ops::{
        health::{ClosedGuard, ClosedReason, Health},
        metrics::{Gauge, Metrics},
    },
    record::{ApiName, BatchRow, Cause, Refresh, Verdict},
    runtime::{
        backoff::Backoff,
        lease::{Lease, WritePermit},
        stop::Stop,
    },
    sink::{
        budget::Budget,
        order::{
            AnsweredRow, CallId, CallPart, CallRow, Core, Effect, Event, LaneId, Moment, Notice, Permit, Settings,
        },
        org::{CallPermit as _, Org},
    },
};

/// The parts that the scheduler is connected with.
#[derive(Debug)]
pub(crate) struct SchedulerParts<O> {
    pub(crate) org: Arc<O>,
    pub(crate) budget: Budget,
    pub(crate) lease: Lease,
    pub(crate) health: Health,
    pub(crate) metrics: Metrics,
    pub(crate) stop: Stop,
}

struct Scheduler<O: Org> {
    around: SchedulerParts<O>,
    on_quota: OnQuota,
    core: Core,
    epoch: Instant,
    lanes: HashMap<LaneId, LaneOutput>,
    calls: JoinSet<EndedCall<O::Permit>>,
    /// The calls by their tasks, in case one panics.
    tasks: HashMap<TaskId, CallId>,
    slow: SlowCalls,
    create_only: CreateOnly,
    /// The number of identities with a change in flight.
    held: Gauge,
    /// The routes whose breakers are open, each with its entry in the health.
    open: HashMap<Arc<str>, ClosedGuard>,
    closed: ClosedValves,
    /// Something was closed after the last event.
    was_any_closed: bool,
    /// The description of a refused place's SObject that is asked for again, and when the last one was.
    describing: JoinSet<()>,
    described: Option<Instant>,
}

/// A call that has ended. Its permit is given back after the core has its answer, so that the next call follows from
/// it.
struct EndedCall<P> {
    answer: Option<(CallId, Vec<Vec<AnsweredRow>>, Duration)>,
    _permit: P,
}

/// What a call needs: the permit to make it, and the permit to write.
struct Grant<P> {
    call: P,
    write: WritePermit,
}

/// The most messages that wait for the scheduler.
const INBOX: usize = 1_024;

/// The least time between two descriptions that are asked for since a place is refused.
const DESCRIBE_SPACING: Duration = Duration::from_secs(10);

/// Starts the scheduler. It ends when the last link to it and the last lane are gone and its calls are done.
pub(crate) fn start<O: Org>(settings: Settings, around: SchedulerParts<O>) -> (SchedulerLink, JoinHandle<()>) {
    let (inbox, messages) = mpsc::channel(INBOX);
    let gone = Arc::<DroppedLanes>::default();
    let epoch = Instant::now();
    let backoff = Backoff::of(&settings.retry);
    let link = SchedulerLink { inbox, gone: gone.clone(), epoch, hasher: RandomState::new(), backoff };
    let scheduler = Scheduler {
        on_quota: settings.on_quota,
        core: Core::new(settings, epoch.into_std(), rand::random()),
        epoch,
        lanes: HashMap::new(),
        calls: JoinSet::new(),
        tasks: HashMap::new(),
        slow: SlowCalls::new(around.health.clone()),
        create_only: CreateOnly::default(),
        held: around.metrics.identities(),
        open: HashMap::new(),
        closed: ClosedValves::new(around.health.clone(), around.metrics.clone()),
        was_any_closed: false,
        describing: JoinSet::new(),
        described: None,
        around,
    };
    (link, tokio::spawn(scheduler.run(messages, gone)))
}

impl<O: Org> Scheduler<O> {
    async fn run(mut self, mut messages: mpsc::Receiver<Message>, gone: Arc<DroppedLanes>) {
        let (org, lease) = (self.around.org.clone(), self.around.lease.clone());
        let mut arrived = Vec::with_capacity(64);
        let mut is_closed = false;
        loop {
            self.end_dropped_lanes(&gone, &mut messages);
            if is_closed && self.core.is_empty() && self.calls.is_empty() {
                return;
            }
            let wants = self.core.wants_permit(self.now());
            let due = self.core.next_due().map(|due| self.epoch + due.elapsed());
            let rejects = self.on_quota == OnQuota::DeadLetter && self.core.has_rows_to_send();
            tokio::select! {
                Some(over) = self.calls.join_next_with_id() => self.finish(over),
                permit = permit(&lease, &*org), if wants => {
                    // A lane that is lost is dropped first, and then the lease lapses. So it is gone by now, and its rows
                    // are not chosen, or this permit to write is not valid when they are to be sent.
                    let grant = Grant { call: permit, write: lease.permit() };
                    self.end_dropped_lanes(&gone, &mut messages);
                    self.granted(grant);
                }
                cause = org.wait_for_exhausted_quota(), if rejects => self.on(Event::QuotaSpent(cause), None),
                count = messages.recv_many(&mut arrived, 64), if !is_closed => {
                    is_closed = count == 0;
                    for message in arrived.drain(..) {
                        self.take_in(message);
                    }
                }
                () = gone.notify.notified() => {}
                () = self.slow.lapse() => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => self.on(Event::Due, None),
            }
        }
    }

    fn take_in(&mut self, message: Message) {
        match message {
            Message::Open { lane, end, breaker } => {
                let route: Arc<str> = end.metrics.name().into();
                end.breaker(self.open.contains_key(&route));
                self.lanes.insert(lane, end);
                self.on(Event::Open { lane, route, breaker }, None);
            }
            Message::Event(event) => self.on(event, None),
        }
    }

    /// Ends the lanes that are gone, after taking in all their messages.
    fn end_dropped_lanes(&mut self, gone: &DroppedLanes, messages: &mut mpsc::Receiver<Message>) {
        let lanes = gone.take();
        if lanes.is_empty() {
            return;
        }
        while let Ok(message) = messages.try_recv() {
            self.take_in(message);
        }
        for lane in lanes {
            self.on(Event::LaneDropped(lane), None);
            self.lanes.remove(&lane);
        }
    }

    fn granted(&mut self, grant: Grant<O::Permit>) {
        let granted = Permit { is_probe: grant.call.is_probe(), reads_only: grant.call.reads_only() };
        self.on(Event::Granted(granted), Some(grant));
    }

    fn finish(&mut self, over: Result<(TaskId, EndedCall<O::Permit>), JoinError>) {
        match over {
            Ok((task, EndedCall { answer, _permit })) => {
                self.tasks.remove(&task);
                if let Some((call, parts, took)) = answer {
                    self.on(Event::Answered { call, parts, took }, None);
                }
            }
            Err(error) => {
                error!(event = "call_panicked", %error, "a call has ended in a panic");
                self.around.stop.now(format!("a call has ended in a panic: {error}"));
                if let Some(call) = self.tasks.remove(&error.id()) {
                    self.on(Event::CallLost(call), None);
                }
            }
        }
    }

    fn on(&mut self, event: Event, mut grant: Option<Grant<O::Permit>>) {
        let mut effects = Vec::new();
        self.core.on(event, self.now(), &mut effects);
        for effect in effects {
            self.apply(effect, &mut grant);
        }
        let is_any_closed = !self.open.is_empty() || !self.closed.is_empty();
        if is_any_closed || self.was_any_closed {
            self.around.health.set_all_closed(is_any_closed && self.core.is_all_closed());
            self.was_any_closed = is_any_closed;
        }
        self.held.set(i64::try_from(self.core.identities()).unwrap_or(i64::MAX));
    }

    fn apply(&mut self, effect: Effect, grant: &mut Option<Grant<O::Permit>>) {
        match effect {
            Effect::Call { call, parts } => self.call(call, parts, grant.take()),
            Effect::Probe => self.probe(grant.take()),
            Effect::Letter { lane, row, letter } => {
                if let Some(lane) = self.lanes.get(&lane) {
                    let read = self.epoch + letter.read.elapsed();
                    lane.write(row, letter, read);
                }
            }
            Effect::OutcomeCounts { lane, books } => {
                if let Some(lane) = self.lanes.get(&lane) {
                    lane.count(&books);
                }
            }
            Effect::Progress { lane, progress } => {
                if let Some(lane) = self.lanes.get(&lane) {
                    lane.progress(progress, self.epoch);
                }
            }
            Effect::Budget { route, working, stalled, is_barred, is_above_share } => {
                self.around.metrics.route(&route).stalled(stalled.rows, is_above_share);
                self.around.budget.report(&route, working, stalled, is_barred);
            }
            Effect::Drain { lane } => {
                if let Some(lane) = self.lanes.get(&lane) {
                    lane.read_no_more();
                }
            }
            Effect::Drained { lane, drained } => {
                if let Some(lane) = self.lanes.remove(&lane) {
                    lane.drained(drained);
                }
            }
            Effect::Ruled { lane, ruling } => {
                if let Some(lane) = self.lanes.get(&lane) {
                    lane.rule(ruling);
                }
            }
            Effect::Stop(reason) => self.around.stop.now(reason),
            Effect::Notice(notice) => self.report(notice),
        }
    }

    fn call(&mut self, call: CallId, parts: Vec<CallPart>, grant: Option<Grant<O::Permit>>) {
        let Some(Grant { call: permit, write: write_permit }) = grant else {
            return self.on(Event::CallLost(call), None);
        };
        let org = self.around.org.clone();
        let task = self.calls.spawn(async move {
            let begun = Instant::now();
            let mut answered = Vec::with_capacity(parts.len());
            for part in parts {
                answered.push(write(&*org, part, &write_permit).await);
            }
            EndedCall { answer: Some((call, answered, begun.elapsed())), _permit: permit }
        });
        self.tasks.insert(task.id(), call);
    }

    fn probe(&mut self, grant: Option<Grant<O::Permit>>) {
        let Some(Grant { call: permit, .. }) = grant else { return };
        let org = self.around.org.clone();
        self.calls.spawn(async move {
            org.probe().await;
            EndedCall { answer: None, _permit: permit }
        });
    }

    fn report(&mut self, notice: Notice) {
        match notice {
            Notice::Repeated(word) => self.around.metrics.repeated(word),
            Notice::ValveClosed { valve, cause } => self.closed.closed(valve, &cause),
            Notice::ValveOpened { valve, lasted, is_taken } => self.closed.opened(&valve, lasted, is_taken),
            Notice::PlaceProbed { sobject } => self.describe_again(sobject),
            Notice::FieldsLeftOut { sobject, fields } => self.create_only.left_out(&sobject, &fields),
            Notice::TimedOut { key, rows, next, cause } => self.slow.timed_out(&key, rows, next, &cause),
            Notice::Answered(key) => self.slow.answered(&key),
            Notice::BreakerOpened { route, code, count, cause } => self.opened(route, &code, count, &cause),
            Notice::BreakerClosed { route, read } => {
                self.open.remove(&route);
                self.show_breaker(&route, false);
                if read {
                    info!(event = "breaker_closed", %route, "the breaker closes, the route goes on");
                }
            }
            Notice::DrainCutShort { lane, given_up, why } => {
                let route = self.lanes.get(&lane).map_or("", |lane| lane.metrics.name());
                warn!(event = "drain_cut_short", route, given_up, why, "drain cut short, records will be repeated");
            }
        }
    }

    /// Asks for the description of a refused place's SObject again: what is missing from it, or has come back, decides how
    /// its next records are routed.
    fn describe_again(&mut self, sobject: ApiName) {
        while self.describing.try_join_next().is_some() {}
        if !self.describing.is_empty() || self.described.is_some_and(|last| last.elapsed() < DESCRIBE_SPACING) {
            return;
        }
        self.described = Some(Instant::now());
        let org = self.around.org.clone();
        self.describing.spawn(async move {
            if let Err(cause) = org.describe(&sobject, Refresh::IfOld).await {
                debug!(%sobject, %cause, "the SObject of a refused place is not described");
            }
        });
    }

    fn opened(&mut self, route: Arc<str>, code: &str, count: u32, cause: &Cause) {
        let hint = "it goes on by itself once a row is taken; what the configuration does wrong needs a restart";
        error!(
            event = "breaker_opened", %route, code, count, %cause, hint,
            "the breaker opens: records are rejected one after the other, the route waits and tries one row at a time"
        );
        let why = format!("the records of {route} are rejected one after the other: {code}");
        let closed = self.around.health.close(ClosedReason::Breaker, &route, &why, hint);
        self.show_breaker(&route, true);
        self.open.insert(route, closed);
    }

    fn show_breaker(&self, route: &Arc<str>, is_open: bool) {
        self.around.metrics.route(route).breaker(is_open);
        for lane in self.lanes.values().filter(|lane| lane.metrics.name() == &**route) {
            lane.breaker(is_open);
        }
    }

    fn now(&self) -> Moment {
        Moment::after(self.epoch.elapsed())
    }
}

/// Makes one part of a call.
async fn write<O: Org>(org: &O, part: CallPart, permit: &WritePermit) -> Vec<AnsweredRow> {
    let CallPart { key, rows } = part;
    let sent = |row: &CallRow| row.body.command().is_some();
    assert!(rows.iter().all(sent), "a row without a command is never sent");
    let batch: Vec<_> = rows
        .iter()
        .filter_map(|row| Some(BatchRow { command: row.body.command()?, maybe_applied: row.maybe_applied }))
        .collect();
    let verdicts: Vec<Verdict> = org.write(&key, &batch, permit).await;
    assert_eq!(rows.len(), verdicts.len(), "one verdict for each row");
    let answered = rows.into_iter().zip(verdicts);
    answered.map(|(CallRow { row, body, .. }, verdict)| AnsweredRow { row, body, verdict }).collect()
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
