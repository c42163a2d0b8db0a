//! The long runs: faults that take minutes, at their real length. Each is run by its name, and judged as a seed is.
//! Pure.

use std::time::Duration;

use clap::ValueEnum;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    action::{GroupAction, OrgAction, millis},
    fault::Fault,
    history::{Shape, history},
    plan::Plan,
    scenario::{Orphans, Protocol, Scenario, Times},
    schedule::{Schedule, Step},
};

/// A long run, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Long {
    /// The login fails for five minutes
    Login,
    /// The broker is away for a minute
    Broker,
    /// The org is in maintenance for ten minutes, while records come in at full speed
    Outage,
    /// Two dozen SIGKILLs
    Kills,
    /// The org takes a second for each row, for twenty minutes: a whole call outlasts its time-out
    Slow,
}

const MINUTE: Duration = Duration::from_secs(60);
const KILLS: usize = 24;
const SLOW: Duration = Duration::from_secs(20 * 60);

impl Long {
    pub(crate) fn plan(self, seed: u64) -> Plan {
        let mut random = StdRng::seed_from_u64(seed);
        let replicas = if self == Self::Kills { 3 } else { 2 };
        let schedule = self.schedule(&mut random, replicas);
        let (records, over) = match self {
            Self::Login => (6_000, MINUTE * 5),
            Self::Broker => (3_000, MINUTE),
            Self::Outage => (240_000, MINUTE * 10),
            Self::Kills => (5_000, MINUTE * 3),
            Self::Slow => (1_200, MINUTE),
        };
        // A backlog of an hour tests nothing if all of it waits for a few records.
        let many = matches!(self, Self::Outage | Self::Slow);
        let shape = Shape { identities: if many { 3_000 } else { 24 }, ..Shape::default() };
        let scenario = Scenario {
            times: if self == Self::Kills { Times::SCALED } else { Times::REAL },
            orphans: schedule.orphans,
            protocol: Protocol::Sticky,
            commits: Duration::from_secs(1),
            batch_rows: 200,
            asserts: false,
            nodes: 1,
            recreates: false,
            lonely_letters: false,
            moves: false,
        };
        Plan {
            name: format!("long-{self:?}").to_lowercase(),
            scenario,
            schedule,
            history: history(&mut random, records, shape),
            transactions: false,
            over,
            replicas,
            latency_ms: 20,
            patience: if self == Self::Slow { SLOW + MINUTE * 10 } else { MINUTE * 10 },
        }
    }

    fn schedule(self, random: &mut StdRng, replicas: usize) -> Schedule {
        let fails = |script: Value, last| OrgAction::Outage { script, last };
        match self {
            Self::Login => {
                let refusal =
                    json!({"kind": "oauth_error", "error": "server_error", "description": "-", "status": 500});
                let script = json!([
                    {"on": "login", "times": null, "do": refusal},
                    {"on": "data", "do": {"kind": "expire_sessions"}},
                ]);
                let org = one_step(Fault::Login, fails(script, MINUTE * 5));
                Schedule { orphans: Orphans::Never, group: Vec::new(), org }
            }
            Self::Outage => {
                let error = json!({"code": "SERVER_UNAVAILABLE", "message": "Server is too busy"});
                let script =
                    json!({"on": "data", "times": null, "do": {"kind": "status", "status": 503, "error": error}});
                let org = one_step(Fault::Maintenance, fails(script, MINUTE * 10));
                Schedule { orphans: Orphans::Never, group: Vec::new(), org }
            }
            Self::Broker => {
                let group = one_step(Fault::Broker, GroupAction::Broker { kill: true, down: MINUTE });
                Schedule { orphans: Orphans::AtOnce, group, org: Vec::new() }
            }
            Self::Slow => {
                let org = one_step(Fault::Slow, OrgAction::Slow { ms_per_row: 1_000, last: SLOW });
                Schedule { orphans: Orphans::Never, group: Vec::new(), org }
            }
            Self::Kills => {
                let kill = |_| Step {
                    pause: millis(random, 1_000..8_000),
                    fault: Fault::Kill,
                    action: GroupAction::Kill {
                        replica: random.random_range(0..replicas),
                        down: millis(random, 0..2_000),
                    },
                };
                Schedule { orphans: Orphans::AtOnce, group: (0..KILLS).map(kill).collect(), org: Vec::new() }
            }
        }
    }
}

/// A track of one step.
fn one_step<A>(fault: Fault, action: A) -> Vec<Step<A>> {
    vec![Step { pause: Duration::from_secs(5), fault, action }]
}
