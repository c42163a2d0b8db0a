//! Commands that end by themselves.

use std::process::{Command, Output, Stdio};

use super::wait::PATIENCE;

/// Runs a command to its end, and returns what it has printed. Kills it, and fails, after [`PATIENCE`].
pub(crate) async fn output(command: &mut Command) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let kill = format!("kill -KILL {}", child.id());
    let ended = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap());
    let Ok(ended) = tokio::time::timeout(PATIENCE, ended).await else {
        let killed = Command::new("bash").args(["-c", &kill]).status();
        panic!("{command:?} runs on after {PATIENCE:?}; {kill}: {killed:?}");
    };
    ended.unwrap()
}
