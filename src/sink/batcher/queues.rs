//! Rows that may share a call with any other of their key, first come, first served; but children of one parent go
//! together, and never while others of them are on the wire.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    backlog::Group,
    families::Families,
    parents::{self, Hold, Parents},
    sizes::Sizes,
};
use crate::{
    record::{BatchKey, Command, GateKey},
    sink::ticket::Ticket,
};

#[derive(Debug)]
pub(super) struct Queues {
    pub(super) sizes: Sizes,
    pub(super) parents: Parents,
    bytes: usize,
    linger: Duration,
    by_key: HashMap<BatchKey, Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    /// Without a parent.
    rows: VecDeque<(Instant, Ticket)>,
    bytes: usize,
    families: Families,
}

/// A call in the making.
pub(super) struct Draft {
    pub(super) rows: Vec<Ticket>,
    bytes: usize,
    max_rows: usize,
    max_bytes: usize,
    /// A row was left for the next one.
    full: bool,
}

impl Queues {
    pub(super) fn new(rows: usize, bytes: usize, linger: Duration, timeout: Duration) -> Self {
        Self { sizes: Sizes::new(rows, timeout), parents: Parents::new(rows), bytes, linger, by_key: HashMap::new() }
    }

    pub(super) fn push(&mut self, ticket: Ticket) {
        let queue = self.by_key.entry(key(&ticket.command)).or_default();
        if let Some(parent) = ticket.command.parent.clone() {
            let held = self.parents.is_held(&parent);
            return queue.families.push(parent, ticket, held);
        }
        queue.bytes += ticket.command.row_len();
        queue.rows.push_back((Instant::now(), ticket));
    }

    /// When the next call is due: at once if it is full, else when its oldest row has lingered.
    pub(super) fn due(&self) -> Option<Instant> {
        self.by_key.iter().filter_map(|(key, queue)| self.due_of(key, queue)).min()
    }

    fn due_of(&self, key: &BatchKey, queue: &Queue) -> Option<Instant> {
        let since = queue.since()?;
        let (rows, bytes) = (queue.rows.len() + queue.families.rows, queue.bytes + queue.families.bytes);
        let full = rows >= self.sizes.of(key) || bytes >= self.bytes;
        Some(if full { since } else { since + self.linger })
    }

    /// The rows of the call that is due first; `early` takes them also before they have lingered. Their parents are
    /// held as [`Hold::Sent`].
    pub(super) fn take(&mut self, early: bool) -> Option<Group> {
        let due = |key: &BatchKey, queue: &Queue| self.due_of(key, queue).filter(|due| early || *due <= Instant::now());
        let (_, key) =
            self.by_key.iter().filter_map(|(key, queue)| Some((due(key, queue)?, key))).min_by_key(|(due, _)| *due)?;
        let key = key.clone();
        let queue = self.by_key.get_mut(&key)?;
        let draft = Draft::new(self.sizes.of(&key), self.bytes);
        let taken = queue.draw(draft, &self.parents);
        self.sizes.taken(&key, taken.len());
        if queue.is_empty() {
            self.by_key.remove(&key);
        }
        self.hold(&taken, Hold::Sent);
        Some(Group::new(key, taken))
    }

    /// Other children of these rows' parents are passed over until each of the rows is released.
    pub(super) fn hold(&mut self, rows: &[Ticket], hold: Hold) {
        parents::of(rows).for_each(|parent| self.hold_parent(parent, hold));
    }

    pub(super) fn release(&mut self, rows: &[Ticket], hold: Hold) {
        parents::of(rows).for_each(|parent| self.release_parent(parent, hold));
    }

    pub(super) fn hold_parent(&mut self, parent: &GateKey, hold: Hold) {
        if self.parents.hold(parent, hold) {
            self.by_key.values_mut().for_each(|queue| queue.families.hold(parent));
        }
    }

    pub(super) fn release_parent(&mut self, parent: &GateKey, hold: Hold) {
        if self.parents.release(parent, hold) {
            self.by_key.values_mut().for_each(|queue| queue.families.release(parent));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Throws away what nobody waits for any more.
    pub(super) fn sweep(&mut self) {
        self.by_key.retain(|_, queue| {
            queue.rows.retain(|(_, ticket)| !ticket.is_closed());
            queue.bytes = queue.rows.iter().map(|(_, ticket)| ticket.command.row_len()).sum();
            queue.families.sweep();
            !queue.is_empty()
        });
    }
}

impl Queue {
    /// Since when the oldest row has been waiting that may go.
    fn since(&self) -> Option<Instant> {
        let alone = self.rows.front().map(|(since, _)| *since);
        alone.into_iter().chain(self.families.since()).min()
    }

    /// The oldest first, and with it the other children of its parent.
    fn draw(&mut self, mut draft: Draft, parents: &Parents) -> Vec<Ticket> {
        while !draft.full
            && let Some(since) = self.since()
        {
            match self.rows.front() {
                Some((alone, ticket)) if *alone == since => {
                    if draft.takes(ticket) {
                        self.bytes -= ticket.command.row_len();
                        draft.rows.extend(self.rows.pop_front().map(|(_, ticket)| ticket));
                    }
                }
                _ => self.families.draw(&mut draft, parents),
            }
        }
        draft.rows
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.families.is_empty()
    }
}

impl Draft {
    fn new(max_rows: usize, max_bytes: usize) -> Self {
        Self { rows: Vec::new(), bytes: 0, max_rows, max_bytes, full: false }
    }

    /// Whether there is room for one row more, which is put in then.
    pub(super) fn takes(&mut self, ticket: &Ticket) -> bool {
        let len = ticket.command.row_len();
        self.full = self.rows.len() == self.max_rows || (!self.rows.is_empty() && self.bytes + len > self.max_bytes);
        if !self.full {
            self.bytes += len;
        }
        !self.full
    }
}

pub(super) fn key(command: &Command) -> BatchKey {
    BatchKey {
        action: command.action,
        sobject: command.sobject.name.clone(),
        key_field: command.target.as_ref().and_then(|target| target.key_field()).cloned(),
        options: command.options.clone(),
    }
}
