//! Backoffs and holds: what comes back when its time has come.

use std::collections::HashMap;

use futures::StreamExt as _;
use tokio::time::Instant;
use tokio_util::time::DelayQueue;

use super::backlog::Delayed;

/// A delay queue can be asked for what is due, but not for what it holds: that lies beside it, so that it can be swept.
#[derive(Debug, Default)]
pub(super) struct Delays {
    queue: DelayQueue<u64>,
    held: HashMap<u64, Delayed>,
    next: u64,
}

impl Delays {
    pub(super) fn push(&mut self, delayed: Delayed, at: Instant) {
        self.held.insert(self.next, delayed);
        self.queue.insert_at(self.next, at);
        self.next += 1;
    }

    /// The next thing that is due; never, if nothing is held. Cancel-safe.
    pub(super) async fn next(&mut self) -> Delayed {
        loop {
            match self.queue.next().await {
                // What was swept meanwhile is passed over.
                Some(expired) => match self.held.remove(expired.get_ref()) {
                    Some(delayed) => return delayed,
                    None => continue,
                },
                None => std::future::pending().await,
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(super) fn sweep(&mut self) {
        self.held.retain(|_, delayed| delayed.sweep());
    }
}
