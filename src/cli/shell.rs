//! Completions for shells, and manual pages.

use std::path::Path;

use anyhow::{Context as _, Result};
use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{args::Cli, show};

/// Prints the completions of a shell to stdout.
pub(super) fn completions(shell: Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sobjectd", &mut script);
    show::print(&String::from_utf8(script)?)
}

/// Writes a manual page for the program and one for each command into the folder `dir`.
pub(super) fn man(dir: &Path) -> Result<()> {
    let written = std::fs::create_dir_all(dir).and_then(|()| clap_mangen::generate_to(Cli::command(), dir));
    written.with_context(|| dir.display().to_string())
}
