//! Where reading starts.
//!
//! At the group's committed offset. A partition without one begins where `kafka.start` says, if its topic had no
//! committed offset at all when this process looked before it joined; else it appeared while the group was running, and
//! begins at the earliest. What is found is committed before the first record is read.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::{KafkaError, KafkaResult},
    topic_partition_list::TopicPartitionListElem,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    commit::{Committer, DRAINED, Next, TopicPartition},
    denial::denial,
};
use crate::config::Start;

/// How long one look-up may take before it is tried again.
const LOOK_UP: Duration = Duration::from_secs(3);
/// Between two attempts.
const AGAIN: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(super) struct Positions {
    /// With `start = "latest"`: topics without any committed offset, and how many partitions they had.
    fresh: BTreeMap<String, i32>,
}

impl Positions {
    /// Looks before the group is joined, until `deadline`. `partitions`: the partition count of each subscribed topic.
    pub(super) fn look<C: ConsumerContext>(
        consumer: &BaseConsumer<C>,
        start: Start,
        partitions: &BTreeMap<String, i32>,
        deadline: Instant,
    ) -> KafkaResult<Self> {
        loop {
            match Self::try_look(consumer, start, partitions) {
                Err(error) if denial(&error).is_none() && Instant::now() < deadline => {
                    warn!(%error, "committed offsets not known, trying again");
                    std::thread::park_timeout(AGAIN);
                }
                looked => return looked,
            }
        }
    }

    fn try_look<C: ConsumerContext>(
        consumer: &BaseConsumer<C>,
        start: Start,
        partitions: &BTreeMap<String, i32>,
    ) -> KafkaResult<Self> {
        let mut fresh = BTreeMap::new();
        if start == Start::Latest {
            for (topic, count) in partitions.iter().filter(|(_, count)| **count > 0) {
                let mut list = TopicPartitionList::new();
                list.add_partition_range(topic, 0, count - 1);
                let committed = consumer.committed_offsets(list, LOOK_UP)?;
                committed.elements().iter().try_for_each(TopicPartitionListElem::error)?;
                if committed.elements().iter().all(|element| !matches!(element.offset(), Offset::Offset(_))) {
                    fresh.insert(topic.clone(), *count);
                }
            }
        }
        Ok(Self { fresh })
    }

    /// A numeric offset for each partition. Where a `hold` rests on the mark of a drained one, it is taken away: from
    /// now on something may be on its way. What fails is tried again until `deadline`, or until the daemon is to stop.
    pub(super) fn resolve<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        committer: &Committer,
        partitions: &[TopicPartition],
        deadline: Instant,
        hold: Duration,
        cancel: &CancellationToken,
    ) -> KafkaResult<Vec<Next>> {
        while !cancel.is_cancelled() {
            match self.try_resolve(consumer, partitions) {
                Ok((known, new)) => {
                    // Nobody has written anything of the new ones.
                    let drained = |new: &Next| Next { drained: true, ..new.clone() };
                    let marked = known.iter().filter(|next| next.drained && !hold.is_zero());
                    let marked: Vec<_> = marked.map(|next| Next { drained: false, ..next.clone() }).collect();
                    let offsets = known.into_iter().chain(new.iter().map(drained)).collect();
                    let due: Vec<_> = new.into_iter().chain(marked).collect();
                    if due.is_empty() {
                        return Ok(offsets);
                    }
                    match committer.commit(due, deadline) {
                        Ok(()) => return Ok(offsets),
                        Err(error) if denial(&error).is_some() || Instant::now() >= deadline => return Err(error),
                        Err(_) => {}
                    }
                }
                Err(error) if denial(&error).is_some() || Instant::now() >= deadline => return Err(error),
                Err(error) => warn!(%error, "committed offsets not known, trying again"),
            }
            std::thread::park_timeout(AGAIN);
        }
        Err(KafkaError::Canceled)
    }

    /// Partitions with a committed offset, and those without.
    fn try_resolve<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        partitions: &[TopicPartition],
    ) -> KafkaResult<(Vec<Next>, Vec<Next>)> {
        let (mut known, mut new) = (Vec::new(), Vec::new());
        if partitions.is_empty() {
            return Ok((known, new));
        }
        let mut list = TopicPartitionList::new();
        for (topic, partition) in partitions {
            list.add_partition(topic, *partition);
        }
        for element in consumer.committed_offsets(list, LOOK_UP)?.elements() {
            element.error()?;
            let at: TopicPartition = (Arc::from(element.topic()), element.partition());
            if let Offset::Offset(offset) = element.offset() {
                known.push(Next { at, offset, drained: is_drained(&element) });
                continue;
            }
            let (low, high) = consumer.fetch_watermarks(&at.0, at.1, LOOK_UP)?;
            let latest = self.fresh.get(&*at.0).is_some_and(|count| at.1 < *count);
            let offset = if latest { high } else { low };
            info!(topic = %at.0, partition = at.1, offset, "no committed offset, reading starts here");
            new.push(Next { at, offset, drained: false });
        }
        Ok((known, new))
    }
}

/// rdkafka panics where somebody else's tool has put bytes that are no text.
fn is_drained(element: &TopicPartitionListElem<'_>) -> bool {
    catch_unwind(AssertUnwindSafe(|| element.metadata() == DRAINED)).unwrap_or(false)
}
