//! Rows that wait for a parent which the org does not have yet.
//!
//! The parent may be a record further down their own partition: they hold at most their share of the budget, with what
//! waits behind them at the gate, and the rest is for what comes after. Beyond it, and where a row keeps its lane from
//! reading on, the oldest is tried once more and then rejected.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::Instant;

use super::{backlog::Delayed, worker::Worker};
use crate::{
    record::{Cause, Reason},
    runtime::backoff::Backoff,
    sink::{
        budget::Cost,
        org::Org,
        ticket::{Child, Place, Ticket},
    },
};

/// The oldest first. One whose wait is over, whatever ended it, has dropped its place.
#[derive(Debug, Default)]
pub(super) struct Children(VecDeque<Weak<Place>>);

impl Children {
    fn begin(&mut self, ticket: &Ticket) -> Child {
        let place = Arc::new(ticket.place());
        self.0.push_back(Arc::downgrade(&place));
        Child { waited: Duration::ZERO, times: 0, is_last: false, place }
    }

    /// Hurries the oldest, until the others hold no more than `most`.
    fn hurry_beyond(&mut self, most: Cost) {
        self.0.retain(|place| place.strong_count() > 0);
        let mut held = Cost::default();
        for place in self.0.iter().rev().filter_map(Weak::upgrade).filter(|place| !place.stage.is_hurried()) {
            held = [held, place.cost()].into_iter().sum();
            if held.exceeds(most) {
                place.stage.hurry();
            }
        }
    }
}

impl<O: Org> Worker<O> {
    pub(super) fn missing_parent(&mut self, mut ticket: Ticket, cause: Cause) {
        let wait = self.settings.retry.missing_parent_wait;
        let mut child = ticket.history.child.take().unwrap_or_else(|| self.children.begin(&ticket));
        let waited = child.waited;
        if waited >= wait {
            return self.reject(ticket, Reason::MissingParent, cause);
        }
        if child.is_last {
            let message = format!("parent not found, wait cut short: {}", cause.message);
            return self.reject(ticket, Reason::MissingParent, Cause { message: Cause::cut(message), ..cause });
        }
        let backoff = Backoff::of(&self.settings.retry).wait(child.times).min(wait.saturating_sub(waited));
        child.times += 1;
        child.waited += backoff;
        ticket.history.child = Some(child);
        ticket.pending = None;
        if ticket.answered() {
            self.delays.push(Delayed::Row(Box::new(ticket)), Instant::now() + backoff);
        }
    }

    /// Who is in the way of others has its last attempt now.
    pub(super) fn hurry_children(&mut self) {
        self.children.hurry_beyond(self.most_children);
        for mut ticket in self.delays.take_rows(|ticket| ticket.history.child.as_ref().is_some_and(Child::is_hurried)) {
            if let Some(child) = &mut ticket.history.child {
                child.is_last = true;
            }
            self.queues.push(ticket);
        }
    }
}
