use serde::{Deserialize, Serialize};

/// API calls of the org in 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DailyCalls {
    pub used: u64,
    pub max: u64,
}
