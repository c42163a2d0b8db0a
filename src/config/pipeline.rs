//! `[pipeline]`, `[retry]` and `[cache]`: how much is in flight, how large a call is, how long one is repeated.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::size;

/// Budget and batches.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pipeline {
    pub max_in_flight_rows: usize,
    #[serde(with = "size")]
    pub max_in_flight_bytes: usize,
    /// A larger record is a dead letter, whatever would be made of it.
    #[serde(with = "size")]
    pub max_record_bytes: usize,
    /// A larger row is a dead letter, once it is built.
    #[serde(with = "size")]
    pub max_row_bytes: usize,
    /// 1 to 200: Salesforce takes no more in one call.
    pub batch_rows: usize,
    #[serde(with = "size")]
    pub batch_bytes: usize,
    /// How long a batch that is not full waits for more rows.
    #[serde(with = "humantime_serde")]
    pub linger: Duration,
    pub insert_unknown: InsertUnknown,
}

/// What becomes of a plain insert whose result is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InsertUnknown {
    /// It is sent again, and may double.
    #[default]
    Retry,
    /// It is rejected: whether the record was made, a person must find out.
    DeadLetter,
}

impl Default for Pipeline {
    fn default() -> Self {
        Self {
            max_in_flight_rows: 2_000,
            max_in_flight_bytes: 16 << 20,
            max_record_bytes: 16 << 20,
            max_row_bytes: 4 << 20,
            batch_rows: 200,
            batch_bytes: 1 << 20,
            linger: Duration::from_millis(100),
            insert_unknown: InsertUnknown::Retry,
        }
    }
}

/// Repeats.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// The failures of one call, while others succeed, after which it is halved.
    pub max_attempts: u32,
    #[serde(with = "humantime_serde")]
    pub initial_backoff: Duration,
    #[serde(with = "humantime_serde")]
    pub max_backoff: Duration,
    /// How long a row is retried when the org asks for it (row locks); zero is without limit.
    #[serde(with = "humantime_serde")]
    pub row_timeout: Duration,
    /// How long a row waits for a parent that the org does not have yet; zero rejects it at once.
    #[serde(with = "humantime_serde")]
    pub missing_parent_wait: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            initial_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(30),
            row_timeout: Duration::from_secs(15 * 60),
            missing_parent_wait: Duration::from_secs(5 * 60),
        }
    }
}

/// Record ids by external id.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    pub max_entries: u64,
    #[serde(with = "humantime_serde")]
    pub ttl: Duration,
}

impl Default for Cache {
    fn default() -> Self {
        Self { max_entries: 10_000, ttl: Duration::from_secs(5 * 60) }
    }
}
