//! Backoffs and holds: what comes back when its time has come.

use std::collections::HashMap;

use futures::StreamExt as _;
use tokio::time::Instant;
use tokio_util::time::DelayQueue;

use super::backlog::Delayed;
use crate::sink::ticket::Ticket;

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
                Some(expired) => {
                    if let Some(delayed) = self.held.remove(expired.get_ref()) {
                        return delayed;
                    }
                }
                None => std::future::pending().await,
            }
        }
    }

    /// The rows of which `wanted` says so, before their time.
    pub(super) fn take_rows(&mut self, wanted: impl Fn(&Ticket) -> bool) -> Vec<Ticket> {
        let wanted = |_: &u64, delayed: &mut Delayed| matches!(delayed, Delayed::Row(ticket) if wanted(ticket));
        let mut taken: Vec<_> = self.held.extract_if(wanted).collect();
        // In the order in which they came.
        taken.sort_unstable_by_key(|(number, _)| *number);
        let row = |(_, delayed)| match delayed {
            Delayed::Row(ticket) => Some(*ticket),
            Delayed::Group(_) | Delayed::Parent(_) => None,
        };
        taken.into_iter().filter_map(row).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(super) fn sweep(&mut self) {
        self.held.retain(|_, delayed| delayed.sweep());
    }
}
