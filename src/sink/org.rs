use std::{future::Future, sync::Arc, time::Duration};

use crate::{
    record::{BatchKey, BatchRow, Cause, Refresh, SObject, Verdict},
    runtime::lease::WritePermit,
};

/// A permit to make one attempt: its query, its write and what it sends again. While a probe's permit is alive, no
/// other permit is granted.
pub trait CallPermit: Send + 'static {
    /// Whether this call is a probe: the org is down, and the call is to find out whether it still is.
    fn is_probe(&self) -> bool;

    /// Whether the call must be [`Org::probe`], which writes nothing, since the last calls had no answer.
    fn reads_only(&self) -> bool {
        false
    }
}

/// The org, as the sink sees it.
///
/// `write` makes one attempt and returns one verdict for each row, in the order of the rows. It never waits for the org
/// to become well: that is a verdict ([`RetryKind::Org`](crate::record::RetryKind::Org)), and callers wait in
/// [`Org::permit`].
pub trait Org: Send + Sync + 'static {
    type Permit: CallPermit;

    /// Waits for a permit: the org holds how many attempts may be under way. Cancel-safe.
    fn permit(&self) -> impl Future<Output = Self::Permit> + Send;

    /// Waits until the org has taken no calls for all of `patience`, counted from now on. Cancel-safe.
    fn wait_for_outage(&self, patience: Duration) -> impl Future<Output = ()> + Send;

    /// Waits until the org answers that the calls of the day are used up, and does not have to be asked whether that
    /// is still so. Cancel-safe.
    fn wait_for_exhausted_quota(&self) -> impl Future<Output = Cause> + Send;

    /// Makes one attempt, under a permit of the caller; at most one row for each identity. Nothing is sent once `permit`
    /// is not valid any more: it was taken when the rows were chosen.
    fn write(
        &self,
        key: &BatchKey,
        rows: &[BatchRow<'_>],
        permit: &WritePermit,
    ) -> impl Future<Output = Vec<Verdict>> + Send;

    /// A call that writes nothing and only asks whether the org is well.
    fn probe(&self) -> impl Future<Output = ()> + Send;

    /// The SObject as the org describes it. A description that is in doubt is asked for again if it is old enough.
    /// Waits for the org as long as it takes; an error says what an operator must fix.
    fn describe(&self, sobject: &str, refresh: Refresh<'_>)
    -> impl Future<Output = Result<Arc<SObject>, Cause>> + Send;

    /// The number of descriptions that were received: what is kept of one is out of date when this has changed.
    fn describe_generation(&self) -> u64 {
        0
    }
}
