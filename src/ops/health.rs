//! The state of the daemon, and the dependencies that it waits for. Each change is one line of the log and one change
//! of the metric.
//!
//! | state | is |
//! |---|---|
//! | starting | between the command line and the first record |
//! | running | records are read and written |
//! | waiting | it could start or run, but a dependency does not answer |
//! | draining | told to stop: what is under way ends, nothing new begins |
//! | stopped | everything is committed |

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use humantime_serde::re::humantime::{format_duration, format_rfc3339_seconds};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use strum::Display;
use tokio::sync::watch;
use tracing::info;

use super::metrics::Metrics;
pub use super::{
    closed::{Closed, ClosedReason},
    state::State,
};
use crate::record::{OrgAvailability, OrgTrouble};

/// A system, or an operator, that the daemon cannot go on without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Dependency {
    Kafka,
    Salesforce,
    SchemaRegistry,
    /// The operator, who has to fix what makes a route wait.
    Operator,
}

/// A dependency that is waited for, why, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    #[serde(rename = "for")]
    pub dependency: Dependency,
    pub why: String,
    #[serde(with = "humantime_serde")]
    pub since: SystemTime,
}

/// A snapshot of the daemon's state and its waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    pub state: State,
    #[serde(with = "humantime_serde")]
    pub since: SystemTime,
    pub waiting: Vec<Wait>,
    /// What is closed while the rest goes on. If nothing is left that does, the daemon waits for each of them.
    #[serde(default)]
    pub closed: Vec<Closed>,
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Health {
    inner: Arc<Mutex<Inner>>,
    metrics: Metrics,
}

#[derive(Debug)]
struct Inner {
    /// The phase of the daemon, never `Waiting`, which follows from `waits`.
    phase: State,
    since: SystemTime,
    waits: Vec<(u64, Wait)>,
    closed: Vec<(u64, Closed)>,
    /// Nothing goes on beside what is closed.
    is_all_closed: bool,
    next: u64,
}

/// The most reasons that are shown of one dependency.
const REASONS: usize = 3;

/// Something that is closed until this is dropped.
#[derive(Debug)]
pub struct ClosedGuard {
    health: Health,
    id: u64,
}

/// A wait for a dependency, which ends when this is dropped.
#[derive(Debug)]
pub struct Waiting {
    health: Health,
    id: u64,
}

impl Health {
    pub fn new(metrics: Metrics) -> Self {
        let inner = Inner {
            phase: State::Starting,
            since: now(),
            waits: Vec::new(),
            closed: Vec::new(),
            is_all_closed: false,
            next: 0,
        };
        metrics.state(inner.state());
        Self { inner: Arc::new(Mutex::new(inner)), metrics }
    }

    pub fn set(&self, phase: State) {
        self.change(|inner| inner.phase = phase);
    }

    /// Shows `dependency` as waited for until the guard is dropped.
    #[must_use]
    pub fn wait(&self, dependency: Dependency, why: &str) -> Waiting {
        let mut id = 0;
        self.change(|inner| {
            id = inner.next;
            inner.next += 1;
            inner.waits.push((id, Wait { dependency, why: why.to_owned(), since: now() }));
        });
        Waiting { health: self.clone(), id }
    }

    /// Shows something as closed until the guard is dropped. `what`: the place or the route; `hint`: what an operator can
    /// do.
    #[must_use]
    pub fn close(&self, reason: ClosedReason, what: &str, why: &str, hint: &str) -> ClosedGuard {
        let (what, why, hint) = (what.to_owned(), why.to_owned(), hint.to_owned());
        let closed = Closed { what, reason, why, hint, since: now() };
        let mut id = 0;
        self.change(|inner| {
            id = inner.next;
            inner.next += 1;
            inner.closed.push((id, closed));
        });
        ClosedGuard { health: self.clone(), id }
    }

    /// Notes whether nothing goes on beside what is closed.
    pub fn set_all_closed(&self, is_all_closed: bool) {
        self.change(|inner| inner.is_all_closed = is_all_closed);
    }

    /// Waits for the org whenever it is not up, until its state is dropped.
    pub async fn follow(self, mut org: watch::Receiver<OrgAvailability>) {
        let mut waiting = None;
        loop {
            let why = match *org.borrow_and_update() {
                OrgAvailability::Up => None,
                OrgAvailability::Down(OrgTrouble::Unavailable) => Some("the org takes no calls now, or answers none"),
                OrgAvailability::Down(OrgTrouble::Quota) => {
                    Some("the org's daily API calls are spent, or below the reserve")
                }
                OrgAvailability::Down(OrgTrouble::Session) => {
                    Some("logins succeed, and the org takes no call of any session")
                }
            };
            waiting = why.map(|why| Waiting::go_on(waiting, &self, Dependency::Salesforce, why));
            if org.changed().await.is_err() {
                return;
            }
        }
    }

    /// The state now, with one wait for each dependency: since the first, and for up to three different reasons.
    pub fn snapshot(&self) -> Snapshot {
        let inner = self.inner.lock();
        let mut waits: Vec<(Dependency, SystemTime, Vec<&str>)> = Vec::new();
        let closed = inner.closed.iter().map(|(_, closed)| closed);
        let blocking = closed.clone().filter(|_| inner.is_all_closed).map(wait_of);
        let all: Vec<Wait> = inner.waits.iter().map(|(_, wait)| wait.clone()).chain(blocking).collect();
        for Wait { dependency, why, since } in &all {
            match waits.iter_mut().find(|(known, ..)| known == dependency) {
                Some((.., reasons)) if reasons.contains(&why.as_str()) => {}
                Some((.., reasons)) => reasons.push(why),
                None => waits.push((*dependency, *since, vec![why])),
            }
        }
        let wait = |(dependency, since, reasons): (Dependency, SystemTime, Vec<&str>)| {
            let mut why = reasons[..reasons.len().min(REASONS)].join("; ");
            if let Some(more) = reasons.len().checked_sub(REASONS).filter(|more| *more > 0) {
                why = format!("{why}; and {more} more");
            }
            Wait { dependency, why, since }
        };
        let waiting = waits.into_iter().map(wait).collect();
        Snapshot { state: inner.state(), since: inner.since, waiting, closed: closed.cloned().collect() }
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        let mut inner = self.inner.lock();
        let before = inner.state();
        change(&mut inner);
        let state = inner.state();
        if state != before {
            inner.since = now();
            self.metrics.state(state);
            let closed = inner.closed.first().map(|(_, closed)| wait_of(closed));
            match inner.waits.first().map(|(_, wait)| wait.clone()).or(closed) {
                Some(Wait { dependency, why, .. }) if state == State::Waiting => info!(
                    event = "state_changed", %state, %dependency, why,
                    "state changed"
                ),
                _ => info!(event = "state_changed", %state, "state changed"),
            }
        }
    }
}

impl Waiting {
    /// The same wait with a newer reason, or a wait that begins.
    pub fn go_on(waiting: Option<Self>, health: &Health, dependency: Dependency, why: &str) -> Self {
        let Some(waiting) = waiting else { return health.wait(dependency, why) };
        waiting.renew(why);
        waiting
    }

    /// Gives the wait a newer reason.
    pub fn renew(&self, why: &str) {
        if let Some((_, wait)) = self.health.inner.lock().waits.iter_mut().find(|(id, _)| *id == self.id) {
            why.clone_into(&mut wait.why);
        }
    }
}

/// The wait that something closed is if nothing else goes on.
fn wait_of(closed: &Closed) -> Wait {
    let dependency = match closed.reason {
        ClosedReason::Refused | ClosedReason::Storage | ClosedReason::Breaker => Dependency::Operator,
        ClosedReason::Parked => Dependency::Salesforce,
    };
    Wait { dependency, why: closed.why.clone(), since: closed.since }
}

impl Drop for ClosedGuard {
    fn drop(&mut self) {
        self.health.change(|inner| inner.closed.retain(|(id, _)| *id != self.id));
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.health.change(|inner| inner.waits.retain(|(id, _)| *id != self.id));
    }
}

impl Inner {
    fn state(&self) -> State {
        match self.phase {
            State::Starting | State::Running if !self.waits.is_empty() => State::Waiting,
            State::Running if self.is_all_closed && !self.closed.is_empty() => State::Waiting,
            phase => phase,
        }
    }
}

/// The first line is the state; one more line for each dependency that is waited for.
impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.state, Since(self.since))?;
        for Wait { dependency, why, since } in &self.waiting {
            write!(f, "\nwaiting for {dependency} {}: {why}", Since(*since))?;
        }
        for Closed { what, why, hint, since, .. } in &self.closed {
            write!(f, "\nclosed: {what}, {}: {why} ({hint})", Since(*since))?;
        }
        Ok(())
    }
}

/// A time, and how long ago that is.
pub(super) struct Since(pub(super) SystemTime);

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let age = Duration::from_secs(self.0.elapsed().unwrap_or_default().as_secs());
        write!(f, "since {} ({})", format_rfc3339_seconds(self.0), format_duration(age))
    }
}

/// The current time in whole seconds.
pub(crate) fn now() -> SystemTime {
    let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(epoch.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_to_wait_for_a_dependency_is_shown() {
        let health = Health::new(Metrics::new());
        let reasons = ["the org is down", "calls are slow", "calls are slow", "no room", "no login", "no quota"];
        let _waits = reasons.map(|why| health.wait(Dependency::Salesforce, why));
        let waiting = health.snapshot().waiting;
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting[0].why, "the org is down; calls are slow; no room; and 2 more");
    }

    #[test]
    fn the_state_is_waiting_while_a_dependency_is_waited_for() {
        let health = Health::new(Metrics::new());
        let state = || health.snapshot().state;
        assert_eq!(state(), State::Starting);
        let kafka = health.wait(Dependency::Kafka, "no broker");
        assert_eq!(state(), State::Waiting);
        drop(kafka);
        assert_eq!(state(), State::Starting);
        health.set(State::Running);
        let org = health.wait(Dependency::Salesforce, "quota");
        let registry = health.wait(Dependency::SchemaRegistry, "503");
        let another = health.wait(Dependency::SchemaRegistry, "503");
        let another = Waiting::go_on(Some(another), &health, Dependency::SchemaRegistry, "504");
        let snapshot = health.snapshot();
        assert_eq!((snapshot.state, snapshot.waiting.len()), (State::Waiting, 2));
        let text = snapshot.to_string();
        assert!(
            text.starts_with("waiting since 20") && text.contains("\nwaiting for schema_registry since 20"),
            "{text}"
        );
        assert!(text.ends_with(": 503; 504"), "{text}");
        drop((org, registry));
        assert_eq!(state(), State::Waiting);
        drop(another);
        assert_eq!(state(), State::Running);
        let _org = health.wait(Dependency::Salesforce, "away");
        health.set(State::Draining);
        assert_eq!(state(), State::Draining, "a drain does not wait for the org");
    }
}
