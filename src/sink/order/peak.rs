use std::time::Duration;

use super::moment::Moment;

/// The number of calls at once of places that are not slow, at its most during the last one or two periods.
#[derive(Debug, Default)]
pub(super) struct Peak {
    begun: Moment,
    now: usize,
    before: usize,
}

/// The length of a period.
pub(super) const PERIOD: Duration = Duration::from_secs(30);
impl Peak {
    pub(super) fn note(&mut self, calls: usize, now: Moment) {
        let passed = now.since(self.begun);
        if passed >= PERIOD {
            self.before = if passed >= 2 * PERIOD { 0 } else { self.now };
            (self.now, self.begun) = (0, now);
        }
        self.now = self.now.max(calls);
    }

    pub(super) fn most(&self, now: Moment) -> usize {
        match now.since(self.begun) {
            passed if passed < PERIOD => self.now.max(self.before),
            passed if passed < 2 * PERIOD => self.now,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_that_of_the_last_one_or_two_periods() {
        let at = |seconds| Moment::after(Duration::from_secs(seconds));
        let mut peak = Peak::default();
        peak.note(7, at(5));
        peak.note(3, at(20));
        assert_eq!(peak.most(at(29)), 7);
        peak.note(2, at(35));
        assert_eq!(peak.most(at(36)), 7, "of the period before");
        assert_eq!(peak.most(at(66)), 2);
        peak.note(1, at(70));
        assert_eq!(peak.most(at(99)), 2);
        assert_eq!(peak.most(at(200)), 0);
    }
}
