//! Checks that the daemon keeps its promises while everything around it fails.
//!
//! A run is made of a seed: a real Kafka, the sandbox org, replicas of the daemon, each in a process of its own, a
//! history of changes to produce, and a schedule of faults. When the faults have ended and everything is committed, the
//! judge looks at what is left: the topics, the org's journal and records, the dead letters and the committed offsets.
//! Of the daemon and the schedule it knows only what was interrupted.
//!
//! | files | role |
//! |---|---|
//! | `options`, `fault`, `action`, `org_faults`, `schedule`, `scenario`, `planned`, `history`, `by_record_id`, `plan`, `long` | what a run does, by its seed: pure |
//! | `broker`, `kafka`, `transactions`, `org`, `config`, `topics`, `world` | what is around the replicas |
//! | `replica`, `fleet`, `memory` | the replicas |
//! | `inject`, `moves` | faults, injected |
//! | `replica_log`, `interruptions`, `source`, `change`, `order_check`, `judge` | the verdict |
//! | `execute` | all steps of a run |

mod action;
mod broker;
mod by_record_id;
mod change;
mod config;
mod execute;
mod fault;
mod fleet;
mod history;
mod inject;
mod interruptions;
mod judge;
mod kafka;
mod long;
mod memory;
mod moves;
mod options;
mod order_check;
mod org;
mod org_faults;
mod plan;
mod planned;
mod replica;
mod replica_log;
mod scenario;
mod schedule;
mod source;
mod topics;
mod transactions;
mod world;

pub use action::{GroupAction, OrgAction};
pub use broker::Brokers;
pub use execute::{Report, execute, execute_long};
pub use fault::Fault;
pub use judge::Verdict;
pub use long::Long;
pub use options::Options;
pub use scenario::{Orphans, Protocol};
pub use schedule::{Schedule, Step};
