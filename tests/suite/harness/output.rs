//! Commands that end by themselves.

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use super::wait::PATIENCE;

/// Runs a command to its end, and returns what it has printed. Kills it, and fails, after [`PATIENCE`].
pub(crate) async fn output(command: &mut Command) -> Output {
    output_for(command, String::new()).await
}

/// Runs a command as [`output`] does, with this standard input.
pub(super) async fn output_for(command: &mut Command, input: String) -> Output {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{command:?}: {error}; script/setup installs what is missing"));
    let kill = format!("kill -KILL {}", child.id());
    let mut stdin = child.stdin.take().unwrap();
    // A command that fails may not have read all of it, and its status tells.
    std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let ended = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap());
    let Ok(ended) = tokio::time::timeout(PATIENCE, ended).await else {
        let killed = Command::new("bash").args(["-c", &kill]).status();
        panic!("{command:?} runs on after {PATIENCE:?}; {kill}: {killed:?}");
    };
    ended.unwrap()
}
