//! Reports when the lease has lapsed: no commit succeeds, so nothing may be written.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{observer::Observer, offsets::AssignedOffsets};
use crate::runtime::lease::Lease;

/// Logs and reports when nothing is written because no commit succeeds, until `cancel`.
pub(super) async fn watch(lease: Lease, assigned: AssignedOffsets, observer: Observer, cancel: CancellationToken) {
    /// A lease that is only a little late is not worth a line.
    const GRACE: Duration = Duration::from_secs(1);
    let mut waiting = None;
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            () = lease.lapsed_for(GRACE), if waiting.is_none() => {
                if assigned.lock().is_empty() {
                    tokio::time::sleep(GRACE).await;
                } else {
                    warn!(
                        event = "lease_lapsed",
                        "no commit succeeds, the partitions may be another member's by now: nothing is written"
                    );
                    waiting = Some(observer.waiting("no commit succeeds, so that nothing may be written"));
                }
            }
            () = is_idle(&assigned, GRACE), if waiting.is_some() => waiting = None,
            () = lease.held(), if waiting.is_some() => {
                info!(event = "lease_renewed", "commits succeed again, writing goes on");
                waiting = None;
            }
        }
    }
}

/// Waits until no partition is owned, so that there is nothing to write.
async fn is_idle(assigned: &AssignedOffsets, tick: Duration) {
    while !assigned.lock().is_empty() {
        tokio::time::sleep(tick).await;
    }
}
