//! `[log]`: what goes to stderr.

use serde::{Deserialize, Serialize};

/// Logs, to stderr.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    pub format: LogFormat,
    /// A level or a filter such as `info,sobjectd::salesforce=debug`.
    pub level: String,
    /// Whether lines may quote what records hold, as Salesforce's messages do.
    pub values: bool,
}

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
