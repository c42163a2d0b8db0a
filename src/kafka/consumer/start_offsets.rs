//! The offsets at which reading starts.
//!
//! At the group's committed offset. A partition without one begins where `kafka.start` says, if its topic had no
//! committed offset at all when this process looked before it joined; else it appeared while the group was running, and
//! begins at the earliest. What is found is committed before the first record is read.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    topic_partition_list::TopicPartitionListElem,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    boundaries,
    commit::Committer,
    lists::list_of,
    offsets::{CommitOffset, Mark, TopicPartition},
};
use crate::{
    config::Start,
    kafka::client::{Clients, error_hints::access_hint},
    runtime::progress::NextOffset,
};

/// The time after which a request is given up and tried again.
const REQUEST: Duration = Duration::from_secs(3);
/// The time between two attempts.
const RETRY: Duration = Duration::from_millis(200);
const LATE: KafkaError = KafkaError::OffsetFetch(RDKafkaErrorCode::OperationTimedOut);

pub(super) struct StartOffsets {
    /// The topics without any committed offset, and the numbers of their partitions; only with `start = "latest"`.
    fresh: BTreeMap<String, i32>,
    clients: Clients,
}

/// The result of one look-up.
#[derive(Default)]
struct Found {
    /// Partitions with a committed offset.
    committed: Vec<CommitOffset>,
    /// Partitions without a committed offset, and the start of each.
    new: Vec<CommitOffset>,
    /// Partitions whose topics do not exist any more.
    gone: Vec<TopicPartition>,
}

/// The conditions under which a look-up that does not succeed is given up.
pub(super) struct Patience<'a> {
    pub(super) deadline: Instant,
    pub(super) cancel: &'a CancellationToken,
}

impl StartOffsets {
    /// Fetches, before the group is joined, which topics have no committed offset. `partitions` has the partition count
    /// of each subscribed topic.
    pub(super) fn fetch<C: ConsumerContext>(
        consumer: &BaseConsumer<C>,
        clients: &Clients,
        start: Start,
        partitions: &BTreeMap<String, i32>,
        patience: &Patience<'_>,
    ) -> KafkaResult<Self> {
        while !patience.cancel.is_cancelled() {
            match fresh_topics(consumer, start, partitions) {
                Ok(fresh) => return Ok(Self { fresh, clients: clients.clone() }),
                Err(error) => patience.go_on_after(error)?,
            }
            std::thread::park_timeout(RETRY);
        }
        Err(KafkaError::Canceled)
    }

    /// Finds a numeric offset for each partition, but for those whose topic is gone. What is found for a new partition
    /// is committed at once, so that an attempt that ends too early leaves less to the next one. Where a `hold` depends
    /// on the mark of a drained partition, the mark is removed: from now on something may be in flight.
    pub(super) fn resolve<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        committer: &Committer,
        partitions: &[TopicPartition],
        hold: Duration,
        patience: &Patience<'_>,
    ) -> KafkaResult<Vec<CommitOffset>> {
        let (mut left, mut offsets) = (partitions.to_vec(), Vec::with_capacity(partitions.len()));
        while !patience.cancel.is_cancelled() {
            if left.is_empty() {
                return Ok(offsets);
            }
            match self.resolve_once(consumer, committer, &left, hold, patience) {
                Ok(Found { committed, new, gone }) => {
                    let found: BTreeSet<_> =
                        committed.iter().chain(&new).map(|offset| &offset.at).chain(&gone).collect();
                    left.retain(|at| !found.contains(at));
                    offsets.extend(committed);
                    // Nothing of the new ones was ever written to the org.
                    offsets.extend(new.into_iter().map(|offset| CommitOffset { mark: Mark::Drained, ..offset }));
                    if left.is_empty() {
                        continue;
                    }
                    if Instant::now() >= patience.deadline {
                        return Err(LATE);
                    }
                }
                Err(error) => patience.go_on_after(error)?,
            }
            std::thread::park_timeout(RETRY);
        }
        Err(KafkaError::Canceled)
    }

    /// Looks the offsets up once, and commits what is new.
    fn resolve_once<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        committer: &Committer,
        partitions: &[TopicPartition],
        hold: Duration,
        patience: &Patience<'_>,
    ) -> KafkaResult<Found> {
        let found = self.look_up(consumer, partitions, patience)?;
        let mut to_commit = found.new.clone();
        if !hold.is_zero() {
            let marked = found.committed.iter().filter(|offset| offset.mark == Mark::Drained).cloned();
            to_commit.extend(marked.map(|offset| CommitOffset { mark: Mark::None, ..offset }));
        }
        if !to_commit.is_empty() {
            committer.commit(to_commit, patience.deadline)?;
        }
        for CommitOffset { at, next, .. } in &found.new {
            info!(
                event = "no_committed_offset", topic = %at.0, partition = at.1, offset = next.offset,
                "no committed offset, reading starts here"
            );
        }
        Ok(found)
    }

    fn look_up<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        partitions: &[TopicPartition],
        patience: &Patience<'_>,
    ) -> KafkaResult<Found> {
        let mut found = Found::default();
        let mut uncommitted = Vec::new();
        let committed = consumer.committed_offsets(list_of(partitions), REQUEST)?;
        for (element, leader_epoch) in committed.elements().iter().zip(kafka_ffi::leader_epochs(&committed)) {
            let at: TopicPartition = (Arc::from(element.topic()), element.partition());
            match element.error() {
                Ok(()) => {}
                // Then the group keeps no offset of it.
                Err(error) if is_unknown(&error) => {
                    uncommitted.push(at);
                    continue;
                }
                Err(error) => return Err(error),
            }
            match element.offset() {
                Offset::Offset(offset) => {
                    let next = NextOffset { offset, leader_epoch };
                    found.committed.push(CommitOffset { at, next, mark: mark_of(element) });
                }
                _ => uncommitted.push(at),
            }
        }
        let asked: Vec<_> = uncommitted.iter().map(|at| (at.clone(), self.start_of(at))).collect();
        let known = match boundaries::fetch(consumer, &asked, boundaries::TIMEOUT, patience.deadline) {
            Err(error) if !is_unknown(&error) => return Err(error),
            known => known.unwrap_or_default(),
        };
        let unknown: BTreeSet<_> =
            uncommitted.iter().filter(|at| !known.contains_key(at)).map(|at| at.0.clone()).collect();
        found.new = known.into_iter().map(|(at, next)| CommitOffset { at, next, mark: Mark::None }).collect();
        if !unknown.is_empty() {
            let missing = boundaries::missing_topics(&self.clients, &unknown).unwrap_or_default();
            found.gone = uncommitted.into_iter().filter(|at| missing.contains(&at.0)).collect();
        }
        Ok(found)
    }

    /// Returns the start of a partition without a committed offset: its end or its beginning.
    fn start_of(&self, (topic, partition): &TopicPartition) -> Offset {
        match self.fresh.get(&**topic) {
            Some(count) if partition < count => Offset::End,
            _ => Offset::Beginning,
        }
    }
}

impl Patience<'_> {
    /// Logs a failure that another attempt may fix; returns one that no attempt fixes, or the last one.
    fn go_on_after(&self, error: KafkaError) -> KafkaResult<()> {
        if access_hint(&error).is_some() || Instant::now() >= self.deadline {
            return Err(error);
        }
        warn!(event = "committed_offsets_unknown", %error, "committed offsets not known, trying again");
        Ok(())
    }
}

/// Returns the topics without any committed offset; none unless `start = "latest"`. One request for all.
fn fresh_topics<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    start: Start,
    partitions: &BTreeMap<String, i32>,
) -> KafkaResult<BTreeMap<String, i32>> {
    if start != Start::Latest {
        return Ok(BTreeMap::new());
    }
    let mut fresh: BTreeMap<_, _> =
        partitions.iter().filter(|(_, count)| **count > 0).map(|(name, count)| (name.clone(), *count)).collect();
    if fresh.is_empty() {
        return Ok(fresh);
    }
    let mut list = TopicPartitionList::new();
    for (topic, count) in &fresh {
        list.add_partition_range(topic, 0, count - 1);
    }
    let committed = consumer.committed_offsets(list, REQUEST)?;
    for element in committed.elements() {
        element.error()?;
        if matches!(element.offset(), Offset::Offset(_)) {
            fresh.remove(element.topic());
        }
    }
    Ok(fresh)
}

/// Whether an error says that the topic or the partition does not exist; or that no leader of it is known, which
/// librdkafka does not tell from that.
fn is_unknown(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::UnknownTopicOrPartition
                | RDKafkaErrorCode::UnknownTopic
                | RDKafkaErrorCode::UnknownPartition
        )
    )
}

/// The mark beside a committed offset. rdkafka panics where another tool has put bytes that are not UTF-8.
fn mark_of(element: &TopicPartitionListElem<'_>) -> Mark {
    catch_unwind(AssertUnwindSafe(|| Mark::parse(element.metadata()))).unwrap_or(Mark::None)
}
