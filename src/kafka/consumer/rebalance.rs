//! Partitions come and go. Everything here runs on the poll thread, inside of the consumer's callback, and waits there
//! with a deadline.
//!
//! A queue is split before its partition is assigned: what arrives between the two would lie on the main queue
//! (librdkafka#3231). A revoked partition is drained, a lost one is given up at once: another member may own it
//! already.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Offset, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, RebalanceProtocol},
    error::{KafkaError, KafkaResult},
    types::RDKafkaRespErr,
};
use tokio::{runtime::Handle, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    commit::{Committer, Next, Owned, TopicPartition},
    fetcher,
    left_out::LeftOut,
    lists::{held_of, list_of, partitions},
    lost_offsets::Gap,
    partition::{self, Before, PartitionStream},
    poll_thread::Settings,
    start_offsets::{Patience, Positions},
};
use crate::{
    config::OnLostOffsets,
    kafka::client::{
        Clients,
        error_hints::{denial, is_login_refused},
        log::{failed, log},
    },
    ops::{
        health::{Dependency, Health, Waiting},
        metrics::Metrics,
        status::OpenTransaction,
    },
    record::RecordBounds,
    runtime::{
        lease::Lease,
        progress::{NextOffset, Progress},
        stop::Stop,
    },
};

/// What a lane is started with.
pub struct LaneStart {
    pub topic: Arc<str>,
    pub partition: i32,
    pub records: PartitionStream,
    pub progress: Arc<Progress>,
    pub draining: CancellationToken,
}

/// The daemon's side of an assignment.
pub struct Lanes {
    /// Starts a lane as a task, which tells whether it was drained. An error says why no lane can take the topic.
    pub start: Box<dyn Fn(LaneStart) -> Result<JoinHandle<bool>, String> + Send + Sync>,
    /// Partitions were assigned; so many are owned now.
    pub assigned: Box<dyn Fn(usize) + Send + Sync>,
    /// So many records of a partition are not settled yet; `None` when it is not ours any more.
    pub lag: Told<Option<i64>>,
    /// The open transactions that reading waits for.
    pub open_transactions: Box<dyn Fn(Vec<OpenTransaction>) + Send + Sync>,
    /// So many records of a partition were deleted before they were read.
    pub lost: Told<u64>,
}

/// Takes a topic, a partition, and what is said of it.
type Told<T> = Box<dyn Fn(&str, i32, T) + Send + Sync>;

struct RunningLane {
    task: JoinHandle<bool>,
    draining: CancellationToken,
    progress: Arc<Progress>,
    /// What its last owner has on the way may come until then.
    rests: Instant,
}

/// The consumer's context, and the owner of all lanes.
pub(super) struct Context {
    /// The queues need the consumer's `Arc`, and the callback brings only a reference.
    consumer: OnceLock<Weak<BaseConsumer<Self>>>,
    committer: OnceLock<Committer>,
    positions: OnceLock<Positions>,
    owned: Owned,
    lanes: Mutex<BTreeMap<TopicPartition, RunningLane>>,
    gaps: Mutex<BTreeMap<TopicPartition, Gap>>,
    pub(super) left_out: Mutex<LeftOut>,
    on_lost_offsets: OnLostOffsets,
    daemon: Arc<Lanes>,
    runtime: Handle,
    pub(super) record_bounds: RecordBounds,
    drain_timeout: Duration,
    assign_hold: Duration,
    lease: Lease,
    clients: Clients,
    health: Health,
    /// From a loss until the group answers again.
    rejoining: Mutex<Option<Waiting>>,
    metrics: Metrics,
    stop: Stop,
    /// The daemon is to stop.
    pub(super) cancel: CancellationToken,
}

impl Context {
    pub(super) fn new(settings: &Settings<'_>, daemon: Arc<Lanes>, stop: Stop, cancel: CancellationToken) -> Self {
        Self {
            consumer: OnceLock::new(),
            committer: OnceLock::new(),
            positions: OnceLock::new(),
            owned: Owned::default(),
            lanes: Mutex::default(),
            gaps: Mutex::default(),
            left_out: Mutex::default(),
            on_lost_offsets: settings.on_lost_offsets,
            daemon,
            runtime: Handle::current(),
            record_bounds: settings.record_bounds,
            drain_timeout: settings.drain_timeout,
            assign_hold: settings.assign_hold,
            lease: settings.lease.clone(),
            clients: settings.clients.clone(),
            health: settings.health.clone(),
            rejoining: Mutex::default(),
            metrics: settings.metrics.clone(),
            stop,
            cancel,
        }
    }

    pub(super) fn owned(&self) -> &Owned {
        &self.owned
    }

    pub(super) fn gaps(&self) -> MutexGuard<'_, BTreeMap<TopicPartition, Gap>> {
        self.gaps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn passes_gaps(&self) -> bool {
        self.on_lost_offsets == OnLostOffsets::Earliest
    }

    pub(super) fn lost(&self, at: &TopicPartition, records: u64) {
        (self.daemon.lost)(&at.0, at.1, records);
    }

    pub(super) fn stop(&self, reason: String) {
        self.stop.now(reason);
    }

    pub(super) fn commit(&self, offsets: Vec<Next>, deadline: Instant) -> KafkaResult<()> {
        self.committer.get().map_or(Ok(()), |committer| committer.commit(offsets, deadline))
    }

    /// Before the subscription: without these nothing can be assigned.
    pub(super) fn complete(&self, consumer: &Arc<BaseConsumer<Self>>, committer: Committer, positions: Positions) {
        let new = self.consumer.set(Arc::downgrade(consumer)).is_ok()
            && self.committer.set(committer).is_ok()
            && self.positions.set(positions).is_ok();
        assert!(new, "a context belongs to one consumer");
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> KafkaResult<()> {
        drop(self.rejoining().take());
        let partitions = partitions(list);
        self.end_stale(consumer, &partitions)?;
        let offsets = self.resolve(consumer, &partitions, Instant::now() + self.drain_timeout)?;
        self.leave_out(&partitions, &offsets);
        let readable = CancellationToken::new();
        let assigned = self.start_lanes(consumer, &offsets, &readable)?;
        info!(event = "assigned", partitions = ?partitions, "assigned");
        if !partitions.is_empty() {
            self.metrics.rebalanced("assigned");
            (self.daemon.assigned)(self.lanes().len());
        }
        let assigned = match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(&assigned),
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(&assigned),
        };
        fetcher::check_epochs(consumer, &offsets, &self.cancel);
        readable.cancel();
        // Without a commit there is no lease, and nothing is written.
        if let Some(committer) = self.committer.get() {
            committer.commit_owned();
        }
        assigned
    }

    /// An assignment may come without the revocation before it, when the group has counted us out in between: what is
    /// here then is an earlier generation's.
    fn end_stale(&self, consumer: &BaseConsumer<Self>, assigned: &[TopicPartition]) -> KafkaResult<()> {
        let stays = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
        let is_stale = |at: &&TopicPartition| !stays || assigned.contains(at);
        let stale: Vec<_> = self.lanes().keys().filter(is_stale).cloned().collect();
        if !stale.is_empty() {
            warn!(
                event = "reassigned_without_revoke", partitions = ?stale,
                "assigned anew without having been revoked, given up"
            );
            self.lease.lapse();
            self.end(&stale, true);
            Self::give_back(consumer, &list_of(&stale))?;
        }
        Ok(())
    }

    /// Where reading starts in these partitions, but for those whose topic is gone.
    pub(super) fn resolve(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: &[TopicPartition],
        deadline: Instant,
    ) -> KafkaResult<Vec<Next>> {
        let (Some(positions), Some(committer)) = (self.positions.get(), self.committer.get()) else {
            return Ok(Vec::new());
        };
        let patience = Patience { deadline, cancel: &self.cancel };
        positions.resolve(consumer, committer, partitions, self.assign_hold, &patience)
    }

    /// Starts a lane for each of these partitions. Returns what is to be assigned then; no lane reads before `readable`
    /// is cancelled.
    pub(super) fn start_lanes(
        &self,
        consumer: &BaseConsumer<Self>,
        offsets: &[Next],
        readable: &CancellationToken,
    ) -> KafkaResult<TopicPartitionList> {
        let mut assigned = TopicPartitionList::with_capacity(offsets.len());
        let mut epochs = Vec::with_capacity(offsets.len());
        for Next { at, from, drained } in offsets {
            let hold = if *drained { Duration::ZERO } else { self.assign_hold };
            if !hold.is_zero() {
                info!(
                    event = "partition_held", topic = %at.0, partition = at.1, ?hold,
                    "not drained by its last owner, held"
                );
            }
            if let Err(reason) = self.start(consumer, at, *from, hold, readable) {
                error!(event = "lane_not_started", topic = %at.0, partition = at.1, reason, "no lane for a partition");
                self.stop.now(reason);
                continue;
            }
            assigned.add_partition_offset(&at.0, at.1, Offset::Offset(from.offset))?;
            epochs.push(from.leader_epoch);
        }
        kafka_ffi::set_leader_epochs(&mut assigned, &epochs);
        Ok(assigned)
    }

    /// A lane whose first record comes when `hold` is over and `readable` is cancelled.
    fn start(
        &self,
        consumer: &BaseConsumer<Self>,
        at: &TopicPartition,
        next: NextOffset,
        hold: Duration,
        readable: &CancellationToken,
    ) -> Result<(), String> {
        if self.lanes().contains_key(at) {
            return Err("the partition has a lane already".to_owned());
        }
        if !fetcher::stopped(consumer, at) {
            return Err("the partition's last fetcher does not stop".to_owned());
        }
        let (topic, partition) = at.clone();
        let consumer = self.consumer.get().and_then(Weak::upgrade).ok_or("the consumer is being closed")?;
        let queue = consumer.split_partition_queue(&topic, partition).ok_or("the partition has no queue")?;
        let rests = Instant::now() + hold;
        let (progress, draining) = (Arc::new(Progress::new(next)), CancellationToken::new());
        let before = Before { hold: rests.into(), readable: readable.clone() };
        let records = partition::records(queue, consumer, topic.clone(), partition, progress.clone(), before);
        let task = {
            let (progress, draining) = (progress.clone(), draining.clone());
            (self.daemon.start)(LaneStart { topic, partition, records, progress, draining })?
        };
        self.owned.lock().insert(at.clone(), progress.clone());
        self.lanes().insert(at.clone(), RunningLane { task, draining, progress, rests });
        Ok(())
    }

    fn revoke(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> KafkaResult<()> {
        let partitions = partitions(list);
        let is_lost = consumer.assignment_lost();
        info!(event = "revoked", partitions = ?partitions, lost = is_lost, "revoked");
        if !partitions.is_empty() {
            self.metrics.rebalanced(if is_lost { "lost" } else { "revoked" });
        }
        if is_lost {
            self.lease.lapse();
            let why = "the group has counted us out, joining it again";
            *self.rejoining() = Some(self.health.wait(Dependency::Kafka, why));
        }
        self.end(&partitions, is_lost);
        // Behind the end of their lanes, which may have met one until then.
        self.gaps().retain(|at, _| !partitions.contains(at));
        self.left_out().partitions.retain(|at| !partitions.contains(at));
        Self::give_back(consumer, list)
    }

    /// With an eager assignor, all that the consumer has.
    fn give_back(consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> KafkaResult<()> {
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(&held_of(consumer, list)?),
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
        }
    }

    /// The same drain for a stop, between two polls.
    pub(super) fn drain_all(&self, consumer: &BaseConsumer<Self>) {
        let partitions: Vec<_> = self.lanes().keys().cloned().collect();
        self.end(&partitions, consumer.assignment_lost());
    }

    /// Drains the lanes of `partitions` and commits what they have settled; if they are lost, gives them up instead.
    pub(super) fn end(&self, partitions: &[TopicPartition], lost: bool) {
        let lanes: Vec<_> = {
            let mut running = self.lanes();
            partitions.iter().filter_map(|at| running.remove(at).map(|lane| (at.clone(), lane))).collect()
        };
        if lost {
            self.disown(partitions);
        }
        let deadline = Instant::now() + if lost { Duration::ZERO } else { self.drain_timeout };
        for (_, lane) in &lanes {
            lane.draining.cancel();
        }
        let mut offsets = Vec::with_capacity(lanes.len());
        for (at, mut lane) in lanes {
            let left = deadline.saturating_duration_since(Instant::now());
            let drained = self.runtime.block_on(async { tokio::time::timeout(left, &mut lane.task).await });
            if drained.is_err() {
                // Its calls run on to their end, and settle nothing.
                lane.task.abort();
                drop(self.runtime.block_on(lane.task));
                // What is not on the wire yet stays here: the partition has another owner soon.
                self.lease.lapse();
                if !lost {
                    warn!(
                        event = "drain_aborted", topic = %at.0, partition = at.1,
                        "drain aborted, records will be repeated"
                    );
                }
            }
            let drained = matches!(drained, Ok(Ok(true))) && lane.rests <= Instant::now();
            offsets.push(Next { at, from: lane.progress.next(), drained });
        }
        // Until here their commits have kept the lease; from here on each offset is committed once.
        self.disown(partitions);
        if !lost && !offsets.is_empty() {
            // The drain has used its time; the commit gets a little of its own. If it fails, it has said so.
            let deadline = deadline.max(Instant::now() + Duration::from_secs(5));
            self.commit(offsets, deadline).unwrap_or_default();
        }
    }

    fn disown(&self, partitions: &[TopicPartition]) {
        self.owned.lock().retain(|at, _| !partitions.contains(at));
        for (topic, partition) in partitions {
            (self.daemon.lag)(topic, *partition, None);
        }
    }

    fn rejoining(&self) -> MutexGuard<'_, Option<Waiting>> {
        self.rejoining.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lanes(&self) -> MutexGuard<'_, BTreeMap<TopicPartition, RunningLane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let done = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(consumer, list),
            _ => self.revoke(consumer, list),
        };
        if let Err(error) = done
            && !self.cancel.is_cancelled()
        {
            let hint = denial(&error).map(|allow| format!("; {allow}")).unwrap_or_default();
            error!(event = "rebalance_failed", %error, hint, "rebalance failed");
            self.stop.now(format!("a rebalance has failed: {error}{hint}"));
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        failed(&error, reason);
        if is_login_refused(&error) {
            self.clients.token_refused();
        }
    }
}
