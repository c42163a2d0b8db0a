//! The thread that commits, and nothing else: a synchronous commit in librdkafka has no deadline, so nobody but this
//! thread waits on it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
};
use tracing::warn;

use super::{
    commit_errors::{self, Refusals, STALE_ATTEMPTS},
    poll_thread::Settings,
    rebalance::Context,
};
use crate::{
    ops::metrics::Metrics,
    runtime::{
        lease::Lease,
        progress::{NextOffset, Progress},
        stop::Stop,
    },
};

pub(super) type TopicPartition = (Arc<str>, i32);

/// The next offset of every partition that this process owns.
#[derive(Debug, Clone, Default)]
pub(super) struct Owned(Arc<Mutex<BTreeMap<TopicPartition, Arc<Progress>>>>);

/// Asks the thread for a commit now.
#[derive(Debug, Clone)]
pub(super) struct Committer(SyncSender<Request>);

/// Where a partition is to be read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) at: TopicPartition,
    pub(super) from: NextOffset,
    /// Nothing of it is on its way any more: whoever takes the partition next need not wait for that.
    pub(super) drained: bool,
}

enum Request {
    /// All that is owned.
    Owned,
    These {
        offsets: Vec<Next>,
        deadline: Instant,
        reply: SyncSender<KafkaResult<()>>,
    },
}

/// What stands beside an offset whose partition was drained.
pub(super) const DRAINED: &str = "drained";

/// An owned partition is committed at least this often, or thrice in the time of a lease, also when its offset has not
/// moved: only then is it known that this process still owns it.
const UNCHANGED: Duration = Duration::from_secs(3);

/// Between two attempts where only a generation is outdated.
const STALE: Duration = Duration::from_millis(50);
const LATE: KafkaError = KafkaError::ConsumerCommit(RDKafkaErrorCode::OperationTimedOut);

impl Owned {
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<TopicPartition, Arc<Progress>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Committer {
    /// The thread ends when the last `Committer` is gone, or the consumer.
    pub(super) fn start(
        consumer: &Arc<BaseConsumer<Context>>,
        owned: Owned,
        settings: &Settings<'_>,
        stop: Stop,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(1);
        let consumer = Arc::downgrade(consumer);
        let commits = Commits { lease: settings.lease.clone(), metrics: settings.metrics.clone() };
        let rhythm = Rhythm { moved: settings.commit_interval, unchanged: UNCHANGED.min(settings.lease.length() / 3) };
        let refusals = Refusals::new(settings.drain_timeout * 2 + settings.lease.length(), stop.clone());
        std::thread::Builder::new().name("commit".into()).spawn(move || {
            let _guard = PanicGuard(stop);
            run(&consumer, &owned, rhythm, &commits, &receiver, refusals);
        })?;
        Ok(Self(sender))
    }

    /// Asks for a commit of all that is owned, and waits for nothing.
    pub(super) fn commit_owned(&self) {
        drop(self.0.try_send(Request::Owned));
    }

    /// Commits `offsets`, and waits for the answer until `deadline` only. Has said why when it fails.
    pub(super) fn commit(&self, offsets: Vec<Next>, deadline: Instant) -> KafkaResult<()> {
        let (reply, answer) = sync_channel(1);
        let left = || deadline.saturating_duration_since(Instant::now());
        let mut request = Some(Request::These { offsets, deadline, reply });
        while let Some(again) = request.take() {
            match self.0.try_send(again) {
                Ok(()) => {}
                Err(std::sync::mpsc::TrySendError::Full(again)) if !left().is_zero() => {
                    std::thread::park_timeout(Duration::from_millis(10));
                    request = Some(again);
                }
                Err(_) => {
                    warn!(event = "commit_thread_busy", "nobody takes the commit in time, its records may be repeated");
                    return Err(LATE);
                }
            }
        }
        match answer.recv_timeout(left()) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                // Best effort: in a rebalance the coordinator often refuses. What was not committed is read again.
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

/// Without this thread nothing is committed any more.
struct PanicGuard(Stop);

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.now("the commit thread has panicked");
        }
    }
}

/// How often an owned partition is committed.
#[derive(Debug, Clone, Copy)]
struct Rhythm {
    moved: Duration,
    unchanged: Duration,
}

/// What was committed of a partition, and when that was asked for.
type Committed = BTreeMap<TopicPartition, (i64, Instant)>;

fn run<C: ConsumerContext>(
    consumer: &Weak<BaseConsumer<C>>,
    owned: &Owned,
    rhythm: Rhythm,
    commits: &Commits,
    requests: &Receiver<Request>,
    mut refusals: Refusals,
) {
    let mut committed = Committed::new();
    loop {
        let pause = if refusals.is_stale() { STALE } else { rhythm.moved.min(rhythm.unchanged) };
        let request = match requests.recv_timeout(pause) {
            Ok(request) => request,
            Err(RecvTimeoutError::Timeout) => Request::Owned,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        match request {
            Request::These { offsets, deadline, reply } => {
                // A partition that comes back begins anew.
                committed.retain(|at, _| offsets.iter().all(|next| next.at != *at));
                let Some(done) = commits.again(consumer, &offsets, deadline) else { return };
                // Who asked may have stopped waiting.
                drop(reply.try_send(done));
            }
            Request::Owned => {
                let Some(consumer) = consumer.upgrade() else { return };
                let due = due(owned, &mut committed, rhythm);
                refusals.heard(commits.topic_by_topic(&consumer, due, &mut committed));
            }
        }
    }
}

/// What is to be committed now of all that is owned.
fn due(owned: &Owned, committed: &mut Committed, rhythm: Rhythm) -> Vec<Next> {
    let owned = owned.lock();
    committed.retain(|at, _| owned.contains_key(at));
    let next = |(at, progress): (&TopicPartition, &Arc<Progress>)| Next {
        at: at.clone(),
        from: progress.next(),
        drained: false,
    };
    let is_due = |next: &Next| {
        committed.get(&next.at).is_none_or(|(last, when)| {
            when.elapsed() >= if *last == next.from.offset { rhythm.unchanged } else { rhythm.moved }
        })
    };
    owned.iter().map(next).filter(is_due).collect()
}

/// What each commit is told to.
struct Commits {
    lease: Lease,
    metrics: Metrics,
}

impl Commits {
    /// Until the generation is known here, but not beyond `deadline`, when another member may have gone on from there.
    /// `None` when the consumer is gone: it is not held between two attempts, so that its last handle is the poll
    /// thread's.
    fn again<C: ConsumerContext>(
        &self,
        consumer: &Weak<BaseConsumer<C>>,
        offsets: &[Next],
        deadline: Instant,
    ) -> Option<KafkaResult<()>> {
        // Who asked has given up, and another member has gone on, perhaps.
        if Instant::now() >= deadline {
            return Some(Err(LATE));
        }
        for _ in 0..STALE_ATTEMPTS {
            let committed = self.commit(&*consumer.upgrade()?, offsets);
            match committed {
                Err(error) if commit_errors::is_stale(&error) && Instant::now() + STALE < deadline => {
                    std::thread::park_timeout(STALE);
                }
                committed => return Some(committed),
            }
        }
        Some(self.commit(&*consumer.upgrade()?, offsets))
    }

    /// A topic that is gone, or denied, keeps no other one from being committed.
    fn topic_by_topic<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        due: Vec<Next>,
        committed: &mut Committed,
    ) -> KafkaResult<()> {
        let mut note =
            |due: Vec<Next>, asked| committed.extend(due.into_iter().map(|next| (next.at, (next.from.offset, asked))));
        let asked = Instant::now();
        let whole = self.commit(consumer, &due);
        let Err(error) = whole else {
            note(due, asked);
            return Ok(());
        };
        if !commit_errors::is_of_a_topic(&error) {
            return Err(error);
        }
        let mut topics: BTreeMap<Arc<str>, Vec<Next>> = BTreeMap::new();
        for next in due {
            topics.entry(next.at.0.clone()).or_default().push(next);
        }
        for due in topics.into_values() {
            let asked = Instant::now();
            if self.commit(consumer, &due).is_ok() {
                note(due, asked);
            }
        }
        Err(error)
    }

    fn commit<C: ConsumerContext>(&self, consumer: &BaseConsumer<C>, offsets: &[Next]) -> KafkaResult<()> {
        if offsets.is_empty() {
            return Ok(());
        }
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for Next { at: (topic, partition), from, drained } in offsets {
            let mut added = list.add_partition(topic, *partition);
            added.set_offset(Offset::Offset(from.offset))?;
            if *drained {
                added.set_metadata(DRAINED);
            }
        }
        let epochs: Vec<_> = offsets.iter().map(|Next { from, .. }| from.leader_epoch).collect();
        kafka_ffi::set_leader_epochs(&mut list, &epochs);
        let sent = tokio::time::Instant::now();
        let committed = consumer.commit(&list, CommitMode::Sync);
        match &committed {
            Ok(()) => self.lease.renew(sent),
            Err(error) if commit_errors::is_counted_out(error) => self.lease.lapse(),
            Err(_) => {}
        }
        self.metrics.committed(committed.is_ok());
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

    use super::*;
    use crate::kafka::{client::log::Quiet, consumer::commit_errors::OUT};

    /// With the topic `t`, and what a member of `g` is told.
    fn cluster() -> (MockCluster<'static, DefaultProducerContext>, ClientConfig) {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 1, 1).unwrap();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers()).set("group.id", "g");
        (cluster, config)
    }

    #[test]
    fn a_commit_that_meets_a_new_generation_is_sent_again() {
        let (cluster, config) = cluster();
        let consumer: BaseConsumer = config.create().unwrap();
        let offsets = [Next { at: (Arc::from("t"), 0), from: NextOffset::from(7), drained: false }];
        let refuse = |errors: &[RDKafkaRespErr]| cluster.request_errors(RDKafkaApiKey::OffsetCommit, errors);
        let consumer = Arc::new(consumer);
        let soon = || Instant::now() + Duration::from_secs(20);
        let commits = || Commits { lease: Lease::new(Duration::from_secs(60)), metrics: Metrics::new() };

        for code in [
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        ] {
            let commits = commits();
            refuse(&[code; 2]);
            commits.again(&Arc::downgrade(&consumer), &offsets, soon()).unwrap().unwrap();
            assert!(commits.lease.is_held());
        }

        let commits = commits();
        let late = commits.again(&Arc::downgrade(&consumer), &offsets, Instant::now()).unwrap();
        assert!(late == Err(LATE) && !commits.lease.is_held(), "it is not sent");
        commits.commit(&consumer, &offsets).unwrap();
        assert!(commits.lease.is_held());
        refuse(&[RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID]);
        let refused = commits.again(&Arc::downgrade(&consumer), &offsets, soon()).unwrap().unwrap_err();
        assert_eq!(refused.rdkafka_error_code(), Some(RDKafkaErrorCode::UnknownMemberId));
        assert!(!commits.lease.is_held());
    }

    #[test]
    fn who_is_counted_out_and_is_not_told_so_stops() {
        let (cluster, config) = cluster();
        let consumer: Arc<BaseConsumer<Quiet>> = Arc::new(config.create_with_context(Quiet).unwrap());
        let owned = Owned::default();
        owned.lock().insert((Arc::from("t"), 0), Arc::new(Progress::new(7)));
        let (stop, commits) =
            (Stop::default(), Commits { lease: Lease::new(Duration::from_secs(60)), metrics: Metrics::new() });
        let quick = Duration::from_millis(1);
        let rhythm = Rhythm { moved: quick, unchanged: quick };
        let (_sender, requests) = sync_channel(1);
        let refuse = |errors: &[RDKafkaRespErr]| cluster.request_errors(RDKafkaApiKey::OffsetCommit, errors);
        let out = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID;
        std::thread::scope(|scope| {
            let weak = Arc::downgrade(&consumer);
            let refusals = Refusals::new(Duration::from_secs(2), stop.clone());
            let (owned, commits) = (&owned, &commits);
            scope.spawn(move || run(&weak, owned, rhythm, commits, &requests, refusals));
            until(|| commits.lease.is_held());
            let before = commits.lease.leave();
            refuse(&[out; 3]);
            until(|| !before.is_given());
            until(|| commits.lease.is_held());
            assert!(stop.reason().is_none(), "taken back");
            refuse(&vec![out; 10_000]);
            until(|| stop.reason() == Some(OUT));
            drop(consumer);
        });
    }

    fn until(reached: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !reached() {
            assert!(Instant::now() < deadline, "in a minute");
            std::thread::yield_now();
        }
    }
}
