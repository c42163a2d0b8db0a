//! The lease: this process may write while it is sure that no other member owns its partitions.
//!
//! The group gives the partitions of a silent member to another one, and cannot tell the silent one. What that member
//! knows is when the group last took a commit of it: then it was a member when it sent the commit. So nothing is sent
//! once that is longer ago than the lease, by the process's own clock. This narrows the window and does not close it:
//! what is in flight when the process is suspended arrives all the same.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

use crate::mutation::{self, Mutation};

/// Cheap to clone; all clones are one lease.
#[derive(Debug, Clone)]
pub struct Lease(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    length: Duration,
    known: watch::Sender<Known>,
}

/// A permit to send one call. It is not valid any more once the lease has lapsed after it was given.
#[derive(Debug, Clone)]
pub struct WritePermit {
    lease: Lease,
    lapses: u64,
}

#[derive(Debug, Default)]
struct Known {
    /// The time at which the last commit that succeeded was sent; `None` while there is none that counts.
    renewed: Option<Instant>,
    /// A commit that was sent before this does not count any more.
    lapsed: Option<Instant>,
    lapses: u64,
}

impl Lease {
    /// A lease that is not held until it is renewed.
    pub fn new(length: Duration) -> Self {
        Self(Arc::new(Inner { length, known: watch::Sender::new(Known::default()) }))
    }

    pub fn length(&self) -> Duration {
        self.0.length
    }

    /// Renews the lease by a commit that was sent at `sent` and has succeeded.
    pub fn renew(&self, sent: Instant) {
        self.0.known.send_modify(|known| {
            if known.lapsed.is_none_or(|lapsed| lapsed < sent) {
                known.renewed = Some(sent);
            }
        });
    }

    /// Ends the lease, since partitions are lost: no commit counts that was sent until now, whenever it succeeds.
    pub fn lapse(&self) {
        self.0.known.send_modify(|known| {
            *known = Known { renewed: None, lapsed: Some(Instant::now()), lapses: known.lapses + 1 };
        });
    }

    /// A lease that is always held.
    #[cfg(test)]
    pub(crate) fn for_ever() -> Self {
        let lease = Self::new(Duration::MAX);
        lease.renew(Instant::now());
        lease
    }

    pub fn is_held(&self) -> bool {
        self.left().is_some()
    }

    /// A permit for a call that begins now.
    pub fn permit(&self) -> WritePermit {
        WritePermit { lease: self.clone(), lapses: self.0.known.borrow().lapses }
    }

    /// Waits until it is held. Cancel-safe.
    pub async fn held(&self) {
        let mut renewals = self.0.known.subscribe();
        while !self.is_held() {
            // The sender lives as long as this.
            drop(renewals.changed().await);
        }
    }

    /// Waits until it has not been held for `patience`, from now on and without a break. Cancel-safe.
    pub async fn lapsed_for(&self, patience: Duration) {
        loop {
            while let Some(left) = self.left() {
                tokio::time::sleep(left).await;
            }
            if tokio::time::timeout(patience, self.held()).await.is_err() {
                return;
            }
        }
    }

    /// The time until it lapses, if it is held.
    fn left(&self) -> Option<Duration> {
        if mutation::on(Mutation::Lease) {
            return Some(self.0.length.max(Duration::from_secs(1)));
        }
        let renewed = self.0.known.borrow().renewed?;
        self.0.length.checked_sub(renewed.elapsed()).filter(|left| !left.is_zero())
    }
}

impl WritePermit {
    pub fn is_valid(&self) -> bool {
        let lapsed = self.lease.0.known.borrow().lapses != self.lapses;
        self.lease.is_held() && (!lapsed || mutation::on(Mutation::Lease))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const LENGTH: Duration = Duration::from_secs(10);

    fn held() -> Lease {
        let lease = Lease::new(LENGTH);
        lease.renew(Instant::now());
        lease
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_is_held_for_its_length_since_the_commit_was_sent() {
        let lease = Lease::new(LENGTH);
        assert!(!lease.is_held() && lease.held().now_or_never().is_none());
        let sent = Instant::now();
        tokio::time::advance(Duration::from_secs(9)).await;
        lease.renew(sent);
        assert!(lease.is_held() && lease.held().now_or_never().is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!lease.is_held());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_waits_for_the_lease_goes_on_after_the_next_commit() {
        let lease = Lease::new(LENGTH);
        let waiting = tokio::spawn({
            let lease = lease.clone();
            async move { lease.held().await }
        });
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!waiting.is_finished());
        lease.renew(Instant::now());
        waiting.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_loss_of_partitions_ends_the_lease_at_once() {
        let lease = held();
        let (sent, earlier) = (Instant::now(), lease.permit());
        assert!(earlier.is_valid());
        lease.lapse();
        lease.renew(sent);
        assert!(!lease.is_held(), "a commit that librdkafka had kept");
        tokio::time::advance(Duration::from_millis(1)).await;
        lease.renew(Instant::now());
        assert!(lease.is_held());
        assert!(lease.permit().is_valid() && !earlier.is_valid(), "a call that was begun before");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_has_lapsed_for_a_time_only_without_a_renewal_meanwhile() {
        let lease = held();
        let start = Instant::now();
        let out = tokio::spawn({
            let lease = lease.clone();
            async move { lease.lapsed_for(Duration::from_secs(10)).await }
        });
        // One that comes before the patience is over begins it anew.
        tokio::time::sleep(Duration::from_secs(15)).await;
        lease.renew(Instant::now());
        out.await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(15 + 10 + 10));
    }
}
