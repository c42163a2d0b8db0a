//! Injects the faults of a schedule.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tokio::time::sleep;

use crate::{
    action::{GroupAction, OrgAction},
    fleet::{Fleet, now_ms},
    history::LARGE,
    moves,
    planned::{ADDED, PARTITIONS},
    schedule::Step,
    world::World,
};

/// The pause between two replicas of a rolling restart.
const APART: Duration = Duration::from_millis(500);

/// Injects the faults of the replicas, the topics and the broker.
pub(crate) async fn group(world: &World<'_>, fleet: &mut Fleet, steps: &[Step<GroupAction>]) -> Result<()> {
    for step in steps {
        fleet.wait(step.pause).await?;
        match &step.action {
            GroupAction::Kill { replica, down } => {
                fleet.kill(*replica).await?;
                fleet.wait(*down).await?;
                fleet.start(*replica)?;
            }
            GroupAction::Term { replica } => {
                fleet.stop(*replica).await?;
                fleet.start(*replica)?;
            }
            GroupAction::Zombie { replica, sleep } => fleet.suspend(*replica, *sleep).await?,
            GroupAction::Roll => {
                for replica in fleet.numbers() {
                    fleet.stop(replica).await?;
                    fleet.start(replica)?;
                    fleet.wait(APART).await?;
                }
            }
            GroupAction::Scale { stay } => {
                let replica = fleet.join()?;
                fleet.wait(*stay).await?;
                fleet.stop(replica).await?;
            }
            GroupAction::Broker { kill, down } => {
                world.broker.command(if *kill { "kill" } else { "stop" }, None).await?;
                fleet.wait(*down).await?;
                world.broker.command("again", None).await?;
            }
            GroupAction::Node { node, down } => {
                world.broker.command("kill", Some(*node)).await?;
                fleet.wait(*down).await?;
                world.broker.command("again", Some(*node)).await?;
            }
            GroupAction::Large => world.kafka.limit(&world.letters, LARGE).await?,
            GroupAction::Partitions => {
                world.kafka.grow(&world.topics[0], PARTITIONS + ADDED).await?;
                world.changed();
                world.grown.send_replace(true);
            }
            GroupAction::Recreate { gone } => world.recreate(fleet, *gone).await?,
            GroupAction::Mute { full, stay } => {
                let replica = fleet.join_without_log(*full)?;
                fleet.wait(*stay).await?;
                fleet.stop(replica).await?;
            }
            GroupAction::Freeze { before, replica, kill, after } => {
                let frozen = world.broker.freeze()?;
                fleet.wait(*before).await?;
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
            GroupAction::Transactions => {}
        }
    }
    world.grown.send_replace(true);
    Ok(())
}

/// Injects the faults of the org. Returns its outages, from and to, in milliseconds since the epoch.
pub(crate) async fn org(world: &World<'_>, steps: &[Step<OrgAction>]) -> Result<Vec<(u64, u64)>> {
    let mut outages = Vec::new();
    for step in steps {
        sleep(step.pause).await;
        match &step.action {
            OrgAction::Script(faults) => world.org.script(faults).await?,
            OrgAction::Outage { script, last } => {
                world.org.script(script).await?;
                let from = now_ms();
                sleep(*last).await;
                outages.push((from, now_ms()));
                world.org.clear().await?;
            }
            OrgAction::Expire => world.org.expire_sessions().await?,
            OrgAction::Clock { ahead_seconds, last } => {
                for seconds in [*ahead_seconds, 0] {
                    world.org.set(&json!({"clock_ahead_seconds": seconds})).await?;
                    world.org.expire_sessions().await?;
                    sleep(*last).await;
                }
            }
            OrgAction::Slow { ms_per_row, last } => {
                world.org.set(&json!({"latency_ms_per_row": ms_per_row})).await?;
                sleep(*last).await;
                world.org.set(&json!({"latency_ms_per_row": 0})).await?;
            }
            OrgAction::Move { first, count } => moves::move_ids(&world.org, *first, *count).await?,
            OrgAction::Quota { spent } => {
                world.org.script(&json!({"on": "data", "do": {"kind": "quota_spent"}})).await?;
                sleep(*spent).await;
                world.org.set(&json!({"quota_used": 0})).await?;
            }
            OrgAction::Bytes => {}
        }
    }
    Ok(outages)
}
