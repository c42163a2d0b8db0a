//! Says that the calls of an SObject and operation take longer than the time-out: in the log, and as a wait for the org,
//! until one of them is answered.

use std::{collections::HashMap, sync::Arc};

use crate::{
    ops::health::{Health, Waiting, Whom},
    pipeline::BatchKey,
    record::{Action, Cause},
};

#[derive(Debug)]
pub(super) struct SlowCalls {
    health: Health,
    waits: HashMap<(Arc<str>, Action), Waiting>,
}

impl SlowCalls {
    pub(super) fn new(health: Health) -> Self {
        Self { health, waits: HashMap::new() }
    }

    /// A call of `rows` rows has timed out; the next ones have at most `next`.
    pub(super) fn timed_out(&mut self, key: &BatchKey, rows: usize, next: usize, cause: &Cause) {
        let (sobject, operation) = (&*key.sobject, key.action.word());
        tracing::warn!(
            event = "calls_time_out",
            sobject,
            operation,
            rows,
            next,
            %cause,
            "The org did not answer a call within salesforce.request_timeout: its result is unknown, and the next calls have fewer rows"
        );
        let why = format!(
            "calls to {operation} {sobject} take longer than salesforce.request_timeout; the next ones have at most {next} rows"
        );
        let place = super::sizes::place(key);
        let known = self.waits.remove(&place);
        self.waits.insert(place, Waiting::go_on(known, &self.health, Whom::Salesforce, &why));
    }

    /// A call has an answer, whatever it says.
    pub(super) fn answered(&mut self, key: &BatchKey) {
        if !self.waits.is_empty() {
            self.waits.remove(&super::sizes::place(key));
        }
    }
}
