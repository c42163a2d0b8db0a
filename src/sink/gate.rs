//! One change per identity at a time, in the whole process, for all lanes and routes.
//!
//! A place in the queue of an identity is taken when [`Gate::enter`] is called, so that the order of a partition is the
//! order of its calls. An entry is a guard: whoever holds it is the only one who may send a change of that identity,
//! and dropping it lets the next one in. It travels with its ticket, also when its lane is gone, so that a call that
//! nobody waits for any more still keeps others out.
//!
//! Invariant: an identity is in the map exactly as long as somebody holds its entry.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::budget::Cost;
use crate::{
    mutation::{self, Mutation},
    ops::metrics::Gauge,
    record::GateKey,
};

/// Each with what it takes of the budget.
type Waiting = VecDeque<(oneshot::Sender<GateEntry>, Cost)>;

#[derive(Debug, Clone, Default)]
pub struct Gate {
    map: Arc<Mutex<HashMap<GateKey, Waiting>>>,
    /// How many identities are in the map.
    held: Gauge,
}

/// Leave to send changes of one identity.
#[derive(Debug)]
pub struct GateEntry {
    gate: Gate,
    /// `None` once the entry was handed on.
    key: Option<GateKey>,
}

/// Those who wait for one identity.
#[derive(Debug)]
pub struct Queue {
    gate: Gate,
    key: GateKey,
}

/// A place in an identity's queue. Dropping it gives the place up.
#[derive(Debug)]
pub struct Entering(oneshot::Receiver<GateEntry>);

impl Gate {
    /// `held` shows how many identities have a change under way.
    pub fn new(held: Gauge) -> Self {
        Self { map: Arc::default(), held }
    }

    /// Takes the next place in the queue of `key`, now; [`Entering::entered`] waits until it is the first. `cost` is
    /// what whoever waits there holds.
    pub fn enter(&self, key: GateKey, cost: Cost) -> Entering {
        let (sender, receiver) = oneshot::channel();
        if mutation::on(Mutation::Gate) {
            drop(sender.send(GateEntry { gate: self.clone(), key: None }));
            return Entering(receiver);
        }
        let mut waiting = Some(sender);
        self.with(|map| {
            map.entry(key.clone())
                .and_modify(|queue| queue.extend(waiting.take().map(|sender| (sender, cost))))
                .or_default();
        });
        if let Some(sender) = waiting {
            // Nobody was there. The receiver is alive: it is returned below.
            drop(sender.send(GateEntry { gate: self.clone(), key: Some(key) }));
        }
        Entering(receiver)
    }

    /// How many identities have a change under way.
    pub fn len(&self) -> usize {
        self.with(|map| map.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn release(&self, mut key: GateKey) {
        loop {
            let next = self.with(|map| {
                let next = map.get_mut(&key).and_then(VecDeque::pop_front);
                if next.is_none() {
                    map.remove(&key);
                }
                next
            });
            let Some((next, _)) = next else { return };
            match next.send(GateEntry { gate: self.clone(), key: Some(key) }) {
                Ok(()) => return,
                // The one who waited there has given up: to the next.
                Err(mut entry) => match entry.key.take() {
                    Some(back) => key = back,
                    None => return,
                },
            }
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut HashMap<GateKey, Waiting>) -> T) -> T {
        let mut map = self.map.lock();
        let result = act(&mut map);
        self.held.set(i64::try_from(map.len()).unwrap_or(i64::MAX));
        result
    }
}

impl GateEntry {
    pub fn queue(&self) -> Option<Queue> {
        self.key.clone().map(|key| Queue { gate: self.gate.clone(), key })
    }
}

impl Queue {
    /// What those who have not given up hold.
    pub fn cost(&self) -> Cost {
        self.gate.with(|map| {
            let waiting = map.get(&self.key).into_iter().flatten();
            waiting.filter(|(sender, _)| !sender.is_closed()).map(|(_, cost)| *cost).sum()
        })
    }
}

impl Entering {
    /// Waits for the entry. Cancel-safe: dropping the future keeps the place, dropping `self` gives it up.
    pub async fn entered(&mut self) -> GateEntry {
        match (&mut self.0).await {
            Ok(entry) => entry,
            // A sender is dropped only when its queue is, and that only with the last gate.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for GateEntry {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.gate.release(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::record::Identity;

    fn key(id: &str) -> GateKey {
        Identity::RecordId(id.parse().unwrap()).gate_key("Account")
    }

    const A: &str = "001000000000001";
    const B: &str = "001000000000002";

    fn now(entering: &mut Entering) -> Option<GateEntry> {
        entering.entered().now_or_never()
    }

    #[test]
    fn one_identity_one_by_one_in_the_order_of_the_calls() {
        let gate = Gate::default();
        let [mut first, mut second, mut third] = [A; 3].map(|id| gate.enter(key(id), Cost::default()));
        assert!(now(&mut third).is_none());
        let entry = now(&mut first).unwrap();
        assert!(now(&mut second).is_none());
        drop(entry);
        assert!(now(&mut third).is_none());
        drop(now(&mut second).unwrap());
        drop(now(&mut third).unwrap());
        assert!(gate.is_empty());
    }

    #[test]
    fn other_identities_do_not_wait() {
        let gate = Gate::default();
        let _held = now(&mut gate.enter(key(A), Cost::default())).unwrap();
        assert!(now(&mut gate.enter(key(B), Cost::default())).is_some());
    }

    #[test]
    fn who_gives_up_is_passed_over_before_and_after_its_turn() {
        let gate = Gate::default();
        let entry = now(&mut gate.enter(key(A), Cost::default())).unwrap();
        let [gone, late, mut last] = [A; 3].map(|id| gate.enter(key(id), Cost::default()));
        drop(gone);
        drop(entry); // → late, who does not look
        assert!(now(&mut last).is_none());
        drop(late);
        drop(now(&mut last).unwrap());
        assert!(gate.is_empty());
    }
}
