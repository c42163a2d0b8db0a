//! `sobjectd config`: prints the configuration and its schema to stdout.

use std::io::{self, Write as _};

use anyhow::Result;

use crate::config::{self, Loaded};

/// Prints the effective configuration, as TOML with a comment at each key or as a JSON array.
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

/// Prints a text, with its colours if stdout is a terminal. A reader that closes the pipe early is not an error.
pub(super) fn print(text: &str) -> Result<()> {
    match writeln!(anstream::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
