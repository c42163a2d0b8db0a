//! How a part of the daemon says that it cannot go on: the daemon drains, commits what is settled, and exits with 1.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

#[derive(Debug, Clone, Default)]
pub struct Stop {
    reason: Arc<OnceLock<String>>,
    token: CancellationToken,
}

impl Stop {
    /// The first reason counts.
    pub fn now(&self, reason: impl Into<String>) {
        // A second reason follows from the first.
        drop(self.reason.set(reason.into()));
        self.token.cancel();
    }

    pub async fn stopped(&self) {
        self.token.cancelled().await;
    }

    pub fn reason(&self) -> Option<&str> {
        self.reason.get().map(String::as_str)
    }
}
