//! `[dead_letter]`: where rejected records go, and what happens if they cannot go there.

use serde::{Deserialize, Serialize};

/// The dead-letter topic, and what happens to records that it cannot take.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeadLetter {
    /// The dead-letter topic; without one, `on_rejection` decides.
    pub topic: Option<String>,
    /// The number of partitions of a topic that has to be created.
    pub partitions: i32,
    /// The replication factor of a topic that has to be created; -1 is the broker's default.
    pub replication_factor: i32,
    pub too_large: TooLarge,
    pub on_rejection: OnRejection,
}

/// What happens to a dead letter that is larger than its topic allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TooLarge {
    /// The daemon drains, commits the prefix and ends; it does so again at each start.
    Stop,
    /// The letter goes without its value. It keeps the position of the record and the reason of the rejection.
    #[default]
    Reference,
}

/// What happens to a rejected record if no dead-letter topic is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnRejection {
    /// The daemon drains, commits the prefix and ends, as a failed Connect task does.
    #[default]
    Stop,
    /// The record is logged, counted and skipped.
    Skip,
}

impl Default for DeadLetter {
    fn default() -> Self {
        Self {
            topic: None,
            partitions: 1,
            replication_factor: -1,
            too_large: TooLarge::Reference,
            on_rejection: OnRejection::Stop,
        }
    }
}
