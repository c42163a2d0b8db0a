//! Where reading starts.
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
    commit::{Committer, DRAINED, Next, TopicPartition},
};
use crate::{
    config::Start,
    kafka::client::{Clients, error_hints::denial},
    runtime::progress::NextOffset,
};

/// How long one look-up may take before it is tried again.
const LOOK_UP: Duration = Duration::from_secs(3);
/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(200);
const LATE: KafkaError = KafkaError::OffsetFetch(RDKafkaErrorCode::OperationTimedOut);

pub(super) struct Positions {
    /// With `start = "latest"`: topics without any committed offset, and how many partitions they had.
    fresh: BTreeMap<String, i32>,
    clients: Clients,
}

/// What one look has brought.
#[derive(Default)]
struct Looked {
    /// With a committed offset.
    known: Vec<Next>,
    /// Without one.
    new: Vec<Next>,
    /// Their topics are not there any more.
    gone: Vec<TopicPartition>,
}

/// When a look-up ends that does not succeed.
pub(super) struct Patience<'a> {
    pub(super) deadline: Instant,
    pub(super) cancel: &'a CancellationToken,
}

impl Positions {
    /// Looks before the group is joined. `partitions`: the partition count of each subscribed topic.
    pub(super) fn look<C: ConsumerContext>(
        consumer: &BaseConsumer<C>,
        clients: &Clients,
        start: Start,
        partitions: &BTreeMap<String, i32>,
        patience: &Patience<'_>,
    ) -> KafkaResult<Self> {
        while !patience.cancel.is_cancelled() {
            match fresh(consumer, start, partitions) {
                Ok(fresh) => return Ok(Self { fresh, clients: clients.clone() }),
                Err(error) if patience.ends_with(&error) => return Err(error),
                Err(error) => warn!(
                    event = "committed_offsets_unknown", %error,
                    "committed offsets not known, trying again"
                ),
            }
            std::thread::park_timeout(AGAIN);
        }
        Err(KafkaError::Canceled)
    }

    /// A numeric offset for each partition, but for those whose topic is gone. What is found is committed at once, so
    /// that an attempt that ends too early leaves less to the next one. Where a `hold` rests on the mark of a drained
    /// partition, the mark is taken away: from now on something may be on its way.
    pub(super) fn resolve<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        committer: &Committer,
        partitions: &[TopicPartition],
        hold: Duration,
        patience: &Patience<'_>,
    ) -> KafkaResult<Vec<Next>> {
        let (mut left, mut offsets) = (partitions.to_vec(), Vec::with_capacity(partitions.len()));
        while !patience.cancel.is_cancelled() {
            if left.is_empty() {
                return Ok(offsets);
            }
            match self.resolve_once(consumer, committer, &left, hold, patience) {
                Ok(Looked { known, new, gone }) => {
                    let found: BTreeSet<_> = known.iter().chain(&new).map(|next| &next.at).chain(&gone).collect();
                    left.retain(|at| !found.contains(at));
                    // Nothing was written of the new ones.
                    let drained = new.into_iter().map(|next| Next { drained: true, ..next });
                    offsets.extend(known.into_iter().chain(drained));
                    if left.is_empty() {
                        continue;
                    }
                    if Instant::now() >= patience.deadline {
                        return Err(LATE);
                    }
                }
                Err(error) if patience.ends_with(&error) => return Err(error),
                Err(error) => warn!(
                    event = "committed_offsets_unknown", %error,
                    "committed offsets not known, trying again"
                ),
            }
            std::thread::park_timeout(AGAIN);
        }
        Err(KafkaError::Canceled)
    }

    /// One look, and the commit of what it has brought.
    fn resolve_once<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        committer: &Committer,
        partitions: &[TopicPartition],
        hold: Duration,
        patience: &Patience<'_>,
    ) -> KafkaResult<Looked> {
        let looked = self.try_look(consumer, partitions, patience)?;
        let marked = looked.known.iter().filter(|next| next.drained && !hold.is_zero());
        let marked = marked.map(|next| Next { drained: false, ..next.clone() });
        let due: Vec<_> = looked.new.iter().cloned().chain(marked).collect();
        if !due.is_empty() {
            committer.commit(due, patience.deadline)?;
        }
        for Next { at, from, .. } in &looked.new {
            info!(
                event = "no_committed_offset", topic = %at.0, partition = at.1, offset = from.offset,
                "no committed offset, reading starts here"
            );
        }
        Ok(looked)
    }

    fn try_look<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        partitions: &[TopicPartition],
        patience: &Patience<'_>,
    ) -> KafkaResult<Looked> {
        let mut looked = Looked::default();
        let mut uncommitted = Vec::new();
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for (topic, partition) in partitions {
            list.add_partition(topic, *partition);
        }
        let committed = consumer.committed_offsets(list, LOOK_UP)?;
        for (element, leader_epoch) in committed.elements().iter().zip(kafka_ffi::leader_epochs(&committed)) {
            let at: TopicPartition = (Arc::from(element.topic()), element.partition());
            match element.error() {
                Ok(()) => {}
                // The group keeps no offset of it, then.
                Err(error) if is_unknown(&error) => {
                    uncommitted.push(at);
                    continue;
                }
                Err(error) => return Err(error),
            }
            match element.offset() {
                Offset::Offset(offset) => {
                    let from = NextOffset { offset, leader_epoch };
                    looked.known.push(Next { at, from, drained: is_drained(element) });
                }
                _ => uncommitted.push(at),
            }
        }
        let side = |at: &TopicPartition| match self.fresh.get(&*at.0) {
            Some(count) if at.1 < *count => Offset::End,
            _ => Offset::Beginning,
        };
        let asked: Vec<_> = uncommitted.iter().map(|at| (at.clone(), side(at))).collect();
        let known = match boundaries::ask(consumer, &asked, patience.deadline) {
            Err(error) if !is_unknown(&error) => return Err(error),
            known => known.unwrap_or_default(),
        };
        let unknown: BTreeSet<_> =
            uncommitted.iter().filter(|at| !known.contains_key(at)).map(|at| at.0.clone()).collect();
        looked.new = known.into_iter().map(|(at, from)| Next { at, from, drained: false }).collect();
        if !unknown.is_empty() {
            let missing = boundaries::missing_topics(&self.clients, &unknown).unwrap_or_default();
            looked.gone = uncommitted.into_iter().filter(|at| missing.contains(&at.0)).collect();
        }
        Ok(looked)
    }
}

impl Patience<'_> {
    fn ends_with(&self, error: &KafkaError) -> bool {
        denial(error).is_some() || Instant::now() >= self.deadline
    }
}

/// With `start = "latest"`: topics without any committed offset. One question for all.
fn fresh<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    start: Start,
    partitions: &BTreeMap<String, i32>,
) -> KafkaResult<BTreeMap<String, i32>> {
    let mut fresh = BTreeMap::new();
    if start == Start::Latest {
        fresh =
            partitions.iter().filter(|(_, count)| **count > 0).map(|(name, count)| (name.clone(), *count)).collect();
    }
    if fresh.is_empty() {
        return Ok(fresh);
    }
    let mut list = TopicPartitionList::new();
    for (topic, count) in &fresh {
        list.add_partition_range(topic, 0, count - 1);
    }
    let committed = consumer.committed_offsets(list, LOOK_UP)?;
    for element in committed.elements() {
        element.error()?;
        if matches!(element.offset(), Offset::Offset(_)) {
            fresh.remove(element.topic());
        }
    }
    Ok(fresh)
}

/// The topic, or the partition, is not there; or no leader of it is known, which librdkafka does not tell from that.
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

/// rdkafka panics where somebody else's tool has put bytes that are no text.
fn is_drained(element: &TopicPartitionListElem<'_>) -> bool {
    catch_unwind(AssertUnwindSafe(|| element.metadata() == DRAINED)).unwrap_or(false)
}
