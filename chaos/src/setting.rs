//! What holds for a whole seed, beside its faults. Pure.

use std::time::Duration;

use rand::{Rng, RngExt as _};

use crate::schedule::Fault;

/// Whether the daemon has `kafka.lease` and `salesforce.assign_hold`: without them a member that wakes up sends what it had
/// queued, and nobody waits for what a dead one had on the wire.
pub(crate) const LEASE: bool = false;

/// The daemon's deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    /// `kafka.session_timeout`.
    pub session: Duration,
    /// `salesforce.request_timeout`.
    pub request: Duration,
    /// How long it is told to hold a call without an answer; `salesforce.unknown_hold`.
    pub hold: Duration,
}

impl Times {
    /// Of the seeds.
    pub(crate) const SCALED: Self =
        Self { session: Duration::from_secs(6), request: Duration::from_secs(2), hold: Duration::from_secs(4) };
}

/// What becomes of a call that ends without an answer, and whether a member may end in the middle of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orphans {
    /// Members die and lose partitions, and all that they leave is applied at once or never.
    AtOnce,
    /// A call may be applied later, and every member that leaves drains first.
    Nobody,
    /// Members die, what they leave may be applied later, and `assign_hold` waits for it. A member that starts again has its
    /// partitions at once (`group_instance_id`): without that, the session of the dead one would be hold enough.
    Held,
}

impl Orphans {
    /// In two seeds of five members die while nothing comes late; these have fewer late calls than the third that there must
    /// be, and the others more.
    pub(crate) fn choose(random: &mut impl Rng, faults: &[Fault]) -> Self {
        let chosen = random.random_range(0..5);
        if !faults.iter().any(|fault| fault.orphans()) {
            return Self::Nobody;
        }
        match chosen {
            0..2 => Self::AtOnce,
            4 if LEASE => Self::Held,
            _ if faults.iter().all(|fault| fault.orphans()) => Self::AtOnce,
            _ => Self::Nobody,
        }
    }

    pub(crate) fn may_be_late(self) -> bool {
        self != Self::AtOnce
    }

    pub(crate) fn allows(self, fault: Fault) -> bool {
        self != Self::Nobody || !fault.orphans()
    }
}
