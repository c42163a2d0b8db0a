//! The rows that are ready, each of which may share a call with any other of its queue. First come, first served; but
//! children of one parent go together, and never while others of them are on the wire.

use std::time::Duration;

use super::{
    batch_queues::{BatchQueue, BatchQueues},
    contention::Contention,
    ids::{ParentIndex, QueueIndex, RowIndex},
    list::List,
    moment::Moment,
    parents::{Children, Hold, Parents},
    row::{Row, Rows},
    size_limits::Sizes,
};

#[derive(Debug)]
pub(super) struct Queues {
    pub(super) batches: BatchQueues,
    pub(super) parents: Parents,
    pub(super) contention: Contention,
    pub(super) sizes: Sizes,
    /// The most bytes of one call.
    bytes: usize,
    linger: Duration,
}

/// The rows of a call that is being formed.
struct Draft {
    rows: Vec<RowIndex>,
    bytes: usize,
    max_rows: usize,
    max_bytes: usize,
    /// A row was left for the next call.
    is_full: bool,
}

impl Queues {
    /// Makes empty queues. `rows`, `bytes`: the most of one call. `timeout`: the time that the org may take for one.
    pub(super) fn new(rows: usize, bytes: usize, linger: Duration, timeout: Duration) -> Self {
        let (batches, parents) = (BatchQueues::default(), Parents::default());
        Self { batches, parents, contention: Contention::new(rows), sizes: Sizes::new(rows, timeout), bytes, linger }
    }

    /// Adds a row that is ready.
    pub(super) fn push(&mut self, rows: &mut Rows, index: RowIndex) {
        let Some(row) = rows.get(index) else { return };
        let (parent, bytes, arrival) = (row.parent, row.bytes as usize, row.arrival());
        let Some(at) = row.queue else { return };
        let Some(queue) = self.batches.all.get_mut(at) else { return };
        let Some(parent) = parent else {
            queue.alone.push_back(rows, index);
            queue.ready += 1;
            queue.bytes += bytes;
            return self.refresh(rows, at);
        };
        let Some(entry) = self.parents.all.get_mut(parent) else { return };
        let is_held = entry.is_held();
        if entry.children_mut(at).is_none() {
            entry.ready.push(Children { queue: at, rows: List::default(), bytes: 0 });
        }
        let Some(children) = entry.children_mut(at) else { return };
        if children.rows.is_empty() && !is_held {
            queue.families.insert(arrival, parent);
        }
        children.rows.push_back(rows, index);
        children.bytes += bytes;
        if !is_held {
            queue.ready += 1;
            queue.bytes += bytes;
        }
        self.refresh(rows, at);
    }

    /// Removes a row that is no longer ready.
    pub(super) fn remove(&mut self, rows: &mut Rows, index: RowIndex) {
        let Some(row) = rows.get(index) else { return };
        let (parent, bytes, arrival) = (row.parent, row.bytes as usize, row.arrival());
        let Some(at) = row.queue else { return };
        let Some(queue) = self.batches.all.get_mut(at) else { return };
        let Some(parent) = parent else {
            queue.alone.remove(rows, index);
            queue.ready = queue.ready.saturating_sub(1);
            queue.bytes = queue.bytes.saturating_sub(bytes);
            return self.refresh(rows, at);
        };
        let Some(entry) = self.parents.all.get_mut(parent) else { return };
        let is_held = entry.is_held();
        let Some(children) = entry.children_mut(at) else { return };
        let was_first = children.rows.first() == Some(index);
        children.rows.remove(rows, index);
        children.bytes = children.bytes.saturating_sub(bytes);
        let next = children.rows.first().and_then(|first| rows.get(first)).map(Row::arrival);
        if !is_held {
            queue.ready = queue.ready.saturating_sub(1);
            queue.bytes = queue.bytes.saturating_sub(bytes);
            if was_first {
                queue.families.remove(&arrival);
                if let Some(next) = next {
                    queue.families.insert(next, parent);
                }
            }
        }
        if next.is_none() {
            entry.ready.retain(|children| children.queue != at);
        }
        self.refresh(rows, at);
    }

    /// Counts a hold on a parent: its rows are passed over until all holds are released.
    pub(super) fn hold(&mut self, rows: &Rows, parent: ParentIndex, hold: Hold) {
        let Some(entry) = self.parents.all.get_mut(parent) else { return };
        let was_held = entry.is_held();
        *entry.holds(hold) += 1;
        if !was_held {
            self.count_children(rows, parent, false);
        }
    }

    /// Counts a hold on a parent as released.
    pub(super) fn release(&mut self, rows: &Rows, parent: ParentIndex, hold: Hold) {
        let Some(entry) = self.parents.all.get_mut(parent) else { return };
        let count = entry.holds(hold);
        *count = count.saturating_sub(1);
        if !entry.is_held() {
            self.count_children(rows, parent, true);
            self.parents.drop_unused(parent);
        }
    }

    /// Counts the rows of a parent among the ready ones of their queues once it is free, and takes them out once it is
    /// not.
    fn count_children(&mut self, rows: &Rows, parent: ParentIndex, is_free: bool) {
        let Some(entry) = self.parents.all.get(parent) else { return };
        let mut batches = Vec::with_capacity(entry.ready.len());
        for children in &entry.ready {
            let Some(queue) = self.batches.all.get_mut(children.queue) else { continue };
            let first = children.rows.first().and_then(|first| rows.get(first)).map(Row::arrival);
            if is_free {
                queue.ready += children.rows.len();
                queue.bytes += children.bytes;
                queue.families.extend(first.map(|first| (first, parent)));
            } else {
                queue.ready = queue.ready.saturating_sub(children.rows.len());
                queue.bytes = queue.bytes.saturating_sub(children.bytes);
                first.and_then(|first| queue.families.remove(&first));
            }
            batches.push(children.queue);
        }
        for queue in batches {
            self.refresh(rows, queue);
        }
    }

    /// The ready rows of a queue, also those of parents that are held.
    pub(super) fn ready_rows(&self, rows: &Rows, at: QueueIndex) -> Vec<RowIndex> {
        let alone = self.batches.all.get(at).into_iter().flat_map(|queue| queue.alone.iter(rows));
        let children = self.parents.all.iter().flat_map(|(_, parent)| &parent.ready);
        alone
            .chain(children.filter(|children| children.queue == at).flat_map(|children| children.rows.iter(rows)))
            .collect()
    }

    /// The time of a queue's next call: at once if it is full, else when its oldest row has lingered.
    fn due_of(&self, rows: &Rows, queue: &BatchQueue) -> Option<Moment> {
        let alone = queue.alone.first().and_then(|first| rows.get(first)).map(|first| first.since);
        let family = queue.families.first_key_value().map(|((since, _), _)| *since);
        let since = alone.into_iter().chain(family).min()?;
        let is_full = queue.ready >= self.sizes.of(&queue.key) || queue.bytes >= self.bytes;
        Some(if is_full { since } else { since.plus(self.linger) })
    }

    fn refresh(&mut self, rows: &Rows, at: QueueIndex) {
        let due = self.batches.all.get(at).and_then(|queue| self.due_of(rows, queue));
        self.batches.set_due(at, due);
    }

    /// Computes anew when calls are due, since their size has changed, perhaps in several queues.
    pub(super) fn refresh_all(&mut self, rows: &Rows) {
        let all: Vec<_> = self.batches.all.iter().map(|(index, _)| index).collect();
        for queue in all {
            self.refresh(rows, queue);
        }
    }

    /// The rows of the next call of a queue: the oldest first, and with it the other children of its parent. They stay
    /// in their lists.
    pub(super) fn draw(&mut self, rows: &Rows, at: QueueIndex) -> Vec<RowIndex> {
        let Some(queue) = self.batches.all.get(at) else { return Vec::new() };
        let max_rows = self.sizes.of(&queue.key);
        let mut draft = Draft { rows: Vec::new(), bytes: 0, max_rows, max_bytes: self.bytes, is_full: false };
        let mut alone = queue.alone.iter(rows).peekable();
        let mut families = queue.families.iter().peekable();
        while !draft.is_full {
            let oldest = alone.peek().and_then(|row| rows.get(*row)).map(Row::arrival);
            let is_family = match (oldest, families.peek()) {
                (None, None) => break,
                (Some(oldest), Some((family, _))) => **family < oldest,
                (oldest, _) => oldest.is_none(),
            };
            if is_family {
                let parent = families.next().and_then(|(_, parent)| self.parents.all.get(*parent));
                let children = parent.and_then(|parent| parent.ready.iter().find(|children| children.queue == at));
                // The other ones wait until this call is over.
                let most = parent.map_or(0, |parent| self.contention.rows(parent.hash));
                for row in children.into_iter().flat_map(|children| children.rows.iter(rows)).take(most) {
                    if !draft.takes(rows, row) {
                        break;
                    }
                }
            } else if let Some(row) = alone.next() {
                draft.takes(rows, row);
            }
        }
        let (key, drawn) = (queue.key.clone(), draft.rows);
        self.sizes.taken(&key, drawn.len());
        drawn
    }
}

impl Draft {
    /// Takes a row in if there is room for it. Returns whether there is.
    fn takes(&mut self, rows: &Rows, index: RowIndex) -> bool {
        let bytes = rows.get(index).map_or(0, |row| row.bytes as usize);
        self.is_full = self.rows.len() >= self.max_rows || !self.rows.is_empty() && self.bytes + bytes > self.max_bytes;
        if !self.is_full {
            self.bytes += bytes;
            self.rows.push(index);
        }
        !self.is_full
    }
}
