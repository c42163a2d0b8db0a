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
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{consumer::Settings, rebalance::Context};
use crate::{
    ops::{
        health::{Health, Whom},
        metrics::Metrics,
    },
    pipeline::{lane::Progress, lease::Lease, stop::Stop},
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
    pub(super) offset: i64,
    /// Nothing of it is on its way any more: whoever takes the partition next need not wait for that.
    pub(super) drained: bool,
}

enum Request {
    /// All that is owned.
    Owned,
    These {
        offsets: Vec<Next>,
        reply: SyncSender<KafkaResult<()>>,
    },
}

/// What stands beside an offset whose partition was drained.
pub(super) const DRAINED: &str = "drained";

/// An owned partition is committed at least this often, or thrice in the time of a lease, also when its offset has not
/// moved: only then is it known that this process still owns it.
const UNCHANGED: Duration = Duration::from_secs(3);

/// The coordinator refuses a generation that it has just raised until its answer is here, and an epoch (before Kafka 4.3,
/// KIP-1251). What we own in the old one is still ours in the new one: nobody else gets it before we have given it back.
const STALE: Duration = Duration::from_millis(50);
const STALE_ATTEMPTS: u32 = 20;
const STALE_CODES: [RDKafkaErrorCode; 3] =
    [RDKafkaErrorCode::IllegalGeneration, RDKafkaErrorCode::RebalanceInProgress, RDKafkaErrorCode::StaleMemberEpoch];

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
        std::thread::Builder::new().name("commit".into()).spawn(move || {
            let _guard = PanicGuard(stop);
            run(&consumer, &owned, rhythm, &commits, &receiver);
        })?;
        Ok(Self(sender))
    }

    /// Asks for a commit of all that is owned, and waits for nothing. Without it there is one soon, too.
    pub(super) fn commit_owned(&self) {
        drop(self.0.try_send(Request::Owned));
    }

    /// Commits `offsets`, and waits for the answer until `deadline` only. Has said why when it fails.
    pub(super) fn commit(&self, offsets: Vec<Next>, deadline: Instant) -> KafkaResult<()> {
        const LATE: KafkaError = KafkaError::ConsumerCommit(RDKafkaErrorCode::OperationTimedOut);
        let (reply, answer) = sync_channel(1);
        let left = || deadline.saturating_duration_since(Instant::now());
        let mut request = Some(Request::These { offsets, reply });
        while let Some(again) = request.take() {
            match self.0.try_send(again) {
                Ok(()) => {}
                Err(std::sync::mpsc::TrySendError::Full(again)) if !left().is_zero() => {
                    std::thread::park_timeout(Duration::from_millis(10));
                    request = Some(again);
                }
                Err(_) => {
                    warn!("nobody takes the commit in time, its records may be repeated");
                    return Err(LATE);
                }
            }
        }
        match answer.recv_timeout(left()) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                // Best effort: in a rebalance the coordinator often refuses. What was not committed is read again.
                warn!(%error, "offsets not committed, their records will be repeated");
                Err(error)
            }
            Err(_) => {
                warn!("no answer to the commit in time, its records may be repeated");
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

fn run(
    consumer: &Weak<BaseConsumer<Context>>,
    owned: &Owned,
    rhythm: Rhythm,
    commits: &Commits,
    requests: &Receiver<Request>,
) {
    let mut committed: BTreeMap<TopicPartition, (i64, Instant)> = BTreeMap::new();
    let mut failing = false;
    loop {
        let request = match requests.recv_timeout(rhythm.moved.min(rhythm.unchanged)) {
            Ok(request) => request,
            Err(RecvTimeoutError::Timeout) => Request::Owned,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let Some(consumer) = consumer.upgrade() else { return };
        if let Request::These { offsets, reply } = request {
            // Who asked may have stopped waiting.
            drop(reply.try_send(commits.commit(&consumer, &offsets)));
            continue;
        }
        let mut due: Vec<_> = {
            let owned = owned.lock();
            committed.retain(|at, _| owned.contains_key(at));
            let next = |(at, progress): (&TopicPartition, &Arc<Progress>)| Next {
                at: at.clone(),
                offset: progress.next_offset(),
                drained: false,
            };
            owned.iter().map(next).collect()
        };
        due.retain(|next| {
            committed.get(&next.at).is_none_or(|(last, when)| {
                when.elapsed() >= if *last == next.offset { rhythm.unchanged } else { rhythm.moved }
            })
        });
        let now = Instant::now();
        match commits.commit(&consumer, &due) {
            Ok(()) => {
                committed.extend(due.into_iter().map(|next| (next.at, (next.offset, now))));
                failing = false;
            }
            Err(error) if std::mem::replace(&mut failing, true) => debug!(%error, "offsets still not committed"),
            Err(error) => warn!(%error, "offsets not committed, trying again"),
        }
    }
}

/// What each commit is told to.
struct Commits {
    lease: Lease,
    metrics: Metrics,
}

impl Commits {
    fn commit<C: ConsumerContext>(&self, consumer: &BaseConsumer<C>, offsets: &[Next]) -> KafkaResult<()> {
        if offsets.is_empty() {
            return Ok(());
        }
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for Next { at: (topic, partition), offset, drained } in offsets {
            let mut added = list.add_partition(topic, *partition);
            added.set_offset(Offset::Offset(*offset))?;
            if *drained {
                added.set_metadata(DRAINED);
            }
        }
        let is_stale = |committed: &KafkaResult<()>| {
            let code = committed.as_ref().err().and_then(KafkaError::rdkafka_error_code);
            code.is_some_and(|code| STALE_CODES.contains(&code))
        };
        let mut sent = tokio::time::Instant::now();
        let mut committed = consumer.commit(&list, CommitMode::Sync);
        for _ in 0..STALE_ATTEMPTS {
            if !is_stale(&committed) {
                break;
            }
            std::thread::park_timeout(STALE);
            sent = tokio::time::Instant::now();
            committed = consumer.commit(&list, CommitMode::Sync);
        }
        if committed.is_ok() {
            self.lease.renew(sent);
        }
        self.metrics.committed(committed.is_ok());
        committed
    }
}

/// Says when nothing is written for want of commits, until `cancel`.
pub(super) async fn watch(lease: Lease, owned: Owned, health: Health, cancel: CancellationToken) {
    /// A lease that is only late is nobody's concern.
    const GRACE: Duration = Duration::from_secs(1);
    let mut waiting = None;
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            () = lease.out(GRACE), if waiting.is_none() => {
                if owned.lock().is_empty() {
                    tokio::time::sleep(GRACE).await;
                } else {
                    warn!("no commit succeeds, our partitions may be another member's by now: nothing is written");
                    waiting = Some(health.wait(Whom::Kafka, "no commit succeeds, so that nothing may be written"));
                }
            }
            () = lease.held(), if waiting.is_some() => {
                info!("commits succeed again, writing goes on");
                waiting = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::{
        ClientConfig,
        mocking::MockCluster,
        types::{RDKafkaApiKey, RDKafkaRespErr},
    };

    use super::*;

    #[test]
    fn a_commit_that_meets_a_new_generation_is_sent_again() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 1, 1).unwrap();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers()).set("group.id", "g");
        let consumer: BaseConsumer = config.create().unwrap();
        let offsets = [Next { at: (Arc::from("t"), 0), offset: 7, drained: false }];
        let refuse = |errors: &[RDKafkaRespErr]| cluster.request_errors(RDKafkaApiKey::OffsetCommit, errors);
        let commits = || Commits { lease: Lease::new(Duration::from_secs(60)), metrics: Metrics::new() };

        for code in [
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        ] {
            let commits = commits();
            refuse(&[code; 2]);
            commits.commit(&consumer, &offsets).unwrap();
            assert!(commits.lease.is_held());
        }

        let commits = commits();
        refuse(&[RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID]);
        let refused = commits.commit(&consumer, &offsets).unwrap_err();
        assert_eq!(refused.rdkafka_error_code(), Some(RDKafkaErrorCode::UnknownMemberId));
        assert!(!commits.lease.is_held());
    }
}
