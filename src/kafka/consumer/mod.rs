//! The consumer of a group: from the subscription to the streams of records, and back from what is settled to commits.

pub(crate) mod boundaries;
pub(crate) mod commit;
mod commit_errors;
mod fetcher;
mod lag;
mod lease_watch;
mod left_out;
mod lists;
mod lost_offsets;
mod metadata_refresh;
mod open_transactions;
mod partition;
mod poll_thread;
mod rebalance;
mod start_offsets;
mod subscription;

pub use partition::{PartitionStream, SourceError};
pub use poll_thread::{Consumer, ConsumerError, Settings};
pub use rebalance::{LaneStart, Lanes};
