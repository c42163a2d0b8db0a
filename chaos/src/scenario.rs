//! The properties of a whole run beside its faults: deadlines, protocol, what becomes of orphaned calls. Pure.

use std::time::Duration;

use rand::{Rng, RngExt as _};

use crate::fault::Fault;

/// The daemon's deadlines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    /// `kafka.session_timeout`.
    pub session: Duration,
    /// `salesforce.request_timeout`.
    pub request: Duration,
    /// `salesforce.unknown_hold`: how long an identity is held after a call without an answer.
    pub hold: Duration,
}

impl Times {
    /// The deadlines of the seeds.
    pub(crate) const SCALED: Self =
        Self { session: Duration::from_secs(6), request: Duration::from_secs(2), hold: Duration::from_secs(4) };
    /// The daemon's own defaults.
    pub(crate) const REAL: Self =
        Self { session: Duration::from_secs(15), request: Duration::from_secs(120), hold: Duration::from_secs(30) };

    /// The longest time that a drain may take.
    pub(crate) fn drain(&self) -> Duration {
        self.hold + self.request + Duration::from_secs(10)
    }
}

/// `cache.ttl`, where external ids move.
pub(crate) const CACHED: Duration = Duration::from_secs(1);

/// How the members of the group share the partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Among themselves; only partitions that have to move are revoked (cooperative-sticky).
    Sticky,
    /// Among themselves; every member gives back all partitions first (range).
    Range,
    /// The broker decides (KIP-848).
    Consumer,
}

/// All protocols that the daemon supports.
pub(crate) const PROTOCOLS: [Protocol; 3] = [Protocol::Sticky, Protocol::Range, Protocol::Consumer];

/// The configuration of the replicas, and of the broker and org around them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each stands for a fault of its own")]
pub(crate) struct Scenario {
    pub times: Times,
    pub orphans: Orphans,
    pub protocol: Protocol,
    /// `kafka.commit_interval`.
    pub commits: Duration,
    pub batch_rows: u32,
    /// Logins by JWT, whose assertions a wrong clock invalidates.
    pub asserts: bool,
    /// Brokers: one, or three.
    pub nodes: i32,
    /// A topic is deleted, and made again.
    pub recreates: bool,
    /// The dead-letter topic has its only replica on the last node.
    pub lonely_letters: bool,
    /// External ids move, and are cached for [`CACHED`] only.
    pub moves: bool,
}

/// The outcome of calls that a member leaves on the wire, and whether a member may end in the middle of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orphans {
    /// Members die and lose partitions; the calls that they leave are applied at once or never.
    AtOnce,
    /// There are none: a call may be applied late, but every member that leaves drains first.
    Never,
    /// Members die; the calls that they leave may be applied late, and `assign_hold` waits for them. A member that
    /// starts again has its partitions at once (`group_instance_id`): without that, the session of the dead member
    /// would be hold enough. The consumer protocol gives a name back when the session has ended, and its session is
    /// short.
    Held,
}

impl Orphans {
    /// In two seeds of five members die and no call comes late. These seeds have fewer late calls than the third that
    /// is wanted, and the others have more.
    pub(crate) fn choose(random: &mut impl Rng, faults: &[Fault]) -> Self {
        let chosen = random.random_range(0..5);
        if !faults.iter().any(|fault| fault.orphans()) {
            return Self::Never;
        }
        match chosen {
            0..2 => Self::AtOnce,
            4 => Self::Held,
            _ if faults.iter().all(|fault| fault.orphans()) => Self::AtOnce,
            _ => Self::Never,
        }
    }

    /// Whether a call may be applied after its caller has abandoned it.
    pub(crate) fn may_be_late(self) -> bool {
        self != Self::AtOnce
    }

    /// Whether the schedule may have this fault.
    pub(crate) fn allows(self, fault: Fault) -> bool {
        // A broker's end raises the epoch of a topic's leaders. librdkafka then takes those of a topic that is made
        // again for outdated, and reads nothing of it until the process starts again (`rd_kafka_toppar_leader_update`).
        // A static member that its group has given up while the broker was away is fenced by its own next commit, and
        // ends.
        match self {
            Self::Never => !fault.orphans(),
            // A slow org would apply calls after the end of their member.
            Self::AtOnce => !matches!(fault, Fault::Recreate | Fault::Slow),
            Self::Held => {
                !matches!(fault, Fault::Recreate | Fault::Broker | Fault::Node | Fault::Letters | Fault::Freeze)
            }
        }
    }
}
