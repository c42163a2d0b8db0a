//! Which faults come when: the same for the same seed. Pure; `crate::inflict` carries it out.
//!
//! Two tracks run beside each other: one strikes the replicas and the broker, one step after the other, and one the
//! org.

use std::time::Duration;

use clap::ValueEnum;
use rand::{Rng, RngExt as _, seq::IndexedRandom as _};
use serde_json::Value;

use crate::{
    broker::NODES,
    org_faults,
    setting::{Orphans, Times},
};

/// What can be asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Fault {
    /// SIGKILL, and another replica in its place
    Kill,
    /// SIGTERM, and another replica in its place
    Term,
    /// SIGSTOP for longer than the session, then SIGCONT
    Zombie,
    /// Every replica in turn: SIGTERM, and the next one
    Roll,
    /// One more replica joins, and leaves
    Scale,
    /// The broker is restarted, or killed and started again
    Broker,
    /// One broker of three is killed, and started again
    Node,
    /// The only broker that has the dead-letter topic is killed, and started again
    Letters,
    /// The dead-letter topic refuses large letters from now on, and some are large
    Large,
    /// A topic gets more partitions
    Partitions,
    /// A topic is deleted, and is there again some seconds later
    Recreate,
    /// Some of the records come in transactions, between others that are aborted
    Transactions,
    /// One more replica joins, and nobody reads its log, or its disk is full
    Mute,
    /// The broker stands still for a while, and a replica is ended meanwhile; under a backlog with many dead letters
    Freeze,
    Latency,
    /// 500 of the org
    Error,
    /// 502 of a proxy, in HTML
    Gateway,
    /// 503, maintenance
    Maintenance,
    /// 420 of the edge
    Edge,
    /// The daily quota is spent for a while
    Quota,
    /// 403, too many at once
    Concurrent,
    /// 401 in flight
    Expire,
    /// Row locks in a part of each batch
    Lock,
    /// The connection is cut before or after the call is applied, or it is applied later
    Cut,
    /// Half an answer
    Truncate,
    /// An answer that is no JSON
    Garbage,
    /// An answer of fewer rows than its request
    Short,
    /// No answer, and applied never, at once or later
    Hang,
    /// A byte at a time
    Trickle,
    /// The login fails for a while
    Login,
    /// The org's clock is minutes off for a while, and sessions end
    Clock,
    /// A page of the edge in place of the org
    Page,
    /// Calls and logins are sent to another host for a while
    Redirect,
    /// Each row takes its time for a while, so that whole calls outlast their time-out, and are applied after it
    Slow,
    /// The org refuses texts that only it knows to be bad, by columns in bytes and in characters, calls and rows
    Bytes,
    /// An outside hand moves external ids to other records
    Moved,
}

/// What a step does. Replicas are numbered from 0.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
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
    /// What is produced is chosen before: see `crate::world`.
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
    /// So many external ids move, from here on in the order of the records.
    Move {
        first: usize,
        count: usize,
    },
    /// It is so from the beginning.
    Bytes,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Since the step before it.
    pub pause: Duration,
    pub fault: Fault,
    pub action: Action,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    pub orphans: Orphans,
    pub group: Vec<Step>,
    pub org: Vec<Step>,
}

impl Fault {
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// Whether it strikes the replicas or the broker, and not the org.
    pub fn strikes_group(self) -> bool {
        self <= Self::Freeze
    }

    /// Whether a member may end, or lose a partition, in the middle of a call.
    pub fn orphans(self) -> bool {
        matches!(self, Self::Kill | Self::Zombie | Self::Broker | Self::Node | Self::Letters | Self::Freeze)
    }

    fn needs_cluster(self) -> bool {
        matches!(self, Self::Node | Self::Letters)
    }

    /// Whether there is such a thing with one broker, or with three.
    fn fits(self, cluster: bool) -> bool {
        if cluster { !matches!(self, Self::Broker | Self::Freeze) } else { !self.needs_cluster() }
    }

    fn comes_once(self) -> bool {
        matches!(self, Self::Partitions | Self::Large | Self::Recreate | Self::Bytes | Self::Transactions)
    }

    /// Whether a call may end without an answer, and so be sent again.
    pub fn hides_answers(self) -> bool {
        use Fault::{Cut, Error, Garbage, Gateway, Hang, Latency, Short, Slow, Trickle, Truncate};
        matches!(self, Latency | Error | Gateway | Cut | Truncate | Garbage | Short | Hang | Trickle | Slow)
    }

    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

impl Schedule {
    /// Out of `faults`, for so many replicas. One seed in six leaves the group alone, and one the org.
    pub fn new(random: &mut impl Rng, faults: &[Fault], replicas: usize) -> Self {
        let orphans = Orphans::choose(random, faults);
        let (group, org): (Vec<_>, Vec<_>) =
            faults.iter().filter(|fault| orphans.allows(**fault)).partition(|fault| fault.strikes_group());
        let spared = random.random_range(0..6);
        let leaves = |side, other: &[Fault]| spared == side && !other.is_empty();
        let group = if leaves(0, &org) { Vec::new() } else { pick_for_group(random, &group) };
        let in_org = random.random_range(2..=6);
        let org = if leaves(1, &group) { Vec::new() } else { pick(random, &org, in_org) };
        let group = group.into_iter().map(|fault| (2_000, fault));
        let steps = group.chain(org.into_iter().map(|fault| (1_500, fault))).map(|(longest, fault)| Step {
            pause: millis(random, 100..longest),
            fault,
            action: action(random, fault, replicas, orphans.may_be_late()),
        });
        let (group, org) = steps.collect::<Vec<_>>().into_iter().partition(|step| step.fault.strikes_group());
        Self { orphans, group, org }
    }

    pub fn faults(&self) -> impl Iterator<Item = Fault> {
        self.group.iter().chain(&self.org).map(|step| step.fault)
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults().any(|other| other == fault)
    }

    pub(crate) fn needs_cluster(&self) -> bool {
        self.faults().any(Fault::needs_cluster)
    }
}

/// In one seed of four it has three brokers, and loses one; where members may die, one does.
fn pick_for_group(random: &mut impl Rng, faults: &[Fault]) -> Vec<Fault> {
    let cluster = random.random_bool(0.25) || !faults.iter().any(|fault| fault.fits(false));
    let cluster = cluster && faults.iter().any(|fault| fault.needs_cluster());
    let fitting: Vec<_> = faults.iter().copied().filter(|fault| fault.fits(cluster)).collect();
    let first = |fault: &Fault| if cluster { fault.needs_cluster() } else { fault.orphans() };
    let first: Vec<_> = fitting.iter().copied().filter(first).collect();
    let mut picked = pick(random, &first, 1);
    let more = random.random_range(1..=3) - picked.len();
    picked.extend(pick(random, &fitting, more));
    picked
}

/// So many of them, in an order by chance.
fn pick(random: &mut impl Rng, faults: &[Fault], count: usize) -> Vec<Fault> {
    let mut picked: Vec<Fault> = Vec::new();
    for _ in 0..count {
        let fault = faults.choose(random).copied();
        picked.extend(fault.filter(|fault| !fault.comes_once() || !picked.contains(fault)));
    }
    picked
}

pub(crate) fn millis(random: &mut impl Rng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(random.random_range(range))
}

fn action(random: &mut impl Rng, fault: Fault, replicas: usize, late: bool) -> Action {
    let replica = random.random_range(0..replicas);
    match fault {
        Fault::Kill => Action::Kill { replica, down: millis(random, 0..1_500) },
        Fault::Term => Action::Term { replica },
        Fault::Zombie => Action::Zombie { replica, sleep: Times::SCALED.session + millis(random, 1_000..2_500) },
        Fault::Roll => Action::Roll,
        Fault::Scale => Action::Scale { stay: millis(random, 500..3_000) },
        Fault::Broker => Action::Broker { kill: random.random(), down: millis(random, 0..2_000) },
        Fault::Node => Action::Node { node: random.random_range(1..=NODES), down: millis(random, 0..3_000) },
        Fault::Letters => Action::Node { node: NODES, down: millis(random, 1_000..4_000) },
        Fault::Large => Action::Large,
        Fault::Partitions => Action::Partitions,
        Fault::Recreate => Action::Recreate { gone: millis(random, 1_500..4_000) },
        Fault::Transactions => Action::Transactions,
        Fault::Mute => Action::Mute { full: random.random(), stay: millis(random, 1_500..4_000) },
        Fault::Freeze => Action::Freeze {
            before: millis(random, 200..1_500),
            replica,
            kill: random.random(),
            after: millis(random, 0..1_500),
        },
        Fault::Quota => Action::Quota { spent: millis(random, 1_000..4_000) },
        Fault::Expire => Action::Expire,
        Fault::Clock => Action::Clock {
            ahead_seconds: random.random_range(400..3_000) * if random.random() { 1 } else { -1 },
            last: millis(random, 500..3_000),
        },
        // A call of all rows outlasts its time-out, and none its hold.
        Fault::Slow => Action::Slow { ms_per_row: random.random_range(90..190), last: millis(random, 2_000..6_000) },
        Fault::Moved => Action::Move { first: random.random_range(0..1_000), count: random.random_range(4..12) },
        Fault::Bytes => Action::Bytes,
        fault => Action::Script(org_faults::script(random, fault, late)),
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    fn of(seed: u64) -> Schedule {
        Schedule::new(&mut StdRng::seed_from_u64(seed), Fault::all(), 2)
    }

    #[test]
    fn a_seed_says_it_all_and_forty_seeds_bring_nearly_everything() {
        assert_eq!(of(7), of(7));
        let mut seen: Vec<_> = (0..40).flat_map(|seed| of(seed).faults().collect::<Vec<_>>()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert!(seen.len() >= Fault::all().len() - 3, "{seen:?}");
    }

    #[test]
    fn a_third_of_hangs_and_cuts_is_applied_later_and_never_where_a_member_may_die() {
        let (mut all, mut late) = (0, 0);
        for schedule in (0..2_000).map(of) {
            let script = |step: &Step| match &step.action {
                Action::Script(script) => script["do"]["kind"].as_str().map(ToOwned::to_owned),
                _ => None,
            };
            let kinds: Vec<_> = schedule.org.iter().filter_map(script).collect();
            let later = kinds.iter().filter(|kind| *kind == "apply_later").count();
            all += later + kinds.iter().filter(|kind| ["hang", "cut"].contains(&kind.as_str())).count();
            late += later;
            let dies = schedule.faults().any(Fault::orphans);
            assert!(later == 0 || !dies || schedule.orphans == Orphans::Held, "{schedule:?}");
        }
        assert!(late * 3 >= all, "{late} of {all}");
    }

    #[test]
    fn some_seeds_leave_the_group_alone_and_some_the_org() {
        assert!((0..40).any(|seed| of(seed).group.is_empty()) && (0..40).any(|seed| of(seed).org.is_empty()));
    }
}
