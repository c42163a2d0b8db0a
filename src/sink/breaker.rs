//! Keeps a fault of a whole route from making a dead letter of each of its records (`routes.breaker`).
//!
//! | breaker | a rejection | left by |
//! |---|---|---|
//! | closed | is settled | `routes.breaker` rejections in a row with one code, and no row of the route written between |
//! | open | with that code: the row waits; with another one: it is settled | a probe that is written, or rejected with another code |
//!
//! One row at a time is the probe, after a backoff; the batcher says which. Rejections count in the order in which they
//! are settled, those of the converters with those of the org; but a converter's, which is known before the org has
//! answered what was read earlier, does not open it before that.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep},
};
use tracing::{error, info};

use super::budget::{Budget, Cost};
use crate::{
    ops::{
        health::{Dependency, Health, Waiting},
        metrics::RouteMetrics,
    },
    record::{Reason, Rejection},
    runtime::backoff::Backoff,
    sink::route::Route,
};

/// The breakers of all routes.
#[derive(Debug)]
pub struct Breakers {
    backoff: Backoff,
    health: Health,
    budget: Budget,
    share: Cost,
    /// The breaker of each route. It lives as long as a lane of the route: one that this process does not read keeps
    /// none.
    routes: Mutex<HashMap<Arc<str>, Weak<Breaker>>>,
}

/// The breaker of one route, shared by its lanes.
#[derive(Debug)]
pub struct Breaker {
    route: Arc<str>,
    limit: u32,
    backoff: Backoff,
    health: Health,
    metrics: Arc<RouteMetrics>,
    /// The budget of the route's lanes.
    pub budget: Budget,
    state: Mutex<State>,
    is_open: watch::Sender<bool>,
    /// Notified of each change that [`Breaker::rejected_before_send`] waits for.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The code of the last rejection; `count` is the number of rejections in a row with it.
    code: String,
    count: u32,
    open: Option<Open>,
    /// Rows that are submitted, and of which the org has said nothing yet.
    pending: usize,
}

#[derive(Debug)]
struct Open {
    probes: u32,
    due: Instant,
    /// A probe is under way.
    probing: bool,
    _waiting: Waiting,
}

/// A permit to try one row. Dropping it begins the next backoff.
#[derive(Debug)]
pub struct Probe(Arc<Breaker>);

/// A row of which the org has said nothing yet.
#[derive(Debug)]
pub struct Pending(Arc<Breaker>);

/// The consequence of a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    Settled,
    /// The rejection is settled, and closes the breaker.
    Closes,
    /// The row waits.
    Waits,
}

impl Breakers {
    /// Begins with all closed. `share` of the budget is what the lanes of one route may hold.
    pub fn new(backoff: Backoff, health: Health, budget: Budget, share: Cost) -> Self {
        Self { backoff, health, budget, share, routes: Mutex::default() }
    }

    /// The breaker of a route; `None` for one without.
    pub fn of(&self, route: &Route, metrics: &Arc<RouteMetrics>) -> Option<Arc<Breaker>> {
        if route.breaker == 0 {
            return None;
        }
        let mut routes = self.routes.lock();
        if let Some(known) = routes.get(&route.name).and_then(Weak::upgrade) {
            return Some(known);
        }
        let breaker = Arc::new(Breaker {
            route: route.name.clone(),
            limit: route.breaker,
            backoff: self.backoff,
            health: self.health.clone(),
            metrics: metrics.clone(),
            budget: self.budget.sub_budget(self.share),
            state: Mutex::default(),
            is_open: watch::channel(false).0,
            changed: Notify::new(),
        });
        routes.insert(route.name.clone(), Arc::downgrade(&breaker));
        Some(breaker)
    }
}

impl Breaker {
    /// A row is rejected, by the org or for it.
    #[must_use]
    pub fn rejected(&self, rejection: &Rejection, is_probe: bool) -> Ruling {
        self.rule(&mut self.state.lock(), rejection, is_probe)
    }

    /// A record is rejected before it is a row. If that would open the breaker, this waits for the org's word on the
    /// rows that were submitted before.
    pub async fn rejected_before_send(&self, rejection: &Rejection, is_probe: bool) -> Ruling {
        loop {
            let changed = self.changed.notified();
            if let Some(ruling) = self.rule_now(rejection, is_probe) {
                return ruling;
            }
            changed.await;
        }
    }

    fn rule_now(&self, rejection: &Rejection, is_probe: bool) -> Option<Ruling> {
        let mut state = self.state.lock();
        let before = if state.code == rejection.code() { state.count } else { 0 };
        let waits = state.pending > 0 && state.open.is_none() && before + 1 >= self.limit;
        (!waits).then(|| self.rule(&mut state, rejection, is_probe))
    }

    fn rule(&self, state: &mut State, rejection: &Rejection, is_probe: bool) -> Ruling {
        // Asked for by the configuration, and nothing that was sent again would be the same.
        if matches!(rejection.reason, Reason::UnknownResult | Reason::QuotaSpent) {
            return Ruling::Settled;
        }
        let same = state.code == rejection.code();
        let ruling = match (&state.open, same) {
            (Some(_), true) => return Ruling::Waits,
            (Some(_), false) if !is_probe => return Ruling::Settled,
            (Some(_), false) => {
                self.close(state);
                Ruling::Closes
            }
            (None, _) => Ruling::Settled,
        };
        if !same {
            rejection.code().clone_into(&mut state.code);
            state.count = 0;
        }
        state.count += 1;
        if state.count >= self.limit {
            self.open(state, rejection);
        }
        self.changed.notify_waiters();
        ruling
    }

    pub fn written(&self, is_probe: bool) {
        let mut state = self.state.lock();
        if state.open.is_none() {
            state.count = 0;
            self.changed.notify_waiters();
        } else if is_probe {
            self.close(&mut state);
        }
    }

    pub fn is_open(&self) -> bool {
        *self.is_open.borrow()
    }

    /// Waits until it is open.
    pub async fn opened(&self) {
        // The sender lives as long as this.
        drop(self.is_open.subscribe().wait_for(|open| *open).await);
    }

    /// Waits until it is closed, and no longer than the backoff after this number of attempts.
    pub async fn pause(&self, attempts: u32) {
        let mut is_open = self.is_open.subscribe();
        tokio::select! {
            _ = is_open.wait_for(|open| !open) => {}
            () = sleep(self.backoff.wait(attempts)) => {}
        }
    }

    /// The time at which a probe may go; `None` while one is under way, and while none is needed.
    pub fn due(&self) -> Option<Instant> {
        self.state.lock().open.as_ref().filter(|open| !open.probing).map(|open| open.due)
    }

    pub fn probe(self: &Arc<Self>) -> Probe {
        if let Some(open) = &mut self.state.lock().open {
            open.probing = true;
        }
        Probe(self.clone())
    }

    /// Counts a row as pending until the guard is dropped: the org has said nothing of it yet.
    pub fn pending(self: &Arc<Self>) -> Pending {
        self.state.lock().pending += 1;
        Pending(self.clone())
    }

    fn open(&self, state: &mut State, rejection: &Rejection) {
        let hint = "it goes on by itself once a row is taken; what the configuration does wrong needs a restart";
        let (route, code, count, cause) = (&self.route, &state.code, state.count, &rejection.cause);
        error!(
            event = "breaker_opened", %route, code, count, %cause, hint,
            "the breaker opens: records are rejected one after the other, the route waits and tries one row at a time"
        );
        let why = format!("the records of {route} are rejected one after the other: {code}");
        let waiting = self.health.wait(Dependency::Operator, &why);
        let due = Instant::now() + self.backoff.wait(0);
        state.open = Some(Open { probes: 0, due, probing: false, _waiting: waiting });
        self.show(true);
    }

    fn close(&self, state: &mut State) {
        info!(event = "breaker_closed", route = %self.route, code = state.code, "the breaker closes, the route goes on");
        *state = State { pending: state.pending, ..State::default() };
        self.show(false);
    }

    fn show(&self, open: bool) {
        self.metrics.breaker(open);
        self.is_open.send_replace(open);
    }
}

impl Drop for Breaker {
    fn drop(&mut self) {
        self.metrics.breaker(false);
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        let breaker = &self.0;
        if let Some(open) = &mut breaker.state.lock().open {
            open.probing = false;
            open.probes += 1;
            open.due = Instant::now() + breaker.backoff.wait(open.probes);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let breaker = &self.0;
        breaker.state.lock().pending -= 1;
        breaker.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{self, Retry},
        ops::metrics::Metrics,
    };

    fn breakers() -> Breakers {
        let budget = Budget::new(8, 1 << 20);
        let share = budget.shares(1, 1).breaker;
        Breakers::new(Backoff::of(&Retry::default()), Health::new(Metrics::new()), budget, share)
    }

    fn of(breakers: &Breakers, limit: u32) -> Option<Arc<Breaker>> {
        let route = format!("topic = \"t\"\nsobject = \"Thing__c\"\nbreaker = {limit}");
        let route: config::Route = toml::from_str(&route).unwrap();
        let route = Route::new(&route, 1 << 20, None).unwrap();
        breakers.of(&route, &Metrics::new().route(&route.name))
    }

    fn rejection(reason: Reason) -> Rejection {
        Rejection::new(reason, "no")
    }

    #[tokio::test]
    async fn rejections_that_the_configuration_asks_for_pass_an_open_breaker() {
        let breaker = of(&breakers(), 2).unwrap();
        for reason in [Reason::QuotaSpent, Reason::UnknownResult] {
            let settled = |_| breaker.rejected(&rejection(reason), false) == Ruling::Settled;
            assert!((0..9).all(settled) && !breaker.is_open());
        }
        let rejected = |reason, is_probe| breaker.rejected(&rejection(reason), is_probe);
        assert!((0..2).all(|_| rejected(Reason::InvalidValue, false) == Ruling::Settled));
        assert!(rejected(Reason::InvalidValue, false) == Ruling::Waits && breaker.is_open());
        assert!(rejected(Reason::QuotaSpent, true) == Ruling::Settled && breaker.is_open());
    }

    #[tokio::test]
    async fn only_a_probe_closes_a_breaker() {
        let breaker = of(&breakers(), 1).unwrap();
        let rejected = |reason, is_probe| breaker.rejected(&rejection(reason), is_probe);
        assert_eq!(rejected(Reason::InvalidValue, false), Ruling::Settled);
        breaker.written(false);
        assert!(rejected(Reason::InvalidKey, false) == Ruling::Settled && breaker.is_open());
        let probe = breaker.probe();
        assert!(breaker.due().is_none(), "one at a time");
        drop(probe);
        assert!(breaker.due().is_some());
        assert_eq!(rejected(Reason::InvalidKey, true), Ruling::Closes);
        assert!(breaker.is_open(), "with the other code, which has come once");
        assert_eq!(rejected(Reason::InvalidKey, true), Ruling::Waits);
        breaker.written(true);
        assert!(!breaker.is_open() && breaker.due().is_none());
    }

    #[tokio::test]
    async fn the_lanes_of_a_route_share_one_breaker() {
        let breakers = breakers();
        assert!(of(&breakers, 0).is_none());
        let (one, other) = (of(&breakers, 1).unwrap(), of(&breakers, 1).unwrap());
        assert!(Arc::ptr_eq(&one, &other));
        assert!(one.rejected(&rejection(Reason::InvalidValue), false) == Ruling::Settled && other.is_open());
        assert_eq!(breakers.health.snapshot().waiting.len(), 1);
        drop((one, other));
        assert_eq!(breakers.health.snapshot().waiting.len(), 0, "the route is not read");
        assert!(!of(&breakers, 1).unwrap().is_open());
    }
}
