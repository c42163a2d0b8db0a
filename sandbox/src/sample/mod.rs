//! Sample data for trying the daemon: records of all operations, good and deliberately bad, and the outcome that each
//! must have.
//!
//! The expected outcomes are computed here, record by record, while the records are generated: without the daemon.

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
