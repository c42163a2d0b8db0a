//! Rows that may share a call with any other of their key, first come, first served.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use super::{backlog::Group, sizes::Sizes};
use crate::{
    pipeline::{BatchKey, ticket::Ticket},
    record::Command,
};

#[derive(Debug)]
pub(super) struct Queues {
    pub(super) sizes: Sizes,
    bytes: usize,
    linger: Duration,
    by_key: HashMap<BatchKey, Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    rows: VecDeque<(Instant, Ticket)>,
    bytes: usize,
}

impl Queues {
    pub(super) fn new(rows: usize, bytes: usize, linger: Duration) -> Self {
        Self { sizes: Sizes::new(rows), bytes, linger, by_key: HashMap::new() }
    }

    pub(super) fn push(&mut self, ticket: Ticket) {
        let queue = self.by_key.entry(key(&ticket.command)).or_default();
        queue.bytes += ticket.command.row_len();
        queue.rows.push_back((Instant::now(), ticket));
    }

    /// When the next call is due: at once if it is full, else when its oldest row has lingered.
    pub(super) fn due(&self) -> Option<Instant> {
        self.by_key.iter().filter_map(|(key, queue)| self.due_of(key, queue)).min()
    }

    fn due_of(&self, key: &BatchKey, queue: &Queue) -> Option<Instant> {
        let (since, _) = queue.rows.front()?;
        let full = queue.rows.len() >= self.sizes.of(key) || queue.bytes >= self.bytes;
        Some(if full { *since } else { *since + self.linger })
    }

    /// The rows of the call that is due first; `early` takes them also before they have lingered.
    pub(super) fn take(&mut self, early: bool) -> Option<Group> {
        let due = |key: &BatchKey, queue: &Queue| self.due_of(key, queue).filter(|due| early || *due <= Instant::now());
        let (_, key) =
            self.by_key.iter().filter_map(|(key, queue)| Some((due(key, queue)?, key))).min_by_key(|(due, _)| *due)?;
        let key = key.clone();
        let rows = self.sizes.of(&key);
        let queue = self.by_key.get_mut(&key)?;
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while let Some((_, ticket)) = queue.rows.front() {
            let len = ticket.command.row_len();
            if taken.len() == rows || (!taken.is_empty() && bytes + len > self.bytes) {
                break;
            }
            bytes += len;
            taken.extend(queue.rows.pop_front().map(|(_, ticket)| ticket));
        }
        queue.bytes -= bytes;
        self.sizes.taken(&key, taken.len());
        if queue.rows.is_empty() {
            self.by_key.remove(&key);
        }
        Some(Group::new(key, taken))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Throws away what nobody waits for any more.
    pub(super) fn sweep(&mut self) {
        self.by_key.retain(|_, queue| {
            queue.rows.retain(|(_, ticket)| !ticket.is_closed());
            queue.bytes = queue.rows.iter().map(|(_, ticket)| ticket.command.row_len()).sum();
            !queue.rows.is_empty()
        });
    }
}

fn key(command: &Command) -> BatchKey {
    BatchKey {
        action: command.action,
        sobject: command.sobject.name.clone(),
        key_field: command.target.as_ref().and_then(|target| target.key_field()).cloned(),
        options: command.options.clone(),
    }
}
