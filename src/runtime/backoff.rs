//! Waits between attempts.

use std::time::Duration;

use rand::{Rng, RngExt as _};

use crate::config::Retry;

/// Exponential backoff with 50–100 % jitter, so that calls that failed together do not retry together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest first wait.
    pub initial: Duration,
    /// The longest wait.
    pub max: Duration,
}

impl Backoff {
    /// The backoff that the configuration's `retry` section describes.
    pub fn of(retry: &Retry) -> Self {
        Self { initial: retry.initial_backoff, max: retry.max_backoff }
    }

    /// The wait before the next attempt, after `doublings` retries: `initial` doubled that many times, at most `max`,
    /// less up to a half.
    pub fn wait(self, doublings: u32) -> Duration {
        self.wait_from(doublings, &mut rand::rng())
    }

    /// As [`Self::wait`], with the jitter of a given generator.
    pub fn wait_from(self, doublings: u32, random: &mut impl Rng) -> Duration {
        self.longest(doublings).mul_f64(random.random_range(0.5..=1.0))
    }

    /// The longest wait before the next attempt, after `doublings` retries.
    pub fn longest(self, doublings: u32) -> Duration {
        self.initial.saturating_mul(1 << doublings.min(20)).min(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_doubles_up_to_the_longest_and_has_half_of_it_as_jitter() {
        let backoff = Backoff { initial: Duration::from_secs(1), max: Duration::from_secs(30) };
        let mut longest = Duration::ZERO;
        for (doublings, full) in [(0, 1), (1, 2), (4, 16), (5, 30), (u32::MAX, 30)] {
            let full = Duration::from_secs(full);
            for _ in 0..100 {
                let wait = backoff.wait(doublings);
                assert!(full / 2 <= wait && wait <= full, "{doublings}: {wait:?}");
                longest = longest.max(wait);
            }
        }
        assert!(longest > Duration::from_secs(29), "all of the range is used: {longest:?}");
    }
}
