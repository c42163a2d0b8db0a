//! The memory of replicas: within the bound that each logs, and not more at the end of an outage than at its beginning.

/// Samples of one replica's own memory: milliseconds since the epoch, KiB.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(Vec<(u64, u64)>);

const APART_MS: u64 = 1_000;
/// A difference of more than this is growth: what the allocator keeps differs by less.
const SPREAD: u64 = 8 * 1024;

impl Samples {
    pub(crate) fn add(&mut self, at_ms: u64, kib: u64) {
        match self.0.last_mut() {
            Some((last, most)) if at_ms < *last + APART_MS => *most = kib.max(*most),
            _ => self.0.push((at_ms, kib)),
        }
    }

    pub(crate) fn most(&self) -> u64 {
        self.0.iter().map(|(_, kib)| *kib).max().unwrap_or_default()
    }

    /// The growth in KiB over the later half of this time: memory may fill up in the first half.
    pub(crate) fn growth(&self, from_ms: u64, to_ms: u64) -> Option<u64> {
        let most = |from, to| self.0.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, kib)| *kib).max();
        let (half, rest) = (u64::midpoint(from_ms, to_ms), (to_ms - from_ms) / 4);
        let growth = most(to_ms - rest, to_ms)?.saturating_sub(most(half, half + rest)?);
        (growth > SPREAD).then_some(growth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_fills_up_and_stays_has_not_grown_and_memory_that_goes_on_has() {
        let of = |kib: fn(u64) -> u64| {
            let mut samples = Samples::default();
            (0..600).for_each(|second| samples.add(second * 1_000, kib(second)));
            samples
        };
        let fills = of(|second| 6_000 + second.min(120) * 400);
        assert_eq!((fills.growth(0, 600_000), fills.most()), (None, 54_000));
        assert_eq!(of(|second| 6_000 + second * 100).growth(0, 600_000), Some(15_000));
    }
}
