//! The circuit breaker of a route (`routes.breaker`): a fault of the whole route does not make a dead letter of each of
//! its records.
//!
//! | breaker | a rejection | left by |
//! |---|---|---|
//! | closed | is settled | `routes.breaker` consecutive rejections with one code, and no row of the route written between |
//! | open | with that code: the row waits; with another one: it is settled | a probe that is written, or rejected with another code |
//!
//! One row at a time is the probe, after a backoff. Rejections count in the order in which they are settled, those of
//! the converters with those of the org; but a converter's, which is known before the org has answered what was read
//! earlier, does not open the breaker before that.

use crate::record::{Reason, Rejection};

/// Counts the rejections of a route. While it is open, the route's [`valve`](super::valve) is closed.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    /// The consecutive rejections with one code that open the breaker.
    limit: u32,
    /// The code of the last rejection, and the number of consecutive rejections with it.
    code: String,
    count: u32,
    pub(super) is_open: bool,
    /// The number of submitted rows of which the org has said nothing yet.
    pub(super) pending: usize,
}

/// The ruling of a breaker on a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ruling {
    /// The rejection is the outcome.
    Settled,
    /// The row waits.
    Waits,
}

/// The changes of a breaker by a ruling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Change {
    pub(super) closed: bool,
    pub(super) opened: bool,
}

impl Breaker {
    pub(super) fn new(limit: u32) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Rules on a rejection by the org or by the daemon.
    pub(super) fn rejected(&mut self, rejection: &Rejection, is_probe: bool) -> (Ruling, Change) {
        // The configuration asks for these rejections: their rows do not wait to be sent again.
        if matches!(rejection.reason, Reason::UnknownResult | Reason::QuotaSpent) {
            return (Ruling::Settled, Change::default());
        }
        let is_same = self.code == rejection.code();
        let mut change = Change::default();
        match (self.is_open, is_same) {
            (true, true) => return (Ruling::Waits, change),
            (true, false) if !is_probe => return (Ruling::Settled, change),
            (true, false) => {
                self.close();
                change.closed = true;
            }
            (false, _) => {}
        }
        if !is_same {
            rejection.code().clone_into(&mut self.code);
            self.count = 0;
        }
        self.count += 1;
        change.opened = self.count >= self.limit;
        self.is_open |= change.opened;
        (Ruling::Settled, change)
    }

    /// Returns whether a converter's rejection can be ruled on now. If not, it waits until the org has said something
    /// of all rows that were submitted before.
    pub(super) fn can_rule(&self, rejection: &Rejection) -> bool {
        let before = if self.code == rejection.code() { self.count } else { 0 };
        self.pending == 0 || self.is_open || before + 1 < self.limit
    }

    /// Counts a written row. Returns whether that closes the breaker.
    pub(super) fn written(&mut self, is_probe: bool) -> bool {
        if !self.is_open {
            self.count = 0;
            return false;
        }
        if is_probe {
            self.close();
        }
        is_probe
    }

    /// The code that is counted, and the number of rejections with it.
    pub(super) fn counted(&self) -> (&str, u32) {
        (&self.code, self.count)
    }

    fn close(&mut self) {
        *self = Self { limit: self.limit, pending: self.pending, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(reason: Reason) -> Rejection {
        Rejection::new(reason, "no")
    }

    #[test]
    fn rejections_that_the_configuration_asks_for_are_always_settled() {
        let mut breaker = Breaker::new(2);
        for reason in [Reason::QuotaSpent, Reason::UnknownResult] {
            let ruled = |_| breaker.rejected(&rejection(reason), false) == (Ruling::Settled, Change::default());
            assert!((0..9).all(ruled));
        }
    }

    #[test]
    fn only_a_probe_closes_it() {
        let mut breaker = Breaker::new(1);
        let (ruling, change) = breaker.rejected(&rejection(Reason::InvalidValue), false);
        assert!(ruling == Ruling::Settled && change.opened);
        assert!(!breaker.written(false) && breaker.is_open);
        assert_eq!(breaker.rejected(&rejection(Reason::InvalidKey), false).0, Ruling::Settled);
        assert!(breaker.is_open);
        let (ruling, change) = breaker.rejected(&rejection(Reason::InvalidKey), true);
        assert!(
            ruling == Ruling::Settled && change.closed && change.opened,
            "with the other code, which has come once"
        );
        assert_eq!(breaker.rejected(&rejection(Reason::InvalidKey), true).0, Ruling::Waits);
        assert!(breaker.written(true) && !breaker.is_open);
    }

    #[test]
    fn a_refusal_that_would_open_it_waits_for_what_was_submitted_before() {
        let mut breaker = Breaker::new(2);
        breaker.pending = 1;
        let refused = rejection(Reason::InvalidValue);
        assert!(breaker.can_rule(&refused));
        assert_eq!(breaker.rejected(&refused, false).1, Change::default());
        assert!(!breaker.can_rule(&refused));
        breaker.pending = 0;
        assert!(breaker.can_rule(&refused));
    }
}
