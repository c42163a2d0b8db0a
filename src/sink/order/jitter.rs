//! Randomness in the core: a generator of its own, so that the same seed and the same events have the same effects.

use std::time::Duration;

/// Draws the random part of each backoff (`SplitMix64`).
#[derive(Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The wait before the next attempt, after the given number of earlier waits: `initial` doubled that many times, at
    /// most `max`, less up to a half.
    pub(super) fn backoff(&mut self, initial: Duration, max: Duration, doublings: u32) -> Duration {
        let full = initial.saturating_mul(1 << doublings.min(20)).min(max);
        full.mul_f64(0.5 + self.share() / 2.0)
    }

    /// A number from zero up to one.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let bits = (mixed ^ (mixed >> 31)) >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_doubles_up_to_the_longest_and_has_half_of_it_as_jitter() {
        let seconds = Duration::from_secs;
        let (mut jitter, mut longest) = (Jitter::new(7), Duration::ZERO);
        for (doublings, full) in [(0, 1), (1, 2), (4, 16), (5, 30), (u32::MAX, 30)] {
            for _ in 0..100 {
                let wait = jitter.backoff(seconds(1), seconds(30), doublings);
                assert!(seconds(full) / 2 <= wait && wait <= seconds(full), "{doublings}: {wait:?}");
                longest = longest.max(wait);
            }
        }
        assert!(longest > seconds(29), "all of the range is used: {longest:?}");
    }
}
