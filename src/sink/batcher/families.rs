//! The queued rows of one batch key that have a parent, by their parents.
//!
//! Children of one parent are drawn into a call together, in their order, when the oldest of them is drawn. Those of a
//! parent that is held wait here until it is free.

use std::collections::{BTreeMap, HashMap, VecDeque};

use tokio::time::Instant;

use super::{parents::Parents, queues::Draft};
use crate::{record::GateKey, sink::ticket::Ticket};

#[derive(Debug, Default)]
pub(super) struct Families {
    all: HashMap<GateKey, Family>,
    /// Those whose parents are free, by their oldest rows.
    free: BTreeMap<Arrival, GateKey>,
    /// Of these.
    pub(super) rows: usize,
    pub(super) bytes: usize,
    arrived: u64,
}

/// No two rows have the same.
type Arrival = (Instant, u64);

/// Never without a row.
#[derive(Debug, Default)]
struct Family {
    rows: VecDeque<(Arrival, Ticket)>,
    bytes: usize,
    held: bool,
}

impl Families {
    /// `held`: whether the parent is.
    pub(super) fn push(&mut self, parent: GateKey, ticket: Ticket, held: bool) {
        let (arrival, bytes) = ((Instant::now(), self.arrived), ticket.command.row_len());
        self.arrived += 1;
        let family = self.all.entry(parent.clone()).or_insert_with(|| Family { held, ..Family::default() });
        family.rows.push_back((arrival, ticket));
        family.bytes += bytes;
        if !held {
            self.rows += 1;
            self.bytes += bytes;
            if family.rows.len() == 1 {
                self.free.insert(arrival, parent);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Since when the oldest row has been waiting whose parent is free.
    pub(super) fn since(&self) -> Option<Instant> {
        self.free.first_key_value().map(|((since, _), _)| *since)
    }

    /// Moves children of the first free parent into a call. What is left of them waits until that call is over: the
    /// parent has to be held for what was drawn.
    pub(super) fn draw(&mut self, draft: &mut Draft, parents: &Parents) {
        let Some((_, parent)) = self.free.first_key_value() else { return };
        let parent = parent.clone();
        let first = self.all.get(&parent).and_then(|family| family.rows.front());
        if !first.is_some_and(|(_, ticket)| draft.takes(ticket)) {
            return;
        }
        self.hold(&parent);
        let Some(family) = self.all.get_mut(&parent) else { return };
        let mut left = parents.rows(&parent);
        while let Some((_, ticket)) = family.rows.pop_front() {
            family.bytes -= ticket.command.row_len();
            draft.rows.push(ticket);
            left -= 1;
            if left == 0 || !family.rows.front().is_some_and(|(_, ticket)| draft.takes(ticket)) {
                break;
            }
        }
        if family.rows.is_empty() {
            self.all.remove(&parent);
        }
    }

    /// Its children are passed over from now on.
    pub(super) fn hold(&mut self, parent: &GateKey) {
        if let Some(family) = self.all.get_mut(parent).filter(|family| !family.held) {
            family.held = true;
            self.rows -= family.rows.len();
            self.bytes -= family.bytes;
            if let Some((arrival, _)) = family.rows.front() {
                self.free.remove(arrival);
            }
        }
    }

    pub(super) fn release(&mut self, parent: &GateKey) {
        if let Some(family) = self.all.get_mut(parent).filter(|family| family.held) {
            family.held = false;
            self.rows += family.rows.len();
            self.bytes += family.bytes;
            if let Some((arrival, _)) = family.rows.front() {
                self.free.insert(*arrival, parent.clone());
            }
        }
    }

    /// Throws away what nobody waits for any more.
    pub(super) fn sweep(&mut self) {
        (self.rows, self.bytes) = (0, 0);
        self.free.clear();
        self.all.retain(|parent, family| {
            family.rows.retain(|(_, ticket)| !ticket.is_closed());
            family.bytes = family.rows.iter().map(|(_, ticket)| ticket.command.row_len()).sum();
            if let Some((arrival, _)) = family.rows.front().filter(|_| !family.held) {
                self.free.insert(*arrival, parent.clone());
                self.rows += family.rows.len();
                self.bytes += family.bytes;
            }
            !family.rows.is_empty()
        });
    }
}
