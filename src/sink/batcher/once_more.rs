//! Rows that are repeated a few times only, or otherwise than they were sent.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    backlog::{Delayed, Group},
    queues::key,
    races::{self, Repeat},
    worker::Worker,
};
use crate::{
    record::{ApiName, Cause, Reason},
    sink::{org::Org, ticket::Ticket},
};

impl<O: Org> Worker<O> {
    /// Another row, or another record, has the row's key or its value of another unique field. Given back with the time
    /// after which it goes again with its like.
    pub(super) fn set_apart(&mut self, mut ticket: Ticket, cause: Cause) -> Option<(Ticket, Duration)> {
        ticket.history.apart_times += 1;
        match races::after_apart(ticket.history.apart_times, self.settings.retry.row_timeout) {
            Repeat::Never => self.reject(ticket, Reason::Refused, cause),
            Repeat::Together(wait) => {
                ticket.pending = None;
                return ticket.answered().then_some((ticket, wait));
            }
            Repeat::Alone(wait) => {
                ticket.pending = None;
                if ticket.answered() {
                    let group = Group::new(key(&ticket.command), vec![ticket]);
                    self.delays.push(Delayed::Group(group), Instant::now() + wait);
                }
            }
        }
        None
    }

    /// The record that an upsert found was deleted before it was written.
    pub(super) fn gone_meanwhile(&mut self, mut ticket: Ticket, cause: Cause) {
        ticket.history.gone_times += 1;
        if ticket.history.gone_times > races::GONE_REPEATS {
            return self.reject(ticket, Reason::Refused, cause);
        }
        self.again(ticket, cause);
    }

    /// Takes out fields that can only be created: the row's record is there.
    pub(super) fn strip(&mut self, mut ticket: Ticket, fields: &[ApiName]) {
        ticket.history.is_stripped = true;
        ticket.command.fields.remove(fields);
        self.create_only.left_out(&ticket.command.sobject.name, fields);
        self.queues.push(ticket);
    }
}
