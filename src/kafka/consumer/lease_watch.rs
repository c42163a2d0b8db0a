//! Where no commit succeeds, nothing may be written, and somebody should know.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::commit::Owned;
use crate::{
    ops::health::{Dependency, Health},
    runtime::lease::Lease,
};

/// Says when nothing is written for want of commits, until `cancel`.
pub(super) async fn watch(lease: Lease, owned: Owned, health: Health, cancel: CancellationToken) {
    /// A lease that is only late is nobody's concern.
    const GRACE: Duration = Duration::from_secs(1);
    let mut waiting = None;
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            () = lease.out(GRACE), if waiting.is_none() => {
                if owned.lock().is_empty() {
                    tokio::time::sleep(GRACE).await;
                } else {
                    warn!(
                        event = "lease_lapsed",
                        "no commit succeeds, our partitions may be another member's by now: nothing is written"
                    );
                    waiting = Some(health.wait(Dependency::Kafka, "no commit succeeds, so that nothing may be written"));
                }
            }
            () = idle(&owned, GRACE), if waiting.is_some() => waiting = None,
            () = lease.held(), if waiting.is_some() => {
                info!(event = "lease_renewed", "commits succeed again, writing goes on");
                waiting = None;
            }
        }
    }
}

/// Waits until nothing is owned, and nothing is to be written therefore.
async fn idle(owned: &Owned, tick: Duration) {
    while !owned.lock().is_empty() {
        tokio::time::sleep(tick).await;
    }
}
