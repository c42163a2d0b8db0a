//! Rows that wait for an open breaker: those that it keeps from being rejected, and all others of its route.

use std::{collections::VecDeque, sync::Arc};

use tokio::time::Instant;

use super::{backlog::Group, queues::key};
use crate::sink::{breaker::Breaker, ticket::Ticket};

#[derive(Debug, Default)]
pub(super) struct Held(Vec<OfRoute>);

#[derive(Debug)]
struct OfRoute {
    breaker: Arc<Breaker>,
    rows: VecDeque<Ticket>,
    /// Which row the next probe takes: the oldest, or another one.
    other: bool,
}

impl Held {
    pub(super) fn push(&mut self, breaker: &Arc<Breaker>, ticket: Ticket) {
        let known = self.0.iter().position(|held| Arc::ptr_eq(&held.breaker, breaker));
        let index = known.unwrap_or_else(|| {
            self.0.push(OfRoute { breaker: breaker.clone(), rows: VecDeque::new(), other: false });
            self.0.len() - 1
        });
        let held = &mut self.0[index];
        // The oldest stays the oldest.
        if ticket.history.is_probe && held.other {
            held.rows.push_front(ticket);
        } else {
            held.rows.push_back(ticket);
        }
    }

    /// When the next probe may go.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.iter().filter(|held| !held.rows.is_empty()).filter_map(|held| held.breaker.due()).min()
    }

    /// The probe that is due: in turn the oldest row, then another one, so that a row which is bad by itself does not
    /// keep its route waiting.
    pub(super) fn probe(&mut self) -> Option<Group> {
        let now = Instant::now();
        let is_due = |held: &&mut OfRoute| !held.rows.is_empty() && held.breaker.due().is_some_and(|due| due <= now);
        let held = self.0.iter_mut().find(is_due)?;
        let other = held.other && held.rows.len() > 1;
        held.other = !other;
        let ticket = held.rows.remove(usize::from(other))?;
        let probe = Some(held.breaker.probe());
        Some(Group { probe, ..Group::new(key(&ticket.command), vec![ticket]) })
    }

    /// The rows of breakers that are closed again.
    pub(super) fn release(&mut self) -> Vec<Ticket> {
        let released = self.0.extract_if(.., |held| !held.breaker.is_open());
        released.flat_map(|held| held.rows).collect()
    }

    pub(super) fn sweep(&mut self) {
        self.0.retain_mut(|held| {
            held.rows.retain(|ticket| !ticket.is_closed());
            !held.rows.is_empty()
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|held| held.rows.is_empty())
    }
}
