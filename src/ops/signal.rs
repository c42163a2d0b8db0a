//! SIGTERM and SIGINT: the first asks for a drain, the second does not wait for it. SIGHUP: secrets have changed.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The exit code that a shell reports of a process that SIGTERM has ended.
const IMPATIENT: i32 = 143;

/// Calls `each` at every SIGHUP, which otherwise would end the process.
pub fn on_hangup(each: impl Fn() + Send + 'static) -> io::Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            each();
        }
    });
    Ok(())
}

/// Cancels the token that is returned at the first signal.
#[expect(clippy::print_stderr, reason = "the log would be lost at the exit")]
pub fn cancel_on_signal() -> io::Result<CancellationToken> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    tokio::spawn(async move {
        let mut next = async || tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} };
        next().await;
        token.cancel();
        next().await;
        eprintln!("sobjectd: told to stop again, not draining any longer");
        std::process::exit(IMPATIENT);
    });
    Ok(cancel)
}
