//! A schedule, carried out.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use tokio::time::sleep;

use crate::{
    fleet::Fleet,
    history::{ADDED, PARTITIONS},
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
                world.broker.command(if *kill { "kill" } else { "stop" }).await?;
                fleet.rest(*down).await?;
                world.broker.command("again").await?;
            }
            Action::Partitions => {
                world.kafka.grow(&world.topics[0], PARTITIONS + ADDED).await?;
                world.grown.send_replace(true);
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
            Action::Script(_) | Action::Quota { .. } | Action::Expire => {}
        }
    }
    world.grown.send_replace(true);
    Ok(())
}

/// What strikes the org.
pub(crate) async fn org(world: &World<'_>, steps: &[Step]) -> Result<()> {
    for step in steps {
        sleep(step.pause).await;
        match &step.action {
            Action::Script(faults) => world.org.script(faults).await?,
            Action::Expire => world.org.expire_sessions().await?,
            Action::Quota { spent } => {
                world.org.script(&json!({"on": "data", "do": {"kind": "quota_spent"}})).await?;
                sleep(*spent).await;
                world.org.set(&json!({"quota_used": 0})).await?;
            }
            _ => {}
        }
    }
    Ok(())
}
