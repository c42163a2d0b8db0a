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
    consumer::{BaseConsumer, CommitMode, Consumer as _},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
};
use tracing::{debug, warn};

use super::{consumer::Settings, rebalance::Context};
use crate::{
    ops::metrics::Metrics,
    pipeline::{lane::Progress, stop::Stop},
};

pub(super) type TopicPartition = (Arc<str>, i32);

/// The next offset of every partition that this process owns.
#[derive(Debug, Clone, Default)]
pub(super) struct Owned(Arc<Mutex<BTreeMap<TopicPartition, Arc<Progress>>>>);

/// Asks the thread for a commit now.
#[derive(Debug, Clone)]
pub(super) struct Committer(SyncSender<Request>);

struct Request {
    offsets: Vec<(TopicPartition, i64)>,
    reply: SyncSender<KafkaResult<()>>,
}

/// An owned partition is committed at least this often, also when its offset has not moved: only then is it known that
/// this process still owns it.
const UNCHANGED: Duration = Duration::from_secs(3);

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
        let (interval, metrics) = (settings.commit_interval, settings.metrics.clone());
        std::thread::Builder::new().name("commit".into()).spawn(move || {
            let _guard = PanicGuard(stop);
            run(&consumer, &owned, interval, &metrics, &receiver);
        })?;
        Ok(Self(sender))
    }

    /// Commits `offsets`, and waits for the answer until `deadline` only. Has said why when it fails.
    pub(super) fn commit(&self, offsets: Vec<(TopicPartition, i64)>, deadline: Instant) -> KafkaResult<()> {
        const LATE: KafkaError = KafkaError::ConsumerCommit(RDKafkaErrorCode::OperationTimedOut);
        let (reply, answer) = sync_channel(1);
        let left = || deadline.saturating_duration_since(Instant::now());
        let mut request = Some(Request { offsets, reply });
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

fn run(
    consumer: &Weak<BaseConsumer<Context>>,
    owned: &Owned,
    interval: Duration,
    metrics: &Metrics,
    requests: &Receiver<Request>,
) {
    let mut committed: BTreeMap<TopicPartition, (i64, Instant)> = BTreeMap::new();
    let mut failing = false;
    loop {
        let request = match requests.recv_timeout(interval) {
            Ok(request) => Some(request),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let Some(consumer) = consumer.upgrade() else { return };
        if let Some(Request { offsets, reply }) = request {
            // Who asked may have stopped waiting.
            drop(reply.try_send(commit(&consumer, &offsets, metrics)));
            continue;
        }
        let owned: Vec<_> = owned.lock().iter().map(|(at, progress)| (at.clone(), progress.next_offset())).collect();
        committed.retain(|at, _| owned.iter().any(|(still, _)| still == at));
        let is_due = |at: &TopicPartition, offset: i64| {
            committed.get(at).is_none_or(|(last, when)| *last != offset || when.elapsed() >= UNCHANGED)
        };
        let due: Vec<_> = owned.into_iter().filter(|(at, offset)| is_due(at, *offset)).collect();
        let now = Instant::now();
        match commit(&consumer, &due, metrics) {
            Ok(()) => {
                committed.extend(due.into_iter().map(|(at, offset)| (at, (offset, now))));
                failing = false;
            }
            Err(error) if std::mem::replace(&mut failing, true) => debug!(%error, "offsets still not committed"),
            Err(error) => warn!(%error, "offsets not committed, trying again"),
        }
    }
}

fn commit(consumer: &BaseConsumer<Context>, offsets: &[(TopicPartition, i64)], metrics: &Metrics) -> KafkaResult<()> {
    if offsets.is_empty() {
        return Ok(());
    }
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for ((topic, partition), offset) in offsets {
        list.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
    }
    let committed = consumer.commit(&list, CommitMode::Sync);
    metrics.committed(committed.is_ok());
    committed
}
