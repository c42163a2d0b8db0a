//! Partitions that are ours and have no lane, since their topic was gone when they were assigned.
//!
//! The group takes them back when librdkafka sees that the topic does not exist. If the topic is created again before
//! that, librdkafka sees nothing; so the poll thread looks for them again.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use tracing::warn;

use super::offsets::{CommitOffset, TopicPartition};

#[derive(Debug, Default)]
pub(super) struct MissingTopics(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    partitions: Vec<TopicPartition>,
    checked: Option<Instant>,
}

/// The time between two checks whether the topics exist again.
const INTERVAL: Duration = Duration::from_secs(10);

impl MissingTopics {
    /// Leaves out those of the partitions just assigned that have no offset among `offsets`: their topic is gone.
    pub(super) fn update(&self, assigned: &[TopicPartition], offsets: &[CommitOffset]) {
        let found: BTreeSet<_> = offsets.iter().map(|offset| &offset.at).collect();
        let gone: Vec<_> = assigned.iter().filter(|at| !found.contains(at)).cloned().collect();
        let mut state = self.0.lock();
        // They may have been left out before: an assignment can come without a revoke.
        state.partitions.retain(|at| !assigned.contains(at));
        if gone.is_empty() {
            return;
        }
        warn!(
            event = "topic_gone", partitions = ?gone,
            "assigned partitions have no topic any more, they are not read until it exists again"
        );
        state.partitions.extend(gone);
        state.checked = Some(Instant::now());
    }

    /// The partitions that are to be looked for now, if it is time to do so.
    pub(super) fn due(&self) -> Vec<TopicPartition> {
        let mut state = self.0.lock();
        let is_due = state.checked.is_none_or(|checked| checked.elapsed() >= INTERVAL);
        if state.partitions.is_empty() || !is_due {
            return Vec::new();
        }
        state.checked = Some(Instant::now());
        state.partitions.clone()
    }

    /// Forgets partitions that are read now, or not ours any more.
    pub(super) fn forget<'a>(&self, partitions: impl IntoIterator<Item = &'a TopicPartition>) {
        let gone: BTreeSet<_> = partitions.into_iter().collect();
        self.0.lock().partitions.retain(|at| !gone.contains(at));
    }
}
