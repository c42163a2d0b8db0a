//! Partitions that are ours and have no lane, since their topic was gone when they were assigned.
//!
//! The group takes them back when librdkafka sees that the topic is not there. If the topic is made again before that, it
//! sees nothing; so they are looked for again.

use std::{
    collections::BTreeSet,
    sync::{MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{
    consumer::{BaseConsumer, Consumer as _, RebalanceProtocol},
    error::KafkaResult,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::{
    commit::{Next, TopicPartition},
    fetcher,
    rebalance::Context,
};

#[derive(Debug, Default)]
pub(super) struct LeftOut {
    pub(super) partitions: Vec<TopicPartition>,
    looked: Option<Instant>,
}

/// Between two looks.
const AGAIN: Duration = Duration::from_secs(10);
/// For the commit of where they begin.
const COMMIT: Duration = Duration::from_secs(5);

impl Context {
    pub(super) fn left_out(&self) -> MutexGuard<'_, LeftOut> {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves out those of the partitions just assigned that have no offset among `offsets`: their topic is gone.
    pub(super) fn leave_out(&self, partitions: &[TopicPartition], offsets: &[Next]) {
        // They may have been left out before: an assignment can come without a revoke.
        self.left_out().partitions.retain(|at| !partitions.contains(at));
        let found: BTreeSet<_> = offsets.iter().map(|next| &next.at).collect();
        let gone: Vec<_> = partitions.iter().filter(|at| !found.contains(at)).cloned().collect();
        if gone.is_empty() {
            return;
        }
        warn!(
            event = "topic_gone", partitions = ?gone,
            "assigned partitions have no topic any more, they are left out"
        );
        let mut left_out = self.left_out();
        left_out.partitions.extend(gone);
        left_out.looked = Some(Instant::now());
    }

    /// Takes the partitions whose topics are there again. To be called between two polls.
    pub(super) fn take_left_out(&self, consumer: &BaseConsumer<Self>) {
        let partitions = {
            let mut left_out = self.left_out();
            let is_due = left_out.looked.is_none_or(|looked| looked.elapsed() >= AGAIN);
            // An eager assignor shares everything anew, and adds nothing.
            if left_out.partitions.is_empty()
                || !is_due
                || matches!(consumer.rebalance_protocol(), RebalanceProtocol::Eager)
            {
                return;
            }
            left_out.looked = Some(Instant::now());
            left_out.partitions.clone()
        };
        let offsets = match self.resolve(consumer, &partitions, Instant::now() + COMMIT) {
            Ok(offsets) => offsets,
            Err(error) => {
                debug!(%error, ?partitions, "not known yet whether the topics are there again, asked again later");
                return;
            }
        };
        match self.take(consumer, &offsets) {
            Ok(()) => {
                for Next { at, from, .. } in &offsets {
                    info!(
                        event = "topic_back", topic = %at.0, partition = at.1, offset = from.offset,
                        "the topic is there again, reading starts"
                    );
                }
                self.left_out().partitions.retain(|at| offsets.iter().all(|next| next.at != *at));
            }
            Err(error) if self.cancel.is_cancelled() => debug!(%error, "told to stop"),
            Err(error) => {
                error!(
                    event = "partitions_not_added", %error, ?partitions,
                    "partitions that were left out cannot be read"
                );
                self.stop(format!("partitions that were left out cannot be read: {error}"));
            }
        }
    }

    /// Adds partitions to what the consumer has, outside of a rebalance.
    pub(super) fn take(&self, consumer: &BaseConsumer<Self>, offsets: &[Next]) -> KafkaResult<()> {
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
