//! A schedule, carried out.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tokio::time::sleep;

use crate::{
    fleet::{Fleet, now_ms},
    history::{ADDED, LARGE, PARTITIONS},
    moves,
    schedule::{Action, Step},
    world::World,
};

/// Between two replicas of a rolling restart.
const APART: Duration = Duration::from_millis(500);

/// What strikes the replicas and the broker.
pub(crate) async fn group(world: &World<'_>, fleet: &mut Fleet, steps: &[Step]) -> Result<()> {
    for step in steps {
        fleet.rest(step.pause).await?;
        match &step.action {
            Action::Kill { replica, down } => {
                fleet.kill(*replica).await?;
                fleet.rest(*down).await?;
                fleet.start(*replica)?;
            }
            Action::Term { replica } => {
                fleet.stop(*replica).await?;
                fleet.start(*replica)?;
            }
            Action::Zombie { replica, sleep } => fleet.nap(*replica, *sleep).await?,
            Action::Roll => {
                for replica in fleet.numbers() {
                    fleet.stop(replica).await?;
                    fleet.start(replica)?;
                    fleet.rest(APART).await?;
                }
            }
            Action::Scale { stay } => {
                let replica = fleet.join()?;
                fleet.rest(*stay).await?;
                fleet.stop(replica).await?;
            }
            Action::Broker { kill, down } => {
                world.broker.command(if *kill { "kill" } else { "stop" }, None).await?;
                fleet.rest(*down).await?;
                world.broker.command("again", None).await?;
            }
            Action::Node { node, down } => {
                world.broker.command("kill", Some(*node)).await?;
                fleet.rest(*down).await?;
                world.broker.command("again", Some(*node)).await?;
            }
            Action::Large => world.kafka.limit(&world.letters, LARGE).await?,
            Action::Partitions => {
                world.kafka.grow(&world.topics[0], PARTITIONS + ADDED).await?;
                world.changed();
                world.grown.send_replace(true);
            }
            Action::Recreate { gone } => world.recreate(fleet, *gone).await?,
            Action::Mute { full, stay } => {
                let replica = fleet.join_unheard(*full)?;
                fleet.rest(*stay).await?;
                fleet.stop(replica).await?;
            }
            Action::Freeze { before, replica, kill, after } => {
                let frozen = world.broker.freeze()?;
                fleet.rest(*before).await?;
                let ended = async { if *kill { fleet.kill(*replica).await } else { fleet.stop(*replica).await } };
                let thawed = async {
                    sleep(*after).await;
                    drop(frozen);
                };
                // The end of a drain waits for the broker.
                let (ended, ()) = tokio::join!(ended, thawed);
                ended?;
                fleet.start(*replica)?;
            }
            // Those of the org.
            Action::Transactions
            | Action::Script(_)
            | Action::Outage { .. }
            | Action::Quota { .. }
            | Action::Expire
            | Action::Clock { .. }
            | Action::Slow { .. }
            | Action::Move { .. }
            | Action::Bytes => {}
        }
    }
    world.grown.send_replace(true);
    Ok(())
}

/// What strikes the org. Returns when its outages were, in milliseconds since the epoch.
pub(crate) async fn org(world: &World<'_>, steps: &[Step]) -> Result<Vec<(u64, u64)>> {
    let mut outages = Vec::new();
    for step in steps {
        sleep(step.pause).await;
        match &step.action {
            Action::Script(faults) => world.org.script(faults).await?,
            Action::Outage { script, last } => {
                world.org.script(script).await?;
                let from = now_ms();
                sleep(*last).await;
                outages.push((from, now_ms()));
                world.org.clear().await?;
            }
            Action::Expire => world.org.expire_sessions().await?,
            Action::Clock { ahead_seconds, last } => {
                for seconds in [*ahead_seconds, 0] {
                    world.org.set(&json!({"clock_ahead_seconds": seconds})).await?;
                    world.org.expire_sessions().await?;
                    sleep(*last).await;
                }
            }
            Action::Slow { ms_per_row, last } => {
                world.org.set(&json!({"latency_ms_per_row": ms_per_row})).await?;
                sleep(*last).await;
                world.org.set(&json!({"latency_ms_per_row": 0})).await?;
            }
            Action::Move { first, count } => moves::carry_out(&world.org, *first, *count).await?,
            Action::Quota { spent } => {
                world.org.script(&json!({"on": "data", "do": {"kind": "quota_spent"}})).await?;
                sleep(*spent).await;
                world.org.set(&json!({"quota_used": 0})).await?;
            }
            _ => {}
        }
    }
    Ok(outages)
}
