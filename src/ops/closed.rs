use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// The reason why a part of the work is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum ClosedReason {
    /// The org, or something before it, refuses all calls of an SObject, operation and key field.
    Refused,
    /// The org does not take some records for now.
    Parked,
    /// The org has no room for new records.
    Storage,
    /// The breaker of a route is open.
    Breaker,
}

/// A part of the work that waits while the rest goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// The place, as `upsert Contact by Ext__c`, or the route.
    pub what: String,
    pub reason: ClosedReason,
    pub why: String,
    /// What an operator can do.
    pub hint: String,
    #[serde(with = "humantime_serde")]
    pub since: SystemTime,
}

impl ClosedReason {
    /// The label in metrics.
    pub fn word(self) -> &'static str {
        self.into()
    }
}
