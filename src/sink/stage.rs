//! How far a record has come, as its lane and the batcher both see it.
//!
//! ```text
//!            begin                    answered
//! Waiting ──────────► Sent ────────────────────► Waiting      a verdict that is no outcome, or the end of a hold
//!    │ close            │ give_up     answered   │
//!    └────► Closed      └────► Closing ────────► Closed
//!                       │ done
//!                       └────► Done
//! ```

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

#[derive(Debug, Default)]
pub struct Stage {
    step: AtomicU8,
    hurried: AtomicBool,
}

const WAITING: u8 = 0;
/// On the wire, under a hold, or on its way to the dead-letter topic: something may come of it.
const SENT: u8 = 1;
const CLOSING: u8 = 2;
const CLOSED: u8 = 3;
const DONE: u8 = 4;

impl Stage {
    #[must_use]
    pub fn begin(&self) -> bool {
        self.step(WAITING, SENT)
    }

    /// False: nobody waits for the record any more.
    #[must_use]
    pub fn answered(&self) -> bool {
        !self.step(CLOSING, CLOSED) && (self.step(SENT, WAITING) || self.step.load(Ordering::Acquire) == WAITING)
    }

    /// Gives the record up, unless something may have come of it, or may still come.
    #[must_use]
    pub fn close(&self) -> bool {
        self.step(WAITING, CLOSED)
    }

    /// Nobody waits for the record any more. True: it was not under way, and is closed.
    pub fn give_up(&self) -> bool {
        self.step(SENT, CLOSING);
        self.close()
    }

    pub fn done(&self) {
        self.step.store(DONE, Ordering::Release);
    }

    pub fn is_closed(&self) -> bool {
        self.step.load(Ordering::Acquire) == CLOSED
    }

    /// Something may come of it, now or soon.
    pub fn is_sent(&self) -> bool {
        matches!(self.step.load(Ordering::Acquire), SENT | CLOSING)
    }

    pub fn is_done(&self) -> bool {
        self.step.load(Ordering::Acquire) == DONE
    }

    /// The record is in the way of others: it waits for its parent no longer. False: that was said before.
    pub fn hurry(&self) -> bool {
        !self.hurried.swap(true, Ordering::AcqRel)
    }

    pub fn is_hurried(&self) -> bool {
        self.hurried.load(Ordering::Acquire)
    }

    fn step(&self, from: u8, to: u8) -> bool {
        self.step.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_sent_closes_at_once() {
        let stage = Stage::default();
        assert!(stage.close());
        assert!(stage.is_closed() && !stage.begin() && !stage.answered());
    }

    #[test]
    fn what_is_on_the_wire_closes_when_it_is_answered() {
        let stage = Stage::default();
        assert!(stage.begin() && !stage.close() && !stage.give_up());
        assert!(!stage.is_closed());
        assert!(!stage.answered());
        assert!(stage.is_closed());
    }

    #[test]
    fn an_answer_that_is_no_outcome_makes_it_wait_again() {
        let stage = Stage::default();
        assert!(stage.begin() && stage.answered() && stage.answered() && stage.begin());
        stage.done();
        assert!(!stage.close() && !stage.give_up() && !stage.is_closed());
    }
}
