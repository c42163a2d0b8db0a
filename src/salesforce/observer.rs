use std::{fmt, time::Duration};

use crate::record::{LoginResult, OrgAvailability};

/// Receives what the client does, for metrics. All methods are called often, and must not block.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// A request begins. The guard lives until it has ended, also where its caller goes away before that.
    fn call_started(&self) -> Box<dyn Send>;

    /// A request has ended.
    fn call_ended(&self, call: EndedCall<'_>);

    /// The availability of the org has changed.
    fn availability_changed(&self, now: OrgAvailability);

    /// Calls used and allowed in the org's rolling 24 hours, as the last answer says.
    fn quota(&self, used: u64, max: u64);

    fn login(&self, result: LoginResult);

    /// The cache was asked for record ids by external id; `misses` have to be queried.
    fn ids_looked_up(&self, hits: usize, misses: usize);
}

/// One request, once it is over.
#[derive(Debug, Clone, Copy)]
pub struct EndedCall<'a> {
    /// The kind of call: `upsert`, `query` and so on.
    pub kind: &'static str,
    /// The HTTP status, or `unanswered` or `not_sent`.
    pub status: &'a str,
    /// The number of rows that it carried.
    pub rows: usize,
    pub took: Duration,
}

/// Ignores everything, for tests.
#[cfg(test)]
impl Observer for () {
    fn call_started(&self) -> Box<dyn Send> {
        Box::new(())
    }

    fn call_ended(&self, _: EndedCall<'_>) {}

    fn availability_changed(&self, _: OrgAvailability) {}

    fn quota(&self, _: u64, _: u64) {}

    fn login(&self, _: LoginResult) {}

    fn ids_looked_up(&self, _: usize, _: usize) {}
}
