//! Wall time that follows tokio's clock, so that a test with paused time moves the org too.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_millis: u64,
}

impl Clock {
    pub(super) fn new() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), started_millis: since_epoch.as_millis() as u64 }
    }

    /// Milliseconds since the epoch.
    pub(crate) fn now_millis(&self) -> u64 {
        self.started_millis + self.started.elapsed().as_millis() as u64
    }
}
