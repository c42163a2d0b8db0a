//! Sample data for trying the daemon: records of all operations, good and deliberately bad, and what must become of
//! each.
//!
//! What is expected is worked out here, record by record, while they are made up: it knows nothing of the daemon.

mod generate;
mod kafka;
mod verify;

pub use generate::{Expected, Sample, SampleRecord};
pub use kafka::{DeadLetter, SampleError, by_cause, read_dead_letters};

/// The topics of the sample, with their partitions: `Contact` by external id, plain inserts of `MyObject__c`, and what
/// is rejected.
pub const CONTACTS: (&str, i32) = ("crm.contacts", 6);
pub const READINGS: (&str, i32) = ("crm.readings", 3);
pub const DEAD_LETTERS: (&str, i32) = ("crm.dead-letters", 1);
