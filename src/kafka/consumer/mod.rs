//! The consumer of a group: from the subscription to the streams of records, and back from what is settled to commits.
//!
//! ```text
//! subscription ─► rebalance ─► start_offsets ─► owners ─► partition ─► the lane's stream of records
//!                    │                                                        │
//!                 poll_thread, which all of this runs on                      ▼
//! commit ◄── commit_schedule ◄── offsets ◄──────────────────── progress of what is settled
//! ```

mod error;
mod settings;

pub(crate) mod boundaries;
mod commit;
mod commit_errors;
mod commit_schedule;
mod fetcher;
mod lag;
mod lanes;
mod lease_watch;
mod lists;
mod lost_offsets;
mod metadata_refresh;
mod missing_topics;
mod observer;
pub(crate) mod offsets;
mod open_transactions;
mod owners;
mod partition;
mod poll_thread;
mod rebalance;
mod start_offsets;
mod static_member;
mod subscription;

pub use error::{ConsumerError, ReadError};
pub use lanes::{LaneEnd, LaneHost, LaneStart, PartitionStream};
pub use observer::{ConsumerObserver, OpenTransaction, WaitGuard};
pub use poll_thread::Consumer;
pub use settings::ConsumerSettings;
