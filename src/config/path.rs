//! Paths of keys, such as `kafka.group_id` and `routes[0].topic`, and what has set a key.

use std::{fmt, path::PathBuf};

use serde::Serialize;

/// What has set a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Default,
    File { path: PathBuf, line: usize },
    Environment { variable: String },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment { variable } => write!(f, "environment {variable}"),
        }
    }
}

/// Returns the path of the key `name` in the table at `parent`. A name that is not a bare TOML key is quoted.
pub(super) fn join(parent: &str, name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    match (parent, bare) {
        ("", true) => name.to_owned(),
        ("", false) => format!("{name:?}"),
        (_, true) => format!("{parent}.{name}"),
        (_, false) => format!("{parent}.{name:?}"),
    }
}

/// Returns the path of the element `index` of the list at `parent`.
pub(super) fn element(parent: &str, index: usize) -> String {
    format!("{parent}[{index}]")
}
