//! Time in the core, which is passed in with each event.

use std::time::Duration;

/// A time on the core's own clock: the nanoseconds since the core was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Moment(u64);

impl Moment {
    /// The moment at which `elapsed` has passed since the core was made.
    pub(crate) fn after(elapsed: Duration) -> Self {
        Self(nanos(elapsed))
    }

    /// The time since the core was made.
    pub(crate) fn elapsed(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    #[must_use]
    pub(crate) fn plus(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(nanos(wait)))
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
