//! What the daemon is doing, and what it waits for.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use tokio::sync::watch;

use super::metrics::Metrics;
use crate::salesforce::Condition;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Starting,
    Running,
    Draining,
    Stopped,
}

#[derive(Debug, Clone)]
pub struct Health {
    phase: Arc<Mutex<(Phase, Instant)>>,
    org: watch::Receiver<Condition>,
    metrics: Metrics,
}

impl Phase {
    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
        }
    }
}

impl Health {
    pub fn new(org: watch::Receiver<Condition>, metrics: Metrics) -> Self {
        Self { phase: Arc::new(Mutex::new((Phase::Starting, Instant::now()))), org, metrics }
    }

    pub fn set(&self, phase: Phase) {
        self.metrics.phase(phase.word());
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = (phase, Instant::now());
    }

    /// Whether records are being written, and a line that says what is going on.
    pub fn ready(&self) -> (bool, String) {
        let (phase, since) = *self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = match *self.org.borrow() {
            Condition::Up => None,
            Condition::Later => Some("the org does not take calls now"),
            Condition::Quota => Some("the org's daily API calls are spent, or below the reserve"),
            Condition::Expired => Some("the session has expired and a login does not mend it"),
        };
        if let (Phase::Running, Some(waiting)) = (phase, waiting) {
            return (false, format!("waiting: {waiting}"));
        }
        (phase == Phase::Running, format!("{} for {} s", phase.word(), since.elapsed().as_secs()))
    }
}
