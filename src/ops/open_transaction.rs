use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// A transaction of a producer that is open: nothing of its partition from its first record on can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenTransaction {
    pub topic: String,
    pub partition: i32,
    /// That of its first record.
    pub offset: i64,
    /// How many offsets there are from that one on.
    pub records: i64,
    /// When it was seen first.
    #[serde(with = "humantime_serde")]
    pub since: SystemTime,
}
