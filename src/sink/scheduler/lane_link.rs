//! The connection between a lane and the scheduler, with an end for each.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;
use tokio::{
    sync::{Notify, mpsc, watch},
    time::Instant,
};

use crate::{
    ops::metrics::{LaneGauge, Outcome, RouteMetrics},
    record::{Command, Rejection},
    runtime::{backoff::Backoff, progress::Progress},
    sink::{
        order::{
            Drained, Event, LaneId, LaneProgress, Letter, LetterEnd, Moment, OutcomeCounts, RowId, Ruling, Submission,
            SubmissionKind,
        },
        settle::InFlightGuard,
    },
};

/// A message of a lane to the scheduler. The messages of one lane arrive in order.
#[derive(Debug)]
pub(super) enum Message {
    Open { lane: LaneId, end: LaneOutput, breaker: u32 },
    Event(Event),
}

/// The connection to the scheduler, on which lanes are opened.
#[derive(Debug, Clone)]
pub(crate) struct SchedulerLink {
    pub(super) inbox: mpsc::Sender<Message>,
    pub(super) gone: Arc<DroppedLanes>,
    /// The time at which the core was made.
    pub(super) epoch: Instant,
    /// Keys the hashes of identities and parents.
    pub(super) hasher: RandomState,
    /// The backoff between two attempts to route a record that a breaker keeps from being rejected.
    pub(super) backoff: Backoff,
}

/// The lanes that were dropped: a task that is aborted cannot wait until the channel takes a message.
#[derive(Debug, Default)]
pub(super) struct DroppedLanes {
    lanes: Mutex<Vec<LaneId>>,
    pub(super) notify: Notify,
}

/// The connection of a lane to the scheduler. Dropping it ends the lane.
#[derive(Debug)]
pub(crate) struct LaneConnection {
    id: LaneId,
    backoff: Backoff,
    link: SchedulerLink,
    shared: Arc<LaneShared>,
}

/// Room for one batch of records on their way to the scheduler.
#[derive(Debug)]
pub(crate) struct Handover<'l> {
    lane: &'l LaneConnection,
    slot: mpsc::Permit<'l, Message>,
}

/// The scheduler's outputs to one lane: messages, the offset to commit, outcomes in the metrics.
#[derive(Debug)]
pub(super) struct LaneOutput {
    shared: Arc<LaneShared>,
    pub(super) metrics: Arc<RouteMetrics>,
    progress: Arc<Progress>,
    gauge: LaneGauge,
}

/// The state that the two ends share.
#[derive(Debug, Default)]
struct LaneShared {
    messages: Mutex<LaneMessages>,
    notify: Notify,
    /// The number of records that were submitted and have not left the lane's FIFO.
    in_flight: AtomicUsize,
    /// Records have left the lane's FIFO.
    room: Notify,
    /// The number of records that were submitted.
    submitted: watch::Sender<usize>,
    /// Whether the breaker of its route is open.
    is_open: watch::Sender<bool>,
    ruling: Mutex<Option<Ruling>>,
    ruled: Notify,
}

/// The messages of the scheduler for a lane.
#[derive(Debug, Default)]
pub(crate) struct LaneMessages {
    pub(crate) letters: Vec<PendingLetter>,
    /// The lane is to read no more: one of its records has to be read again.
    pub(crate) must_drain: bool,
    pub(crate) drained: Option<Drained>,
}

/// A dead letter that is to be written.
#[derive(Debug)]
pub(crate) struct PendingLetter {
    pub(crate) row: RowId,
    pub(crate) letter: Box<Letter>,
    pub(crate) in_flight: InFlightGuard,
}

impl SchedulerLink {
    /// Opens a lane.
    pub(crate) async fn open(
        &self,
        breaker: u32,
        metrics: Arc<RouteMetrics>,
        progress: Arc<Progress>,
        gauge: LaneGauge,
    ) -> LaneConnection {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = LaneId(NEXT.fetch_add(1, Ordering::Relaxed));
        let shared = Arc::<LaneShared>::default();
        let end = LaneOutput { shared: shared.clone(), metrics, progress, gauge };
        let lane = LaneConnection { id, backoff: self.backoff, link: self.clone(), shared };
        // Without a scheduler nothing comes of the lane's records: the daemon is stopping.
        drop(self.inbox.send(Message::Open { lane: id, end, breaker }).await);
        lane
    }
}

impl LaneConnection {
    /// The time of an instant on the core's own clock.
    pub(crate) fn moment(&self, instant: Instant) -> Moment {
        Moment::after(instant.saturating_duration_since(self.link.epoch))
    }

    /// Returns the keys under which a command waits for others.
    pub(crate) fn keys_of(&self, command: &Command) -> SubmissionKind {
        let hasher = &self.link.hasher;
        let identity = command.target.as_ref().map(|target| target.hash_order_key(&command.sobject.name, hasher));
        let parent = command.parent.as_ref().map(|key| hasher.hash_one(key));
        SubmissionKind::Write { identity, parent }
    }

    /// Waits until fewer than `most` records are in flight. Cancel-safe.
    pub(crate) async fn room(&self, most: usize) {
        loop {
            let has_room = self.shared.room.notified();
            if self.shared.in_flight.load(Ordering::Acquire) < most {
                return;
            }
            has_room.await;
        }
    }

    /// Waits for room for a batch of records; `None` once there is no scheduler. Nothing waits between this and
    /// [`Handover::submit`], so that no record is lost in between if the lane is aborted. Cancel-safe.
    pub(crate) async fn ready(&self) -> Option<Handover<'_>> {
        let slot = self.link.inbox.reserve().await.ok()?;
        Some(Handover { lane: self, slot })
    }

    pub(crate) async fn settled(&self, row: RowId, end: LetterEnd) {
        self.tell(Event::Settled { row, end }).await;
    }

    pub(crate) async fn drain(&self) {
        self.tell(Event::Drain(self.id)).await;
    }

    pub(crate) async fn stuck(&self, why: &'static str) {
        self.tell(Event::Stuck { lane: self.id, why }).await;
    }

    /// Asks the breaker of the route about a record that is rejected before it becomes a command, once the core has the
    /// given number of records that were admitted before it.
    pub(crate) async fn rejected_before_send(&self, rejection: &Rejection, is_again: bool, admitted: usize) -> Ruling {
        // The sender lives as long as this.
        drop(self.shared.submitted.subscribe().wait_for(|submitted| *submitted >= admitted).await);
        self.tell(Event::Refused { lane: self.id, rejection: Box::new(rejection.clone()), is_again }).await;
        loop {
            self.shared.ruled.notified().await;
            if let Some(ruling) = self.shared.ruling.lock().take() {
                return ruling;
            }
        }
    }

    /// Waits until the breaker is closed, and no longer than the backoff after this number of attempts.
    pub(crate) async fn pause(&self, attempts: u32) {
        let mut is_open = self.shared.is_open.subscribe();
        tokio::select! {
            _ = is_open.wait_for(|open| !open) => {}
            () = tokio::time::sleep(self.backoff.wait(attempts)) => {}
        }
    }

    async fn tell(&self, event: Event) {
        drop(self.link.inbox.send(Message::Event(event)).await);
    }

    /// Waits until there is something new. Cancel-safe.
    pub(crate) async fn messages(&self) -> LaneMessages {
        self.shared.notify.notified().await;
        std::mem::take(&mut *self.shared.messages.lock())
    }
}

impl Handover<'_> {
    pub(crate) fn submit(self, rows: Vec<Submission>) {
        let count = rows.len();
        self.lane.shared.in_flight.fetch_add(count, Ordering::AcqRel);
        self.slot.send(Message::Event(Event::Submit { lane: self.lane.id, rows }));
        self.lane.shared.submitted.send_modify(|submitted| *submitted += count);
    }
}

impl Drop for LaneConnection {
    fn drop(&mut self) {
        self.link.gone.lanes.lock().push(self.id);
        self.link.gone.notify.notify_one();
    }
}

impl DroppedLanes {
    /// Returns the lanes that were dropped since the last call.
    pub(super) fn take(&self) -> Vec<LaneId> {
        std::mem::take(&mut *self.lanes.lock())
    }
}

impl LaneOutput {
    pub(super) fn write(&self, row: RowId, letter: Box<Letter>, read: Instant) {
        let in_flight = InFlightGuard::of_submitted(&self.metrics, read);
        self.tell(|messages| messages.letters.push(PendingLetter { row, letter, in_flight }));
    }

    pub(super) fn count(&self, books: &OutcomeCounts) {
        for waited in &books.written {
            self.metrics.settled(Outcome::Written, *waited);
        }
        for waited in &books.dropped {
            self.metrics.settled(Outcome::Dropped, *waited);
        }
        for _ in 0..books.found_nothing {
            InFlightGuard::count_found_nothing(&self.metrics);
        }
    }

    pub(super) fn progress(&self, progress: LaneProgress, epoch: Instant) {
        if let Some(settled) = progress.settled {
            self.progress.settled(settled);
        }
        self.gauge.set_oldest(progress.oldest.map(|read| epoch + read.elapsed()));
        if progress.records > 0 {
            self.shared.in_flight.fetch_sub(progress.records, Ordering::AcqRel);
            self.shared.room.notify_one();
        }
    }

    pub(super) fn read_no_more(&self) {
        self.tell(|messages| messages.must_drain = true);
    }

    pub(super) fn rule(&self, ruling: Ruling) {
        *self.shared.ruling.lock() = Some(ruling);
        self.shared.ruled.notify_one();
    }

    /// Notes that the breaker of the lane's route opens or closes.
    pub(super) fn breaker(&self, is_open: bool) {
        self.shared.is_open.send_replace(is_open);
    }

    pub(super) fn drained(&self, drained: Drained) {
        self.tell(|messages| messages.drained = Some(drained));
    }

    fn tell(&self, what: impl FnOnce(&mut LaneMessages)) {
        what(&mut self.shared.messages.lock());
        self.shared.notify.notify_one();
    }
}
