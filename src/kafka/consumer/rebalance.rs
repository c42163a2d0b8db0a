//! The rebalance callback: partitions are assigned, revoked, or lost. Everything here runs on the poll thread,
//! mostly inside of the callback, and blocks it with a deadline.
//!
//! A queue is split before its partition is assigned: what arrives between the two would lie on the main queue
//! (librdkafka#3231). A revoked partition is drained, a lost one is abandoned at once: another member may own it
//! already.

use std::{
    sync::{Arc, OnceLock, Weak},
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rdkafka::{
    ClientContext, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext, RebalanceProtocol},
    error::{KafkaError, KafkaResult},
    types::RDKafkaRespErr,
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::{
    commit::Committer,
    fetcher,
    lanes::{LaneHost, LaneStart},
    lists::{assigned_of, list_of, list_of_offsets, partitions},
    lost_offsets::LostOffsets,
    missing_topics::MissingTopics,
    observer::{Observer, WaitGuard},
    offsets::{AssignedOffsets, CommitOffset, Mark, TopicPartition},
    owners::{Ending, Owner, Owners},
    partition::{self, ReadConditions},
    settings::ConsumerSettings,
    start_offsets::{Patience, StartOffsets},
    static_member::SecondJoin,
};
use crate::{
    config::OnLostOffsets,
    kafka::client::{
        Clients,
        error_hints::{access_hint, is_login_denied},
        log::{log, log_error},
    },
    record::{AssignmentChange, RecordBounds},
    runtime::{lease::Lease, progress::Progress, stop::Stop},
};

/// The consumer's context.
pub(super) struct RebalanceContext {
    /// The consumer: splitting a queue needs its `Arc`, and the callback gets only a reference.
    consumer: OnceLock<Weak<BaseConsumer<Self>>>,
    committer: OnceLock<Committer>,
    start_offsets: OnceLock<StartOffsets>,
    owners: Owners,
    assigned: AssignedOffsets,
    pub(super) lost_offsets: LostOffsets,
    missing_topics: MissingTopics,
    host: Arc<dyn LaneHost>,
    pub(super) observer: Observer,
    on_lost_offsets: OnLostOffsets,
    pub(super) record_bounds: RecordBounds,
    drain_timeout: Duration,
    assign_hold: Duration,
    lease: Lease,
    clients: Clients,
    /// A wait for the group, from a loss until it answers again.
    rejoining: Mutex<Option<WaitGuard>>,
    second_join: SecondJoin,
    pub(super) stop: Stop,
    /// Cancelled when the daemon is to stop.
    cancel: CancellationToken,
}

/// The time for the look-up and the commit of where partitions begin that were left out.
const RESOLVE_RECREATED: Duration = Duration::from_secs(5);
/// The least time for the commit after a drain that has used up its own.
const COMMIT: Duration = Duration::from_secs(5);

impl RebalanceContext {
    pub(super) fn new(
        settings: &ConsumerSettings<'_>,
        host: Arc<dyn LaneHost>,
        stop: Stop,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            consumer: OnceLock::new(),
            committer: OnceLock::new(),
            start_offsets: OnceLock::new(),
            owners: Owners::new(settings.lease.clone(), Handle::current()),
            assigned: AssignedOffsets::default(),
            lost_offsets: LostOffsets::default(),
            missing_topics: MissingTopics::default(),
            host,
            observer: settings.observer.clone(),
            on_lost_offsets: settings.on_lost_offsets,
            record_bounds: settings.record_bounds,
            drain_timeout: settings.drain_timeout,
            assign_hold: settings.assign_hold,
            lease: settings.lease.clone(),
            clients: settings.clients.clone(),
            rejoining: Mutex::default(),
            second_join: SecondJoin::new(settings.clients),
            stop,
            cancel,
        }
    }

    /// Completes the context before the subscription: without these nothing can be assigned.
    pub(super) fn complete(
        &self,
        consumer: &Arc<BaseConsumer<Self>>,
        committer: Committer,
        start_offsets: StartOffsets,
    ) {
        let is_new = self.consumer.set(Arc::downgrade(consumer)).is_ok()
            && self.committer.set(committer).is_ok()
            && self.start_offsets.set(start_offsets).is_ok();
        assert!(is_new, "a context belongs to one consumer");
    }

    pub(super) fn assigned(&self) -> &AssignedOffsets {
        &self.assigned
    }

    /// Whether reading goes on after lost offsets.
    pub(super) fn passes_lost_offsets(&self) -> bool {
        self.on_lost_offsets == OnLostOffsets::Earliest
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.cancel.is_cancelled()
    }

    pub(super) fn commit(&self, offsets: Vec<CommitOffset>, deadline: Instant) -> KafkaResult<()> {
        self.committer.get().map_or(Ok(()), |committer| committer.commit(offsets, deadline))
    }

    fn assign(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> KafkaResult<()> {
        drop(self.rejoining.lock().take());
        let partitions = partitions(list);
        self.abandon_stale(consumer, &partitions)?;
        let offsets = self.resolve(consumer, &partitions, Instant::now() + self.drain_timeout)?;
        self.missing_topics.update(&partitions, &offsets);
        let readable = CancellationToken::new();
        let list = self.start_lanes(consumer, &offsets, &readable)?;
        info!(event = "assigned", partitions = ?partitions, "assigned");
        if !partitions.is_empty() {
            self.observer.rebalanced(AssignmentChange::Assigned);
            self.host.assigned(self.owners.count());
        }
        let joins_again = if self.is_stopping() { Ok(()) } else { self.second_join.request(consumer) };
        let assigned = match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_assign(&list),
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(&list),
        };
        fetcher::check_epochs(consumer, &offsets, &self.cancel);
        readable.cancel();
        // Without a commit there is no lease, and nothing is written.
        if let Some(committer) = self.committer.get() {
            committer.commit_due();
        }
        assigned.and(joins_again)
    }

    /// Abandons what an earlier generation has left here: an assignment may come without the revocation before it, when
    /// the group has removed this member in between.
    fn abandon_stale(&self, consumer: &BaseConsumer<Self>, assigned: &[TopicPartition]) -> KafkaResult<()> {
        let stays = matches!(consumer.rebalance_protocol(), RebalanceProtocol::Cooperative);
        let mut stale = self.owners.partitions();
        stale.retain(|at| !stays || assigned.contains(at));
        if !stale.is_empty() {
            warn!(
                event = "reassigned_without_revoke", partitions = ?stale,
                "partitions reassigned without a revoke; abandoning in-flight records"
            );
            self.lease.lapse();
            self.abandon(&stale);
            Self::unassign(consumer, &list_of(&stale))?;
        }
        Ok(())
    }

    /// Finds where reading starts in these partitions, but for those whose topic is gone.
    fn resolve(
        &self,
        consumer: &BaseConsumer<Self>,
        partitions: &[TopicPartition],
        deadline: Instant,
    ) -> KafkaResult<Vec<CommitOffset>> {
        let (Some(start_offsets), Some(committer)) = (self.start_offsets.get(), self.committer.get()) else {
            return Ok(Vec::new());
        };
        let patience = Patience { deadline, cancel: &self.cancel };
        start_offsets.resolve(consumer, committer, partitions, self.assign_hold, &patience)
    }

    /// Starts a lane for each of these partitions. Returns what is to be assigned then; no lane reads before `readable`
    /// is cancelled.
    fn start_lanes(
        &self,
        consumer: &BaseConsumer<Self>,
        offsets: &[CommitOffset],
        readable: &CancellationToken,
    ) -> KafkaResult<TopicPartitionList> {
        let mut started = Vec::with_capacity(offsets.len());
        for offset in offsets {
            let at = &offset.at;
            let hold = if offset.mark == Mark::Drained { Duration::ZERO } else { self.assign_hold };
            if !hold.is_zero() {
                info!(
                    event = "partition_held", topic = %at.0, partition = at.1, ?hold,
                    "the partition's last owner has not drained it: its first record is held"
                );
            }
            match self.start_lane(consumer, offset, hold, readable) {
                Ok(()) => started.push(offset),
                Err(reason) => {
                    error!(
                        event = "lane_not_started", topic = %at.0, partition = at.1, reason,
                        "an assigned partition gets no lane: the daemon stops"
                    );
                    self.stop.now(reason);
                }
            }
        }
        list_of_offsets(started)
    }

    /// Starts a lane whose first record comes when `hold` is over and `readable` is cancelled.
    fn start_lane(
        &self,
        consumer: &BaseConsumer<Self>,
        CommitOffset { at, next, .. }: &CommitOffset,
        hold: Duration,
        readable: &CancellationToken,
    ) -> Result<(), String> {
        if self.owners.contains(at) {
            return Err("the partition has a lane already".to_owned());
        }
        if !fetcher::has_stopped(consumer, at) {
            return Err("the partition's last fetcher does not stop".to_owned());
        }
        let (topic, partition) = at.clone();
        let consumer = self.consumer.get().and_then(Weak::upgrade).ok_or("the consumer is being closed")?;
        let queue = consumer.split_partition_queue(&topic, partition).ok_or("the partition has no queue")?;
        let hold_until = Instant::now() + hold;
        let (progress, draining) = (Arc::new(Progress::new(*next)), CancellationToken::new());
        let conditions = ReadConditions { hold_until: hold_until.into(), readable: readable.clone() };
        let records = partition::records(queue, consumer, topic.clone(), partition, progress.clone(), conditions);
        let start = LaneStart { topic, partition, records, progress: progress.clone(), draining: draining.clone() };
        let task = self.host.start(start)?;
        self.assigned.lock().insert(at.clone(), progress.clone());
        self.owners.insert(at, Owner { task, draining, progress, hold_until });
        Ok(())
    }

    fn revoke(&self, consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> KafkaResult<()> {
        let partitions = partitions(list);
        let is_lost = consumer.assignment_lost();
        info!(event = "revoked", partitions = ?partitions, lost = is_lost, "revoked");
        if !partitions.is_empty() {
            self.observer.rebalanced(if is_lost { AssignmentChange::Lost } else { AssignmentChange::Revoked });
        }
        if is_lost {
            self.lease.lapse();
            *self.rejoining.lock() = Some(self.observer.waiting("the group has removed this member, joining it again"));
            self.abandon(&partitions);
        } else {
            self.drain(&partitions);
        }
        // After the end of their lanes, which may have met a gap until then.
        self.lost_offsets.forget(&partitions);
        self.missing_topics.forget(&partitions);
        Self::unassign(consumer, list)
    }

    /// Unassigns partitions; with an eager assignor, all that the consumer has.
    fn unassign(consumer: &BaseConsumer<Self>, list: &TopicPartitionList) -> KafkaResult<()> {
        match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(&assigned_of(consumer, list)?),
            RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
        }
    }

    /// Drains all lanes for a stop, between two polls, as a revocation would.
    pub(super) fn drain_all(&self, consumer: &BaseConsumer<Self>) {
        let partitions = self.owners.partitions();
        if consumer.assignment_lost() {
            self.abandon(&partitions);
        } else {
            self.drain(&partitions);
        }
    }

    /// Drains the lanes of `partitions`, and commits what they have settled.
    pub(super) fn drain(&self, partitions: &[TopicPartition]) {
        let deadline = Instant::now() + self.drain_timeout;
        let offsets = self.owners.end(partitions, Ending::Drain { deadline });
        // Until here the periodic commits have kept the lease; from here on each offset is committed once.
        self.disown(partitions);
        if !offsets.is_empty() {
            // The drain may have used up its time; the commit gets a little of its own. If it fails, it has said so.
            self.commit(offsets, deadline.max(Instant::now() + COMMIT)).unwrap_or_default();
        }
    }

    /// Abandons the lanes of `partitions`, and commits nothing.
    fn abandon(&self, partitions: &[TopicPartition]) {
        self.disown(partitions);
        self.owners.end(partitions, Ending::Lost);
    }

    fn disown(&self, partitions: &[TopicPartition]) {
        self.assigned.lock().retain(|at, _| !partitions.contains(at));
        for (topic, partition) in partitions {
            self.observer.lag(topic, *partition, None);
        }
    }

    /// Starts the partitions whose missing topics exist again. To be called between two polls.
    pub(super) fn start_recreated_topics(&self, consumer: &BaseConsumer<Self>) {
        let partitions = self.missing_topics.due();
        // An eager assignor assigns everything anew, and adds nothing.
        if partitions.is_empty() || matches!(consumer.rebalance_protocol(), RebalanceProtocol::Eager) {
            return;
        }
        let offsets = match self.resolve(consumer, &partitions, Instant::now() + RESOLVE_RECREATED) {
            Ok(offsets) => offsets,
            Err(error) => {
                debug!(%error, ?partitions, "not known yet whether the topics exist again, asked again later");
                return;
            }
        };
        match self.add(consumer, &offsets) {
            Ok(()) => {
                for CommitOffset { at, next, .. } in &offsets {
                    info!(
                        event = "topic_back", topic = %at.0, partition = at.1, offset = next.offset,
                        "the topic is there again, reading starts"
                    );
                }
                self.missing_topics.forget(offsets.iter().map(|offset| &offset.at));
            }
            Err(error) if self.is_stopping() => debug!(%error, "told to stop"),
            Err(error) => {
                error!(
                    event = "partitions_not_added", %error, ?partitions,
                    "partitions that were left out cannot be read"
                );
                self.stop.now(format!("partitions that were left out cannot be read: {error}"));
            }
        }
    }

    /// Adds partitions to the assignment outside of a rebalance.
    pub(super) fn add(&self, consumer: &BaseConsumer<Self>, offsets: &[CommitOffset]) -> KafkaResult<()> {
        if offsets.is_empty() {
            return Ok(());
        }
        let readable = CancellationToken::new();
        let list = self.start_lanes(consumer, offsets, &readable)?;
        consumer.incremental_assign(&list)?;
        fetcher::check_epochs(consumer, offsets, &self.cancel);
        readable.cancel();
        Ok(())
    }
}

impl ConsumerContext for RebalanceContext {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let done = match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assign(consumer, list),
            _ => self.revoke(consumer, list),
        };
        if let Err(error) = done
            && !self.is_stopping()
        {
            let hint = access_hint(&error).map(|allow| format!("; {allow}")).unwrap_or_default();
            error!(event = "rebalance_failed", %error, hint, "rebalance failed");
            self.stop.now(format!("a rebalance has failed: {error}{hint}"));
        }
    }
}

impl ClientContext for RebalanceContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        log_error(&error, reason);
        if is_login_denied(&error) {
            self.clients.token_denied();
        }
    }
}
