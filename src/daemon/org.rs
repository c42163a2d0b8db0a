//! The Salesforce client as the sink's org.

use std::{sync::Arc, time::Duration};

use crate::{
    record::{BatchKey, BatchRow, Cause, Refresh, SObject, Verdict},
    runtime::lease::WritePermit,
    salesforce::{CallPermit, Salesforce},
    sink,
};

impl sink::CallPermit for CallPermit {
    fn is_probe(&self) -> bool {
        Self::is_probe(self)
    }

    fn reads_only(&self) -> bool {
        Self::reads_only(self)
    }
}

impl sink::Org for Salesforce {
    type Permit = CallPermit;

    async fn permit(&self) -> CallPermit {
        Self::permit(self).await
    }

    async fn wait_for_outage(&self, patience: Duration) {
        Self::wait_for_outage(self, patience).await;
    }

    async fn wait_for_exhausted_quota(&self) -> Cause {
        Self::wait_for_exhausted_quota(self).await
    }

    async fn write(&self, key: &BatchKey, rows: &[BatchRow<'_>], permit: &WritePermit) -> Vec<Verdict> {
        Self::write(self, key, rows, permit).await
    }

    async fn probe(&self) {
        Self::probe(self).await;
    }

    async fn describe(&self, sobject: &str, refresh: Refresh<'_>) -> Result<Arc<SObject>, Cause> {
        Self::describe(self, sobject, refresh).await
    }

    fn describe_generation(&self) -> u64 {
        Self::describe_generation(self)
    }
}
