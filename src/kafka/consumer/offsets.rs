//! The offsets of partitions: which partitions this process owns, the offset from which each is read on, and the mark
//! beside a committed offset.

use std::{collections::BTreeMap, fmt, sync::Arc};

use parking_lot::{Mutex, MutexGuard};

use crate::runtime::progress::{NextOffset, Progress};

/// A topic, and the number of one of its partitions.
pub(crate) type TopicPartition = (Arc<str>, i32);

/// The offset from which a partition is read on, as it is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommitOffset {
    pub(crate) at: TopicPartition,
    pub(crate) next: NextOffset,
    pub(crate) mark: Mark,
}

/// The metadata that the group keeps beside a committed offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Something of the last owner may still be in flight. Also what another tool has written there.
    None,
    /// The last owner has drained the partition. Nothing of it is in flight, so the next owner need not wait.
    Drained,
}

/// The next offset of every partition that this process owns. Cheap to clone; all clones share one map.
#[derive(Debug, Clone, Default)]
pub(super) struct AssignedOffsets(Arc<Mutex<BTreeMap<TopicPartition, Arc<Progress>>>>);

impl CommitOffset {
    pub(super) fn new(at: &TopicPartition, next: impl Into<NextOffset>, mark: Mark) -> Self {
        Self { at: at.clone(), next: next.into(), mark }
    }
}

impl Mark {
    const DRAINED: &str = "drained";

    pub(super) fn parse(metadata: &str) -> Self {
        if metadata == Self::DRAINED { Self::Drained } else { Self::None }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "",
            Self::Drained => Self::DRAINED,
        })
    }
}

impl AssignedOffsets {
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<TopicPartition, Arc<Progress>>> {
        self.0.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_parsed_as_it_is_displayed_and_unknown_metadata_is_no_mark() {
        for (metadata, mark) in [("", Mark::None), ("drained", Mark::Drained)] {
            assert_eq!((Mark::parse(metadata), mark.to_string().as_str()), (mark, metadata));
        }
        for unknown in ["Drained", "drained ", "job 7", "{}"] {
            assert_eq!(Mark::parse(unknown), Mark::None, "{unknown}");
        }
    }
}
