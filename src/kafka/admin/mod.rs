//! Questions to the cluster, and the topics that the daemon creates.

mod inspect;
mod topics;

pub use inspect::{Committed, GroupError, Letters, OutOfRange, clients_fit, committed};
pub use topics::{LETTER_HEADERS, Topics};
