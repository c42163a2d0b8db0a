//! Whether the daemon keeps its promises while everything around it fails.
//!
//! A run is made of a seed: a real Kafka, the sandbox org, replicas of the daemon, each in a process of its own, a
//! history of changes to produce, and a schedule of faults. When the faults have ended and everything is
//! committed, the judge looks at what is left: the topics, the org's journal and records, the dead letters and the
//! committed offsets. It knows neither the daemon nor the schedule, but for what was interrupted.

mod broker;
mod change;
mod config;
mod fleet;
mod history;
mod inflict;
mod interruptions;
mod judge;
mod kafka;
mod long;
mod memory;
mod moves;
mod native;
mod org;
mod org_faults;
mod plan;
mod replica;
mod run;
mod runs;
mod schedule;
mod setting;
mod transactions;
mod world;

pub use broker::Brokers;
pub use judge::Verdict;
pub use long::Long;
pub use run::{Options, Report, run, run_long};
pub use schedule::{Fault, Schedule};
pub use setting::{Orphans, Protocol};
