//! A valve keeps rows that would only be refused, and lets one row at a time try whether it can open.
//!
//! | scope | closed by | keeps | opened by |
//! |---|---|---|---|
//! | a route | its [`breaker`](super::breaker) | rows of the route that are rejected with the breaker's code, and those that are drawn | a probe that is written, or rejected with another code |
//! | a place | a call that the org refuses to this SObject, action and key field | all rows of the place | a probe that is answered, whatever the answer says of its row |
//! | the storage | rows for which the org has no room | these rows, and later creates of their places | a probe that is written |
//! | parked rows of a place | rows that the org does not take for now | these rows | a probe that is answered in another way |

use super::{ids::RowIndex, list::List, moment::Moment, waits::Due};

#[derive(Debug, Default)]
pub(super) struct Valve {
    closed: Option<Closed>,
    /// The rows that wait for it.
    pub(super) stalled: List,
    /// Whether the next probe takes another row than the oldest one.
    takes_other: bool,
}

#[derive(Debug)]
struct Closed {
    since: Moment,
    probes: u32,
    /// The time at which the next probe may go.
    due: Moment,
    /// A probe is under way.
    is_probing: bool,
    /// The probe is due, and waits for its turn among those of other valves.
    is_in_turn: bool,
    /// The wait for that time, while there are rows to probe with.
    wait: Option<Due>,
}

impl Valve {
    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// Closes the valve. The first probe may go at `due`.
    pub(super) fn close(&mut self, now: Moment, due: Moment) {
        self.closed = Some(Closed { since: now, probes: 0, due, is_probing: false, is_in_turn: false, wait: None });
    }

    /// Opens the valve. Returns when it was closed, and the wait for its next probe.
    pub(super) fn open(&mut self) -> Option<(Moment, Option<Due>)> {
        self.closed.take().map(|closed| (closed.since, closed.wait))
    }

    /// The time at which a probe may go; `None` while one is under way, and while the valve is open.
    pub(super) fn probe_due(&self) -> Option<Moment> {
        self.closed.as_ref().filter(|closed| !closed.is_probing).map(|closed| closed.due)
    }

    pub(super) fn is_probing(&self) -> bool {
        self.closed.as_ref().is_some_and(|closed| closed.is_probing)
    }

    /// Notes that a probe is under way.
    pub(super) fn begin_probe(&mut self) {
        if let Some(closed) = &mut self.closed {
            closed.is_probing = true;
        }
    }

    /// Returns the row of the next probe: in turn the oldest one and another one, so that a row which is bad by itself
    /// does not keep the others waiting.
    pub(super) fn pick(&mut self, oldest: RowIndex, other: Option<RowIndex>) -> RowIndex {
        let other = other.filter(|_| self.takes_other);
        self.takes_other = other.is_none();
        other.unwrap_or(oldest)
    }

    /// Ends a probe. Returns the number of probes so far if the valve is still closed: the caller sets the time of the
    /// next one.
    pub(super) fn end_probe(&mut self) -> Option<u32> {
        let closed = self.closed.as_mut()?;
        closed.is_probing = false;
        closed.probes = closed.probes.saturating_add(1);
        Some(closed.probes)
    }

    /// Returns whether the last probe was the oldest row, which then goes back to the front of those that wait.
    pub(super) fn probe_was_oldest(&self) -> bool {
        self.takes_other
    }

    pub(super) fn set_due(&mut self, due: Moment) {
        if let Some(closed) = &mut self.closed {
            closed.due = due;
        }
    }

    pub(super) fn is_in_turn(&self) -> bool {
        self.closed.as_ref().is_some_and(|closed| closed.is_in_turn)
    }

    pub(super) fn set_in_turn(&mut self, is_in_turn: bool) {
        if let Some(closed) = &mut self.closed {
            closed.is_in_turn = is_in_turn;
        }
    }

    /// Replaces the wait for the next probe. Returns the earlier one.
    pub(super) fn replace_wait(&mut self, wait: Option<Due>) -> Option<Due> {
        self.closed.as_mut().and_then(|closed| std::mem::replace(&mut closed.wait, wait))
    }

    pub(super) fn wait(&self) -> Option<Due> {
        self.closed.as_ref()?.wait
    }
}
