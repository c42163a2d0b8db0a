//! Everything that a run does, by its seed. Pure.

use std::time::Duration;

use rand::{Rng, RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use crate::{
    action::millis,
    broker::NODES,
    fault::Fault,
    history::{Shape, history},
    options::Options,
    planned::Planned,
    scenario::{PROTOCOLS, Protocol, Scenario, Times},
    schedule::Schedule,
};

/// Everything that one run does.
pub(crate) struct Plan {
    pub name: String,
    pub scenario: Scenario,
    pub schedule: Schedule,
    pub history: Vec<Planned>,
    /// The time over which the history is produced.
    pub over: Duration,
    /// Whether some of the history is produced in transactions.
    pub transactions: bool,
    pub replicas: usize,
    /// The latency of each call of the org.
    pub latency_ms: u64,
    /// The longest time until everything is committed, after the last fault.
    pub patience: Duration,
}

/// A protocol by chance, but not range where a topic is deleted and made again: range drains all partitions whenever a
/// topic changes, and would commit old offsets to the new topic.
fn protocol(random: &mut impl Rng, recreates: bool) -> Protocol {
    let chosen = PROTOCOLS.choose(random).copied().unwrap_or(Protocol::Sticky);
    if recreates && chosen == Protocol::Range { Protocol::Sticky } else { chosen }
}

impl Plan {
    /// The plan of a seed.
    pub(crate) fn of(options: &Options) -> Self {
        let mut random = StdRng::seed_from_u64(options.seed);
        let schedule = Schedule::new(&mut random, &options.faults, options.replicas);
        // A frozen broker delivers no records: only a backlog keeps records under way then.
        let backlog = schedule.has(Fault::Freeze);
        let shape = Shape {
            grows: schedule.has(Fault::Partitions),
            misses: backlog,
            large: schedule.has(Fault::Large),
            refused: schedule.has(Fault::Bytes),
            ..Shape::default()
        };
        // A member that falls asleep must have something to do when it wakes up: changes that wait for earlier ones.
        let sleeps = schedule.has(Fault::Zombie);
        let (times, latency) = match (backlog, sleeps) {
            (true, _) => (4, 50..100),
            (_, true) => (2, 100..250),
            _ => (1, 1..60),
        };
        let records = options.records * times;
        let latency_ms = random.random_range(latency);
        let scenario = Scenario {
            times: Times::SCALED,
            orphans: schedule.orphans,
            protocol: protocol(&mut random, schedule.has(Fault::Recreate)),
            commits: millis(&mut random, 50..1_000),
            batch_rows: 25,
            asserts: schedule.has(Fault::Clock),
            nodes: if schedule.needs_cluster() { NODES } else { 1 },
            recreates: schedule.has(Fault::Recreate),
            lonely_letters: schedule.has(Fault::Letters),
            moves: schedule.has(Fault::Moved),
        };
        // An id that is cached too long shows only after that time.
        let over = if scenario.moves { options.over * 4 } else { options.over };
        let transactions = schedule.has(Fault::Transactions);
        Self {
            name: format!("seed-{}", options.seed),
            scenario,
            history: history(&mut random, records, shape),
            schedule,
            transactions,
            over: if backlog { Duration::ZERO } else { over },
            replicas: options.replicas,
            latency_ms,
            patience: Duration::from_secs(120),
        }
    }
}
