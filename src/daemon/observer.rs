//! The Salesforce client's reports as metrics.

use crate::{
    ops::metrics::Metrics,
    record::{LoginResult, OrgAvailability},
    salesforce::{EndedCall, Observer},
};

impl Observer for Metrics {
    fn call_started(&self) -> Box<dyn Send> {
        Box::new(self.call_in_flight())
    }

    fn call_ended(&self, call: EndedCall<'_>) {
        self.call(call.kind, call.status, call.rows, call.took);
    }

    fn availability_changed(&self, now: OrgAvailability) {
        self.org_state(now);
    }

    fn quota(&self, used: u64, max: u64) {
        Self::quota(self, used, max);
    }

    fn login(&self, result: LoginResult) {
        Self::login(self, result);
    }

    fn ids_looked_up(&self, hits: usize, misses: usize) {
        self.looked_up(hits, misses);
    }
}
