//! The actions that faults stand for, with their lengths by chance. Pure.

use std::time::Duration;

use rand::{Rng, RngExt as _};
use serde_json::Value;

use crate::{
    broker::NODES,
    fault::Fault,
    org_faults,
    scenario::{Orphans, Times},
};

/// A fault of the replicas, the topics or the broker. Replicas are numbered from 0.
#[derive(Debug, Clone, PartialEq)]
pub enum GroupAction {
    Kill {
        replica: usize,
        down: Duration,
    },
    Term {
        replica: usize,
    },
    Zombie {
        replica: usize,
        sleep: Duration,
    },
    Roll,
    Scale {
        stay: Duration,
    },
    Broker {
        kill: bool,
        down: Duration,
    },
    Node {
        node: i32,
        down: Duration,
    },
    Large,
    Partitions,
    Recreate {
        gone: Duration,
    },
    /// Nothing at its time: the producer uses transactions from the beginning (`crate::world`).
    Transactions,
    Mute {
        full: bool,
        stay: Duration,
    },
    Freeze {
        before: Duration,
        replica: usize,
        kill: bool,
        after: Duration,
    },
}

/// A fault of the org.
#[derive(Debug, Clone, PartialEq)]
pub enum OrgAction {
    Script(Value),
    /// The script, until it is cleared.
    Outage {
        script: Value,
        last: Duration,
    },
    Quota {
        spent: Duration,
    },
    Expire,
    Clock {
        ahead_seconds: i64,
        last: Duration,
    },
    Slow {
        ms_per_row: u64,
        last: Duration,
    },
    /// Moves `count` external ids, from the record `first` on in the order of the records.
    Move {
        first: usize,
        count: usize,
    },
    /// Nothing at its time: the org refuses such texts from the beginning.
    Bytes,
}

impl GroupAction {
    /// The action of a fault on the group's track, for this number of replicas.
    pub(crate) fn choose(random: &mut impl Rng, fault: Fault, replicas: usize) -> Self {
        let replica = random.random_range(0..replicas);
        match fault {
            Fault::Kill => Self::Kill { replica, down: millis(random, 0..1_500) },
            Fault::Term => Self::Term { replica },
            Fault::Zombie => Self::Zombie { replica, sleep: Times::SCALED.session + millis(random, 1_000..2_500) },
            Fault::Roll => Self::Roll,
            Fault::Scale => Self::Scale { stay: millis(random, 500..3_000) },
            Fault::Broker => Self::Broker { kill: random.random(), down: millis(random, 0..2_000) },
            Fault::Node => Self::Node { node: random.random_range(1..=NODES), down: millis(random, 0..3_000) },
            Fault::Letters => Self::Node { node: NODES, down: millis(random, 1_000..4_000) },
            Fault::Large => Self::Large,
            Fault::Partitions => Self::Partitions,
            Fault::Recreate => Self::Recreate { gone: millis(random, 1_500..4_000) },
            Fault::Transactions => Self::Transactions,
            Fault::Mute => Self::Mute { full: random.random(), stay: millis(random, 1_500..4_000) },
            Fault::Freeze => Self::Freeze {
                before: millis(random, 200..1_500),
                replica,
                kill: random.random(),
                after: millis(random, 0..1_500),
            },
            other => unreachable!("{other:?} strikes the org"),
        }
    }
}

impl OrgAction {
    /// The action of a fault on the org's track. The number of replicas only keeps the seeds what they are.
    pub(crate) fn choose(random: &mut impl Rng, fault: Fault, replicas: usize, orphans: Orphans) -> Self {
        let _: usize = random.random_range(0..replicas);
        match fault {
            Fault::Quota => Self::Quota { spent: millis(random, 1_000..4_000) },
            Fault::Expire => Self::Expire,
            Fault::Clock => Self::Clock {
                ahead_seconds: random.random_range(400..3_000) * if random.random() { 1 } else { -1 },
                last: millis(random, 500..3_000),
            },
            // A call of all rows outlasts its time-out, and none its hold.
            Fault::Slow => Self::Slow { ms_per_row: random.random_range(90..190), last: millis(random, 2_000..6_000) },
            Fault::Moved => Self::Move { first: random.random_range(0..1_000), count: random.random_range(4..12) },
            Fault::Bytes => Self::Bytes,
            fault => Self::Script(org_faults::script(random, fault, orphans.may_be_late())),
        }
    }
}

/// A duration of milliseconds in this range.
pub(crate) fn millis(random: &mut impl Rng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(random.random_range(range))
}
