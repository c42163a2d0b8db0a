//! Reports that the calls of an SObject and operation take longer than the time-out: in the log, and as a wait for the
//! org, until one of them is answered, or none was sent for as long as an org works on a call.

use std::{collections::HashMap, time::Duration};

use tokio::time::{Instant, sleep_until};

use crate::{
    ops::health::{Dependency, Health, Waiting},
    record::{Action, ApiName, BatchKey, Cause},
};

/// The longest wait after the last time-out. Its rows may be settled, or another member's by now, so that no answer
/// ends the wait.
const LAPSE: Duration = Duration::from_secs(10 * 60);

#[derive(Debug)]
pub(super) struct SlowCalls {
    health: Health,
    /// The waits, each with the time at which it ends by itself.
    waits: HashMap<(ApiName, Action), (Waiting, Instant)>,
}

impl SlowCalls {
    pub(super) fn new(health: Health) -> Self {
        Self { health, waits: HashMap::new() }
    }

    /// Reports a call of `rows` rows that has timed out; the next ones have at most `next`.
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
        let place = place(key);
        let known = self.waits.remove(&place).map(|(waiting, _)| waiting);
        let waiting = Waiting::go_on(known, &self.health, Dependency::Salesforce, &why);
        self.waits.insert(place, (waiting, Instant::now() + LAPSE));
    }

    /// Waits for the next wait to lapse, and ends it; never returns without one. Cancel-safe.
    pub(super) async fn lapse(&mut self) {
        match self.waits.values().map(|(_, end)| *end).min() {
            Some(end) => sleep_until(end).await,
            None => std::future::pending().await,
        }
        self.waits.retain(|_, (_, end)| *end > Instant::now());
    }

    /// Ends the wait of a call that has an answer, whatever that says.
    pub(super) fn answered(&mut self, key: &BatchKey) {
        if !self.waits.is_empty() {
            self.waits.remove(&place(key));
        }
    }
}

fn place(key: &BatchKey) -> (ApiName, Action) {
    (key.sobject.clone(), key.action)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        ops::{health::State, metrics::Metrics},
        record::CallOptions,
    };

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_an_answer_or_long_after_the_last_time_out() {
        let health = Health::new(Metrics::new());
        health.set(State::Running);
        let key = |sobject: &str| BatchKey {
            action: Action::Create,
            sobject: sobject.into(),
            key_field: None,
            options: Arc::new(CallOptions::default()),
        };
        let mut slow = SlowCalls::new(health.clone());
        let cause = Cause::new("timed out");
        slow.timed_out(&key("Lead"), 200, 50, &cause);
        slow.timed_out(&key("Case"), 200, 50, &cause);
        slow.answered(&key("Lead"));
        assert_eq!(health.snapshot().state, State::Waiting, "the other one is still waited for");
        let begun = Instant::now();
        slow.lapse().await;
        assert_eq!((begun.elapsed(), health.snapshot().state), (LAPSE, State::Running));
    }
}
