//! Stops the daemon when a part of it cannot go on: the daemon drains, commits what is settled, and exits with 1.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

/// Stops the daemon, with a reason. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    reason: Arc<OnceLock<String>>,
    token: CancellationToken,
}

impl Stop {
    /// Stops the daemon. The first reason is kept.
    pub fn now(&self, reason: impl Into<String>) {
        // A second reason follows from the first.
        drop(self.reason.set(reason.into()));
        self.token.cancel();
    }

    /// Waits until the daemon is to stop.
    pub async fn stopped(&self) {
        self.token.cancelled().await;
    }

    pub fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }
}
