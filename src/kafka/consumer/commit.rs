//! The thread that commits, and nothing else: a synchronous commit in librdkafka has no deadline, so no other thread
//! waits on it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Weak,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    time::{Duration, Instant},
};

use rdkafka::{
    consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
};
use tracing::warn;

use super::{
    commit_errors::{self, CommitErrors, STALE_ATTEMPTS},
    commit_schedule::CommitSchedule,
    lists::list_to_commit,
    observer::Observer,
    offsets::{AssignedOffsets, CommitOffset},
    settings::ConsumerSettings,
};
use crate::runtime::{lease::Lease, stop::Stop};

/// Asks the thread for commits.
#[derive(Debug, Clone)]
pub(super) struct Committer(SyncSender<Request>);

enum Request {
    /// Commit what is due of all that is owned.
    Due,
    Offsets {
        offsets: Vec<CommitOffset>,
        deadline: Instant,
        reply: SyncSender<KafkaResult<()>>,
    },
}

/// The time between two attempts where only a generation is outdated.
const STALE_BACKOFF: Duration = Duration::from_millis(50);
const LATE: KafkaError = KafkaError::ConsumerCommit(RDKafkaErrorCode::OperationTimedOut);

impl Committer {
    /// Starts the thread. It ends when the last `Committer` is gone, or the consumer.
    pub(super) fn start<C: ConsumerContext + 'static>(
        consumer: &Arc<BaseConsumer<C>>,
        assigned: AssignedOffsets,
        settings: &ConsumerSettings<'_>,
        stop: Stop,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(1);
        let consumer = Arc::downgrade(consumer);
        let commits = Commits { lease: settings.lease.clone(), observer: settings.observer.clone() };
        let schedule = CommitSchedule::new(settings.commit_interval, settings.lease.length());
        let errors = CommitErrors::new(settings.drain_timeout * 2 + settings.lease.length(), stop.clone());
        std::thread::Builder::new().name("commit".into()).spawn(move || {
            let _guard = PanicGuard(stop);
            run(&consumer, &assigned, schedule, &commits, &receiver, errors);
        })?;
        Ok(Self(sender))
    }

    /// Asks for a commit of what is due, and waits for nothing.
    pub(super) fn commit_due(&self) {
        drop(self.0.try_send(Request::Due));
    }

    /// Commits `offsets`, and waits for the answer until `deadline` only. Logs why when it fails.
    pub(super) fn commit(&self, offsets: Vec<CommitOffset>, deadline: Instant) -> KafkaResult<()> {
        let (reply, answer) = sync_channel(1);
        let left = || deadline.saturating_duration_since(Instant::now());
        let mut request = Request::Offsets { offsets, deadline, reply };
        loop {
            match self.0.try_send(request) {
                Ok(()) => break,
                Err(TrySendError::Full(returned)) if !left().is_zero() => {
                    std::thread::park_timeout(Duration::from_millis(10));
                    request = returned;
                }
                Err(_) => {
                    warn!(
                        event = "commit_thread_busy",
                        "commit thread busy, commit timed out; records may be repeated"
                    );
                    return Err(LATE);
                }
            }
        }
        match answer.recv_timeout(left()) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                // Best effort: in a rebalance the coordinator often rejects the commit. What was not committed is read again.
                warn!(event = "commit_failed", %error, "offsets not committed, their records will be repeated");
                Err(error)
            }
            Err(_) => {
                warn!(event = "commit_timed_out", "no answer to the commit in time, its records may be repeated");
                Err(LATE)
            }
        }
    }
}

/// Stops the daemon if the thread panics: without it nothing is committed any more.
struct PanicGuard(Stop);

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.now("the commit thread has panicked");
        }
    }
}

fn run<C: ConsumerContext>(
    consumer: &Weak<BaseConsumer<C>>,
    assigned: &AssignedOffsets,
    mut schedule: CommitSchedule,
    commits: &Commits,
    requests: &Receiver<Request>,
    mut errors: CommitErrors,
) {
    loop {
        let pause = if errors.is_stale() { STALE_BACKOFF } else { schedule.interval() };
        let request = match requests.recv_timeout(pause) {
            Ok(request) => request,
            Err(RecvTimeoutError::Timeout) => Request::Due,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        match request {
            Request::Offsets { offsets, deadline, reply } => {
                schedule.forget(&offsets);
                let Some(committed) = commits.commit_with_retry(consumer, &offsets, deadline) else { return };
                // The caller may have stopped waiting.
                drop(reply.try_send(committed));
            }
            Request::Due => {
                let Some(consumer) = consumer.upgrade() else { return };
                let due = schedule.due(assigned);
                errors.record(commits.commit_by_topic(&consumer, due, &mut schedule));
            }
        }
    }
}

/// Sends commits, and reports each result.
struct Commits {
    lease: Lease,
    observer: Observer,
}

impl Commits {
    /// Repeats a commit until librdkafka knows its generation, but not after `deadline`, when another member may have
    /// read on from there. Returns `None` when the consumer is gone: no handle is held between two attempts, so that
    /// the poll thread drops the last one.
    fn commit_with_retry<C: ConsumerContext>(
        &self,
        consumer: &Weak<BaseConsumer<C>>,
        offsets: &[CommitOffset],
        deadline: Instant,
    ) -> Option<KafkaResult<()>> {
        // The caller has given up, and another member may have read on.
        if Instant::now() >= deadline {
            return Some(Err(LATE));
        }
        for _ in 0..STALE_ATTEMPTS {
            let committed = self.commit(&*consumer.upgrade()?, offsets);
            match committed {
                Err(error) if commit_errors::is_stale(&error) && Instant::now() + STALE_BACKOFF < deadline => {
                    std::thread::park_timeout(STALE_BACKOFF);
                }
                committed => return Some(committed),
            }
        }
        Some(self.commit(&*consumer.upgrade()?, offsets))
    }

    /// Commits all topics together, and each by itself where one is the cause of a failure: a topic that is gone, or
    /// denied, does not keep the others from being committed.
    fn commit_by_topic<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        due: Vec<CommitOffset>,
        schedule: &mut CommitSchedule,
    ) -> KafkaResult<()> {
        let sent = Instant::now();
        let Err(error) = self.commit(consumer, &due) else {
            schedule.committed(due, sent);
            return Ok(());
        };
        if !commit_errors::is_of_a_topic(&error) {
            return Err(error);
        }
        let mut topics: BTreeMap<Arc<str>, Vec<CommitOffset>> = BTreeMap::new();
        for offset in due {
            topics.entry(offset.at.0.clone()).or_default().push(offset);
        }
        for due in topics.into_values() {
            let sent = Instant::now();
            if self.commit(consumer, &due).is_ok() {
                schedule.committed(due, sent);
            }
        }
        Err(error)
    }

    fn commit<C: ConsumerContext>(&self, consumer: &BaseConsumer<C>, offsets: &[CommitOffset]) -> KafkaResult<()> {
        if offsets.is_empty() {
            return Ok(());
        }
        let list = list_to_commit(offsets)?;
        let sent = tokio::time::Instant::now();
        let committed = consumer.commit(&list, CommitMode::Sync);
        match &committed {
            Ok(()) => self.lease.renew(sent),
            Err(error) if commit_errors::is_not_a_member(error) => self.lease.lapse(),
            Err(_) => {}
        }
        self.observer.committed(committed.is_ok());
        committed
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::{
        ClientConfig,
        mocking::MockCluster,
        producer::DefaultProducerContext,
        types::{RDKafkaApiKey, RDKafkaRespErr},
    };

    use super::{
        super::{commit_errors::NOT_A_MEMBER, observer::NoObserver, offsets::Mark},
        *,
    };
    use crate::{kafka::client::log::LoggingContext, runtime::progress::Progress};

    /// A cluster with the topic `t`, and the configuration of a member of the group `g`.
    fn cluster() -> (MockCluster<'static, DefaultProducerContext>, ClientConfig) {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 1, 1).unwrap();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers()).set("group.id", "g");
        (cluster, config)
    }

    fn commits() -> Commits {
        Commits { lease: Lease::new(Duration::from_secs(60)), observer: Arc::new(NoObserver) }
    }

    #[test]
    fn a_commit_that_meets_a_new_generation_is_sent_again() {
        let (cluster, config) = cluster();
        let consumer: BaseConsumer = config.create().unwrap();
        let offsets = [CommitOffset::new(&(Arc::from("t"), 0), 7, Mark::None)];
        let fail_commits = |errors: &[RDKafkaRespErr]| cluster.request_errors(RDKafkaApiKey::OffsetCommit, errors);
        let consumer = Arc::new(consumer);
        let soon = || Instant::now() + Duration::from_secs(20);

        for code in [
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        ] {
            let commits = commits();
            fail_commits(&[code; 2]);
            commits.commit_with_retry(&Arc::downgrade(&consumer), &offsets, soon()).unwrap().unwrap();
            assert!(commits.lease.is_held());
        }

        let commits = commits();
        let late = commits.commit_with_retry(&Arc::downgrade(&consumer), &offsets, Instant::now()).unwrap();
        assert!(late == Err(LATE) && !commits.lease.is_held(), "it is not sent");
        commits.commit(&consumer, &offsets).unwrap();
        assert!(commits.lease.is_held());
        fail_commits(&[RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID]);
        let failed = commits.commit_with_retry(&Arc::downgrade(&consumer), &offsets, soon()).unwrap().unwrap_err();
        assert_eq!(failed.rdkafka_error_code(), Some(RDKafkaErrorCode::UnknownMemberId));
        assert!(!commits.lease.is_held());
    }

    #[test]
    fn a_member_that_the_group_has_removed_stops_if_its_assignment_is_never_lost() {
        let (cluster, config) = cluster();
        let consumer: Arc<BaseConsumer<LoggingContext>> = Arc::new(config.create_with_context(LoggingContext).unwrap());
        let assigned = AssignedOffsets::default();
        assigned.lock().insert((Arc::from("t"), 0), Arc::new(Progress::new(7)));
        let (stop, commits) = (Stop::default(), commits());
        let quick = Duration::from_millis(1);
        let schedule = CommitSchedule::new(quick, quick * 3);
        let (_sender, requests) = sync_channel(1);
        let fail_commits = |errors: &[RDKafkaRespErr]| cluster.request_errors(RDKafkaApiKey::OffsetCommit, errors);
        let removed = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID;
        std::thread::scope(|scope| {
            let weak = Arc::downgrade(&consumer);
            let errors = CommitErrors::new(Duration::from_secs(2), stop.clone());
            let (assigned, commits) = (&assigned, &commits);
            scope.spawn(move || run(&weak, assigned, schedule, commits, &requests, errors));
            wait_until(|| commits.lease.is_held());
            let before = commits.lease.permit();
            fail_commits(&[removed; 3]);
            wait_until(|| !before.is_valid());
            wait_until(|| commits.lease.is_held());
            assert!(stop.reason().is_none(), "the group has taken it back");
            fail_commits(&vec![removed; 10_000]);
            wait_until(|| stop.reason() == Some(NOT_A_MEMBER));
            drop(consumer);
        });
    }

    fn wait_until(reached: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !reached() {
            assert!(Instant::now() < deadline, "in a minute");
            std::thread::yield_now();
        }
    }
}
