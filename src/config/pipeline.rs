//! `[pipeline]`, `[retry]` and `[cache]`: limits of memory and of one call, retries, and the cache of record ids.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::size;

/// The budget of records in flight, and the limits of one call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pipeline {
    /// Limit of records in flight, from reading to outcome: of those that are ready or on the wire, and as many again that
    /// wait for something.
    pub max_in_flight_rows: usize,
    /// Limit of the bytes of records in flight: key, value, headers and about 1 KiB each.
    #[serde(with = "size")]
    pub max_in_flight_bytes: usize,
    /// Largest record (key, value and headers, uncompressed). A larger one is a dead letter.
    #[serde(with = "size")]
    pub max_record_bytes: usize,
    /// Largest row, without the fields that are left out. A larger one is a dead letter.
    #[serde(with = "size")]
    pub max_row_bytes: usize,
    /// Most rows in one call, 1 to 200. Salesforce takes no more.
    pub batch_rows: usize,
    /// Most bytes in one call. A larger row is sent alone.
    #[serde(with = "size")]
    pub batch_bytes: usize,
    /// How long a batch that is not full waits for more rows.
    #[serde(with = "humantime_serde")]
    pub linger: Duration,
    pub insert_unknown: InsertUnknown,
}

/// What happens to a plain insert whose result is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InsertUnknown {
    /// The insert is sent again, which may create the record twice.
    #[default]
    Retry,
    /// The insert is rejected. An operator must find out whether the record was created.
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

/// Retries of calls and rows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Number of failures of one call, while others succeed, after which it is halved.
    pub max_attempts: u32,
    /// Backoff before the first retry. It doubles with each attempt, with 50–100 % jitter.
    #[serde(with = "humantime_serde")]
    pub initial_backoff: Duration,
    /// Longest backoff.
    #[serde(with = "humantime_serde")]
    pub max_backoff: Duration,
    /// How long a row is retried when the org asks for it (row locks); zero means without limit.
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

/// The cache of record ids by external id.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cache {
    /// Number of record ids that are kept; 0 disables the cache.
    pub max_entries: u64,
    /// How long an UPDATE uses a cached id.
    #[serde(with = "humantime_serde")]
    pub ttl: Duration,
}

impl Default for Cache {
    fn default() -> Self {
        Self { max_entries: 10_000, ttl: Duration::from_secs(5 * 60) }
    }
}
