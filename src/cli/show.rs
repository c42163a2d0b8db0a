//! `sobjectd config`: results go to stdout, for people and for programs.

use std::io::{self, Write as _};

use anyhow::Result;

use crate::config::{self, Loaded};

/// TOML with a comment at each key, or a JSON array.
pub(super) fn effective(loaded: &Loaded, json: bool) -> Result<()> {
    let effective = loaded.effective();
    if json {
        return print(&serde_json::to_string_pretty(&effective.settings)?);
    }
    print(effective.to_string().trim())
}

pub(super) fn schema() -> Result<()> {
    print(&serde_json::to_string_pretty(&config::json_schema())?)
}

/// With its colours on a terminal alone. A reader that has seen enough is no failure.
pub(super) fn print(text: &str) -> Result<()> {
    match writeln!(anstream::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
