//! What holds for a whole seed, beside its faults. Pure.

use std::time::Duration;

use rand::{Rng, RngExt as _};

use crate::schedule::Fault;

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
    /// The daemon's own defaults.
    pub(crate) const REAL: Self =
        Self { session: Duration::from_secs(15), request: Duration::from_secs(120), hold: Duration::from_secs(30) };

    /// What a drain may take.
    pub(crate) fn drain(&self) -> Duration {
        self.hold + self.request + Duration::from_secs(10)
    }
}

/// `cache.ttl`, where external ids move.
pub(crate) const CACHED: Duration = Duration::from_secs(1);

/// How the members share the partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Among themselves, moving only what has to move.
    Sticky,
    /// Among themselves, and everybody gives back everything first.
    Range,
    /// As the broker says (KIP-848).
    Consumer,
}

/// Those that the daemon takes.
pub(crate) const PROTOCOLS: [Protocol; 3] = [Protocol::Sticky, Protocol::Range, Protocol::Consumer];

/// What the replicas are told, and what they stand in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for a fault of its own")]
pub(crate) struct Setting {
    pub times: Times,
    pub orphans: Orphans,
    pub protocol: Protocol,
    /// `kafka.commit_interval`.
    pub commits: Duration,
    pub batch_rows: u32,
    /// Logins by JWT, whose assertions a clock that is off invalidates.
    pub asserts: bool,
    /// One, or three.
    pub nodes: i32,
    /// A topic is deleted, and made again.
    pub recreates: bool,
    /// The dead-letter topic has its only replica on the last node.
    pub lonely_letters: bool,
    /// External ids move, and are believed for [`CACHED`] only.
    pub moves: bool,
}

/// What becomes of a call that ends without an answer, and whether a member may end in the middle of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orphans {
    /// Members die and lose partitions, and all that they leave is applied at once or never.
    AtOnce,
    /// A call may be applied later, and every member that leaves drains first.
    Nobody,
    /// Members die, what they leave may be applied later, and `assign_hold` waits for it. A member that starts again
    /// has its partitions at once (`group_instance_id`): without that, the session of the dead one would be hold
    /// enough. The consumer protocol gives a name back when the session has ended, and its session is short.
    Held,
}

impl Orphans {
    /// In two seeds of five members die while nothing comes late; these have fewer late calls than the third that there
    /// must be, and the others more.
    pub(crate) fn choose(random: &mut impl Rng, faults: &[Fault]) -> Self {
        let chosen = random.random_range(0..5);
        if !faults.iter().any(|fault| fault.orphans()) {
            return Self::Nobody;
        }
        match chosen {
            0..2 => Self::AtOnce,
            4 => Self::Held,
            _ if faults.iter().all(|fault| fault.orphans()) => Self::AtOnce,
            _ => Self::Nobody,
        }
    }

    pub(crate) fn may_be_late(self) -> bool {
        self != Self::AtOnce
    }

    pub(crate) fn allows(self, fault: Fault) -> bool {
        // A broker's end raises the epoch of a topic's leaders. librdkafka then takes those of a topic that is made
        // again for outdated, and reads nothing of it until the process starts again (`rd_kafka_toppar_leader_update`).
        // A static member that its group has given up while the broker was away is fenced by its own next commit, and
        // ends.
        match self {
            Self::Nobody => !fault.orphans(),
            // What a slow org applies late is applied after its member's end.
            Self::AtOnce => !matches!(fault, Fault::Recreate | Fault::Slow),
            Self::Held => {
                !matches!(fault, Fault::Recreate | Fault::Broker | Fault::Node | Fault::Letters | Fault::Freeze)
            }
        }
    }
}
