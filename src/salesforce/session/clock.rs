//! The time that assertions are signed for: this machine's, or the token host's where that is known to be another.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

/// The difference that the network, and whole seconds in a `Date`, make between two clocks that agree.
const TOLERANCE: Duration = Duration::from_secs(5);

/// This machine's clock, corrected by how far the token host's differs from it.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Clock {
    ahead: Duration,
    behind: Duration,
}

impl Clock {
    pub(crate) fn now(&self) -> SystemTime {
        SystemTime::now() + self.ahead - self.behind
    }

    /// Takes over the time that an answer says. Whether that was another one.
    pub(crate) fn follow(&mut self, date: SystemTime) -> bool {
        let now = self.now();
        let differs = date.duration_since(now).unwrap_or_else(|error| error.duration()) > TOLERANCE;
        if differs {
            let here = SystemTime::now();
            self.ahead = date.duration_since(here).unwrap_or_default();
            self.behind = here.duration_since(date).unwrap_or_default();
        }
        differs
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, distance) = if self.behind.is_zero() { ("", self.ahead) } else { ("-", self.behind) };
        write!(f, "{sign}{}s", distance.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_clock_is_followed_where_it_differs_and_followed_once() {
        let is_near = |clock: Clock, date: SystemTime| {
            date.duration_since(clock.now()).unwrap_or_else(|error| error.duration()) < TOLERANCE
        };
        for (date, says) in [(SystemTime::now() + HOUR, "3600s"), (SystemTime::now() - HOUR, "-3600s")] {
            let mut clock = Clock::default();
            assert!(clock.follow(date), "{says}");
            assert!(is_near(clock, date), "{clock:?}");
            assert!(!clock.follow(date), "it is known by now");
            let said = clock.to_string();
            assert!(said == says || said == "3599s", "{said}");
            assert!(clock.follow(SystemTime::now()) && is_near(clock, SystemTime::now()), "and back");
        }
        assert!(!Clock::default().follow(SystemTime::now()));
    }
}
