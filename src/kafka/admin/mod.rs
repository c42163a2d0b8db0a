//! Requests to the cluster beside the consumer's and the producers': its topics, the group's offsets, the dead-letter
//! topic.

mod inspect;
mod topics;

pub use inspect::{Committed, DeadLetterTopicState, GroupError, OutOfRange, check_clients, fetch_committed};
pub use topics::{DeadLetterTopic, Topics};
