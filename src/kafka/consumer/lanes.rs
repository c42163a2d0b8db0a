//! The daemon's side of an assignment: what it starts for a partition, and how that ends.

use std::{pin::Pin, sync::Arc};

use futures::Stream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::error::ReadError;
use crate::{record::Record, runtime::progress::Progress};

/// The records of one partition, in order.
pub type PartitionStream = Pin<Box<dyn Stream<Item = Result<Record, ReadError>> + Send>>;

/// Starts a lane for each partition that is assigned.
///
/// Two mappings are kept apart. *Assignment → owner* is the registry of `owners`: each assigned partition has one task,
/// which is drained when the partition is revoked and aborted when it is lost; it knows nothing of records. *Assignment
/// → lane* is this trait: the owner of a partition is a lane, so a queue is split, a stream of records is made of it,
/// and the host starts the lane that reads it.
pub trait LaneHost: Send + Sync + 'static {
    /// Starts a lane as a task. An error says why no lane can take the topic.
    fn start(&self, start: LaneStart) -> Result<JoinHandle<LaneEnd>, String>;

    /// Called after partitions were assigned, with the number of partitions that this process owns now.
    fn assigned(&self, partitions: usize);
}

/// The parameters of a lane's start.
pub struct LaneStart {
    pub topic: Arc<str>,
    pub partition: i32,
    pub records: PartitionStream,
    /// The progress of the lane over settled offsets: the lane updates it, and commits read it.
    pub progress: Arc<Progress>,
    /// Cancelled to make the lane drain.
    pub draining: CancellationToken,
}

/// The way in which a lane ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneEnd {
    /// The lane was told to drain, and nothing of it is in flight.
    Drained,
    Failed,
}
