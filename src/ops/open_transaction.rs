use std::time::SystemTime;

use serde::{Deserialize, Serialize};

/// A transaction of a producer that is open: nothing of its partition from its first record on can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenTransaction {
    pub topic: String,
    pub partition: i32,
    /// The offset of its first record.
    pub offset: i64,
    /// The number of offsets from that one on.
    pub records: i64,
    /// The time at which it was seen first.
    #[serde(with = "humantime_serde")]
    pub since: SystemTime,
}
