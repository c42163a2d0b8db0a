//! `[log]`: the log on stderr.

use serde::{Deserialize, Serialize};

/// Format and level of the log, and whether it may quote records.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    pub format: LogFormat,
    /// Level, or filter such as `info,sobjectd::salesforce=debug`.
    pub level: String,
    /// Whether lines may quote values of records, as Salesforce's messages do.
    pub values: bool,
}

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned(), values: true }
    }
}
