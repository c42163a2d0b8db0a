//! The queue of calls that wait for a permit, and the count of permits that are out. No I/O and no clock.
//!
//! | the org is | a permit is granted | to |
//! |---|---|---|
//! | up | while fewer than the limit are out | reads before writes, then first come, first served |
//! | down | one, the probe's, once it is due; and only while fewer than the limit are out | in turn a read and a write, where both wait |
//!
//! Permits that were granted before the org went down are still out: their calls end as they do.

use std::collections::BTreeSet;

use tokio::time::Instant;

/// The kind of call that a permit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CallKind {
    /// A describe. Records may wait for it that are not read yet, so that it goes before writes.
    Read,
    /// One attempt to write rows, with its query, and what it sends again.
    Write,
}

/// A caller that waits for a permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Waiter {
    kind: CallKind,
    number: u64,
}

/// The answer to a waiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Granted {
        is_probe: bool,
    },
    /// The waiter is the next one to probe, at this time.
    At(Instant),
    /// Others go before it, or all permits are out.
    Wait,
}

#[derive(Debug)]
pub(crate) struct Slots {
    limit: usize,
    granted: usize,
    /// A probe's permit is out.
    is_probing: bool,
    /// The kind of the last permit that was granted.
    last: CallKind,
    next: u64,
    reads: BTreeSet<u64>,
    writes: BTreeSet<u64>,
}

impl Slots {
    /// Begins without waiters. `limit`: the most permits that may be out; at least one may.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            granted: 0,
            is_probing: false,
            last: CallKind::Read,
            next: 0,
            reads: BTreeSet::new(),
            writes: BTreeSet::new(),
        }
    }

    /// A caller begins to wait.
    pub(crate) fn enter(&mut self, kind: CallKind) -> Waiter {
        let waiter = Waiter { kind, number: self.next };
        self.next += 1;
        self.queue(kind).insert(waiter.number);
        waiter
    }

    /// A caller waits no more: it has a permit, or has gone away. Whether another one may be served now.
    pub(crate) fn leave(&mut self, waiter: Waiter, is_down: bool) -> bool {
        let was_next = self.head(is_down) == Some(waiter);
        let has_gone_away = self.queue(waiter.kind).remove(&waiter.number);
        was_next || !has_gone_away
    }

    /// Whether a waiter has a permit now. `probe_due`: when the next probe may go; `None` while the org is up.
    pub(crate) fn admit(&mut self, waiter: Waiter, probe_due: Option<Instant>, now: Instant) -> Admission {
        if self.granted >= self.limit || self.head(probe_due.is_some()) != Some(waiter) {
            return Admission::Wait;
        }
        match probe_due {
            Some(_) if self.is_probing => return Admission::Wait,
            Some(due) if now < due => return Admission::At(due),
            Some(_) => self.is_probing = true,
            None => {}
        }
        self.queue(waiter.kind).remove(&waiter.number);
        self.last = waiter.kind;
        self.granted += 1;
        Admission::Granted { is_probe: probe_due.is_some() }
    }

    /// A permit is given back.
    pub(crate) fn give_back(&mut self, is_probe: bool) {
        self.granted = self.granted.saturating_sub(1);
        if is_probe {
            self.is_probing = false;
        }
    }

    /// The waiter that is served next.
    fn head(&self, is_down: bool) -> Option<Waiter> {
        let first = |kind, queue: &BTreeSet<u64>| queue.first().map(|number| Waiter { kind, number: *number });
        let (read, write) = (first(CallKind::Read, &self.reads), first(CallKind::Write, &self.writes));
        // A describe that fails again and again must not keep writes from probing.
        let write_first = is_down && self.last == CallKind::Read;
        if write_first { write.or(read) } else { read.or(write) }
    }

    fn queue(&mut self, kind: CallKind) -> &mut BTreeSet<u64> {
        match kind {
            CallKind::Read => &mut self.reads,
            CallKind::Write => &mut self.writes,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Enter(CallKind),
        /// The waiter of this number, of those that wait, goes away.
        GoAway(usize),
        /// The permit of this number, of those that are out, is given back.
        GiveBack(usize),
        Down,
        Up,
        /// The next probe is due.
        Due,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let kind = prop_oneof![Just(CallKind::Read), Just(CallKind::Write)];
        let step = prop_oneof![
            4 => kind.prop_map(Step::Enter),
            1 => (0..20_usize).prop_map(Step::GoAway),
            3 => (0..20_usize).prop_map(Step::GiveBack),
            1 => Just(Step::Down),
            1 => Just(Step::Up),
            1 => Just(Step::Due),
        ];
        proptest::collection::vec(step, 0..200)
    }

    /// The limiter's part, and what it must keep.
    struct World {
        slots: Slots,
        limit: usize,
        waiting: Vec<Waiter>,
        /// Whether it is a probe's, for each permit that is out.
        out: Vec<bool>,
        probe_due: Option<Instant>,
        now: Instant,
    }

    impl World {
        /// Asks for all that wait, until no more is granted.
        fn admit_all(&mut self) {
            loop {
                let mut granted = None;
                for (index, waiter) in self.waiting.iter().enumerate() {
                    if let Admission::Granted { is_probe } = self.slots.admit(*waiter, self.probe_due, self.now) {
                        granted = Some((index, is_probe));
                        break;
                    }
                }
                let Some((index, is_probe)) = granted else { return };
                let waiter = self.waiting.remove(index);
                assert_eq!(is_probe, self.probe_due.is_some(), "a probe while the org is down, and only then");
                let reads_wait = self.waiting.iter().any(|other| other.kind == CallKind::Read);
                assert!(is_probe || waiter.kind == CallKind::Read || !reads_wait, "reads go before writes");
                let earlier = |other: &Waiter| other.kind == waiter.kind && other.number < waiter.number;
                assert!(!self.waiting.iter().any(earlier), "first come, first served");
                self.out.push(is_probe);
                assert!(self.out.len() <= self.limit, "{} permits are out", self.out.len());
                assert!(self.out.iter().filter(|is_probe| **is_probe).count() <= 1, "one probe at a time");
                if is_probe {
                    self.probe_due = Some(self.now + Duration::from_secs(1));
                }
            }
        }

        fn step(&mut self, step: &Step) {
            match step {
                Step::Enter(kind) => self.waiting.push(self.slots.enter(*kind)),
                Step::GoAway(number) if !self.waiting.is_empty() => {
                    let waiter = self.waiting.remove(number % self.waiting.len());
                    self.slots.leave(waiter, self.probe_due.is_some());
                }
                Step::GiveBack(number) if !self.out.is_empty() => {
                    let is_probe = self.out.remove(number % self.out.len());
                    self.slots.give_back(is_probe);
                }
                Step::GoAway(_) | Step::GiveBack(_) => {}
                Step::Down => self.probe_due = Some(self.now + Duration::from_secs(1)),
                Step::Up => self.probe_due = None,
                Step::Due => self.now += Duration::from_secs(1),
            }
            self.admit_all();
        }
    }

    proptest! {
        #[test]
        fn the_limit_holds_and_each_waiter_is_granted_after_finitely_many_returns(
            limit in 0..6_usize,
            steps in steps(),
        ) {
            let slots = Slots::new(limit);
            let (limit, now) = (limit.max(1), Instant::now());
            let mut world = World { slots, limit, waiting: Vec::new(), out: Vec::new(), probe_due: None, now };
            for step in &steps {
                world.step(step);
            }
            let most = world.waiting.len() + world.out.len();
            for _ in 0..most {
                world.step(&Step::GiveBack(0));
                world.step(&Step::Due);
            }
            prop_assert!(world.waiting.is_empty(), "{:?} still wait", world.waiting);
        }
    }

    #[test]
    fn reads_and_writes_probe_in_turn() {
        let (mut slots, now) = (Slots::new(4), Instant::now());
        let granted = Admission::Granted { is_probe: true };
        let (mut read, mut write) = (slots.enter(CallKind::Read), slots.enter(CallKind::Write));
        for _ in 0..2 {
            assert_eq!(slots.admit(read, Some(now), now), Admission::Wait);
            assert_eq!(slots.admit(write, Some(now), now), granted);
            slots.give_back(true);
            write = slots.enter(CallKind::Write);
            assert_eq!(slots.admit(write, Some(now), now), Admission::Wait);
            assert_eq!(slots.admit(read, Some(now), now), granted);
            slots.give_back(true);
            read = slots.enter(CallKind::Read);
        }
    }

    #[test]
    fn a_probe_waits_until_it_is_due() {
        let (mut slots, now) = (Slots::new(1), Instant::now());
        let (write, due) = (slots.enter(CallKind::Write), now + Duration::from_secs(1));
        assert_eq!(slots.admit(write, Some(due), now), Admission::At(due));
        assert_eq!(slots.admit(write, Some(due), due), Admission::Granted { is_probe: true });
    }
}
