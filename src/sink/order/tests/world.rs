//! Lanes, an org and a dead-letter topic that do what a plan says, and look at all that the core does.

use std::time::{Duration, Instant};

use super::{
    super::{
        audit::audit,
        core::Core,
        cost::Cost,
        event::{AnsweredRow, CallPart, CallRow, Effect, Event, LetterEnd, Permit, Submission, SubmissionKind},
        ids::{CallId, LaneId, RowId},
        moment::Moment,
        settings::Settings,
    },
    answers::{Common, rejection, serial, verdict},
    judge::{Checked, Judge, expect},
    seen::{Outcome, Seen, SeenLane},
    steps::{Answer, Bounds, Entry, Kind, Step, Whole},
};
use crate::{
    config::{InsertUnknown, OnQuota, Retry},
    record::{Cause, Doubt, Verdict},
    runtime::backoff::Backoff,
};

pub(super) const HOLD: Duration = Duration::from_secs(5);

pub(super) struct World {
    pub(super) core: Core,
    now: Moment,
    bounds: Bounds,
    epoch: Instant,
    common: Common,
    judge: Judge,
    calls: Vec<(CallId, Vec<CallPart>)>,
    /// Letters that lanes are writing.
    letters: Vec<(LaneId, RowId, usize)>,
    /// Rows whose letters have ended, or whose lanes are gone: the end of their letters may still be said, or said again.
    late: Vec<RowId>,
}

impl World {
    pub(super) fn new(bounds: &Bounds) -> Self {
        let epoch = Instant::now();
        Self {
            core: Core::new(settings(bounds), epoch, 7),
            now: Moment::default(),
            bounds: bounds.clone(),
            epoch,
            common: Common::new(),
            judge: Judge::default(),
            calls: Vec::new(),
            letters: Vec::new(),
            late: Vec::new(),
        }
    }

    pub(super) fn step(&mut self, step: &Step) -> Checked {
        let open: Vec<_> = self.judge.lanes.iter().filter(|lane| lane.is_open()).map(|lane| lane.id).collect();
        let pick = |index: &proptest::sample::Index| (!open.is_empty()).then(|| *index.get(&open));
        match step {
            Step::Open { route } if open.len() < 4 => self.open(*route),
            Step::Submit { lane, records } => pick(lane).map_or(Ok(()), |lane| self.submit(lane, records)),
            Step::Refuse { lane, code, is_again } => pick(lane).map_or(Ok(()), |lane| {
                self.on(Event::Refused { lane, rejection: Box::new(rejection(*code)), is_again: *is_again })
            }),
            Step::Grant { is_probe, reads_only } => self.grant(*is_probe, *reads_only),
            Step::Answer { call, answer } if !self.calls.is_empty() => {
                self.answer(call.index(self.calls.len()), answer)
            }
            Step::LoseCall { call } if !self.calls.is_empty() => self.lose(call.index(self.calls.len())),
            Step::Letter { letter, is_durable } if !self.letters.is_empty() => {
                self.end_letter(letter.index(self.letters.len()), *is_durable)
            }
            Step::Late { late } if !self.late.is_empty() => {
                let row = self.late.swap_remove(late.index(self.late.len()));
                self.on(Event::Settled { row, end: LetterEnd::Durable })
            }
            Step::Drain { lane } => pick(lane).map_or(Ok(()), |lane| self.drain(lane)),
            Step::Stuck { lane } => {
                pick(lane).map_or(Ok(()), |lane| self.on(Event::Stuck { lane, why: "the plan says so" }))
            }
            Step::LaneDropped { lane } => pick(lane).map_or(Ok(()), |lane| self.lose_lane(lane)),
            Step::QuotaSpent if self.bounds.rejects => self.on(Event::QuotaSpent(Cause::new("spent"))),
            Step::Pass(millis) => self.pass(Duration::from_millis(*millis)),
            _ => Ok(()),
        }
    }

    fn open(&mut self, route: bool) -> Checked {
        let lane = LaneId(self.judge.lanes.len() as u64);
        self.judge.lanes.push(SeenLane::new(lane, route));
        let (route, breaker) = if route { ("first", self.bounds.breaker) } else { ("second", 0) };
        self.on(Event::Open { lane, route: route.into(), breaker })
    }

    fn submit(&mut self, id: LaneId, entries: &[Entry]) -> Checked {
        let Some(lane) = self.judge.lane(id).filter(|lane| !lane.is_draining) else { return Ok(()) };
        let mut next = lane.next;
        let mut rows = Vec::new();
        for entry in entries {
            let has_identity = matches!(entry.kind, Kind::Upsert | Kind::Delete);
            let identity = entry.identity.map(u64::from).filter(|_| has_identity);
            let parent = entry.parent.map(|parent| 100 + u64::from(parent)).filter(|_| entry.kind == Kind::Upsert);
            let units = 1 + u32::from(entry.padding) / 50;
            let body = self.common.body(self.judge.records.len(), next, entry);
            self.judge.records.push(Seen {
                lane: id,
                offset: next,
                identity,
                parent,
                is_on_wire: false,
                held_until: None,
                outcome: Outcome::None,
            });
            self.judge.working += Cost { rows: 1, units };
            let what = match entry.kind {
                Kind::Bad => SubmissionKind::Reject(rejection(9)),
                _ => SubmissionKind::Write { identity, parent },
            };
            rows.push(Submission { offset: next, read: self.now, units, body, what });
            // A gap, as compaction leaves it.
            next += 1 + i64::from(entry.padding % 2);
        }
        if let Some(lane) = self.judge.lane(id) {
            lane.next = next;
        }
        self.on(Event::Submit { lane: id, rows })
    }

    fn grant(&mut self, is_probe: bool, reads_only: bool) -> Checked {
        if self.calls.len() >= self.bounds.calls || !is_probe && !self.core.wants_permit(self.now) {
            return Ok(());
        }
        self.on(Event::Granted(Permit { is_probe, reads_only }))
    }

    fn answer(&mut self, call: usize, answer: &Answer) -> Checked {
        let ended = self.epoch + self.now.elapsed();
        let (call, sent) = self.calls.swap_remove(call);
        let mut parts = Vec::new();
        for part in sent {
            self.judge.ended(&part);
            let mut rows = Vec::new();
            for (position, CallRow { row, body, .. }) in part.rows.into_iter().enumerate() {
                let verdict = verdict(answer, position, ended);
                let seen = &mut self.judge.records[serial(&body)];
                seen.is_on_wire = false;
                match verdict {
                    Verdict::Written { .. } => seen.outcome = Outcome::Written,
                    // What the org itself says of a row has ended.
                    Verdict::Unknown { doubt: Doubt::Lost | Doubt::TimedOut, .. } | Verdict::Fatal(_) => {
                        seen.held_until = Some(self.now.plus(HOLD));
                    }
                    _ => {}
                }
                if matches!(verdict, Verdict::Fatal(_)) {
                    let lane = seen.lane;
                    self.judge.is_unclean(lane);
                }
                rows.push(AnsweredRow { row, body, verdict });
            }
            parts.push(rows);
        }
        self.on(Event::Answered { call, parts, took: Duration::from_millis(50) })
    }

    fn lose(&mut self, call: usize) -> Checked {
        let (call, parts) = self.calls.swap_remove(call);
        for part in &parts {
            self.judge.ended(part);
        }
        for row in parts.iter().flat_map(|part| &part.rows) {
            let seen = &mut self.judge.records[serial(&row.body)];
            seen.is_on_wire = false;
            // The org may still apply the call.
            seen.held_until = Some(self.now.plus(HOLD));
            let lane = seen.lane;
            self.judge.is_unclean(lane);
        }
        self.on(Event::CallLost(call))
    }

    fn end_letter(&mut self, letter: usize, is_durable: bool) -> Checked {
        let (lane, row, serial) = self.letters.swap_remove(letter);
        self.judge.records[serial].outcome = if is_durable { Outcome::LetterDurable } else { Outcome::None };
        if let Some(lane) = self.judge.lane(lane) {
            // The lane counts these itself.
            lane.books[if is_durable { 1 } else { 2 }] += 1;
        }
        if !is_durable {
            self.judge.failed(lane, serial);
        }
        // It may be said twice.
        self.late.push(row);
        let end = if is_durable { LetterEnd::Durable } else { LetterEnd::Failed };
        self.on(Event::Settled { row, end })
    }

    fn drain(&mut self, id: LaneId) -> Checked {
        if let Some(lane) = self.judge.lane(id) {
            lane.is_draining = true;
        }
        self.on(Event::Drain(id))
    }

    fn lose_lane(&mut self, id: LaneId) -> Checked {
        if let Some(lane) = self.judge.lane(id) {
            lane.is_gone = true;
        }
        let (gone, left) = std::mem::take(&mut self.letters).into_iter().partition(|(lane, ..)| *lane == id);
        let gone: Vec<_> = gone;
        self.letters = left;
        if let Some(lane) = self.judge.lane(id) {
            lane.books[2] += gone.len();
        }
        self.late.extend(gone.into_iter().map(|(_, row, _)| row));
        self.on(Event::LaneDropped(id))
    }

    fn pass(&mut self, time: Duration) -> Checked {
        let end = self.now.plus(time);
        while let Some(due) = self.core.next_due().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.on(Event::Due)?;
            if self.core.next_due() == Some(due) {
                break;
            }
        }
        self.now = end;
        self.on(Event::Due)
    }

    fn on(&mut self, event: Event) -> Checked {
        let mut effects = Vec::new();
        self.core.on(event, self.now, &mut effects);
        for effect in effects {
            self.apply(effect)?;
        }
        audit(self.core.tables())?;
        self.judge.look(self.core.tables())?;
        let lost = self.calls.iter().find(|(call, _)| self.core.tables().calls.find(*call).is_none());
        expect(lost.is_none(), || format!("a call on the wire is forgotten: {lost:?}"))
    }

    fn apply(&mut self, effect: Effect) -> Checked {
        match effect {
            Effect::Call { call, parts } => {
                expect(self.calls.len() < self.bounds.calls, || "more calls than permits".to_owned())?;
                parts.iter().try_for_each(|part| self.judge.sent(part, &self.bounds, self.now))?;
                self.calls.push((call, parts));
                Ok(())
            }
            Effect::Letter { lane, row, letter } => {
                let serial = serial(&letter.body);
                self.letters.push((lane, row, serial));
                self.judge.letter(serial, lane, self.now)
            }
            effect => self.judge.hear(effect, self.now),
        }
    }

    /// Drains all lanes. Before that, or meanwhile, the world answers all that it is asked.
    pub(super) fn finish(&mut self, drains_first: bool) -> Checked {
        if !drains_first {
            self.settle()?;
            let told: Vec<_> = self.judge.lanes.iter().filter(|lane| lane.must_drain).map(|lane| lane.id).collect();
            let is_left = |record: &&Seen| {
                let lane = self.judge.lanes.iter().find(|lane| lane.id == record.lane);
                let ends = lane.is_some_and(|lane| lane.is_open() && !lane.is_draining);
                ends && !told.contains(&record.lane) && !record.outcome.is_durable()
            };
            let left = self.judge.records.iter().find(is_left);
            expect(left.is_none(), || format!("a record has no outcome: {left:?}"))?;
        }
        let open: Vec<_> = self.judge.lanes.iter().filter(|lane| lane.is_open()).map(|lane| lane.id).collect();
        for lane in open {
            self.drain(lane)?;
        }
        self.settle()?;
        while let Some(row) = self.late.pop() {
            self.on(Event::Settled { row, end: LetterEnd::Durable })?;
        }
        let tables = self.core.tables();
        let is_empty = self.core.is_empty() && tables.groups.is_empty() && tables.trials.is_empty();
        expect(is_empty && self.core.identities() == 0, || format!("something is left: {tables:?}"))?;
        expect(tables.routes.all.is_empty(), || "a route is left".to_owned())?;
        expect(self.judge.working.is_zero(), || format!("{:?} does not come back", self.judge.working))
    }

    fn settle(&mut self) -> Checked {
        for _ in 0..240 {
            while !self.letters.is_empty() {
                self.end_letter(0, true)?;
            }
            while !self.calls.is_empty() {
                self.answer(0, &Answer::Whole(Whole::Written))?;
            }
            self.grant(false, false)?;
            if self.calls.is_empty() && self.letters.is_empty() {
                if self.core.tables().rows.is_empty() {
                    return Ok(());
                }
                self.pass(Duration::from_millis(700))?;
            }
        }
        Ok(())
    }
}

fn settings(bounds: &Bounds) -> Settings {
    let second = Duration::from_secs(1);
    Settings {
        rows: bounds.rows,
        bytes: bounds.bytes,
        linger: Duration::from_millis(10),
        retry: Retry {
            max_attempts: bounds.max_attempts,
            initial_backoff: second / 5,
            max_backoff: 2 * second,
            row_timeout: 15 * second,
            missing_parent_wait: 10 * second,
        },
        unknown_hold: HOLD,
        timeout: 20 * second,
        insert_unknown: if bounds.rejects { InsertUnknown::DeadLetter } else { InsertUnknown::Retry },
        on_quota: if bounds.rejects { OnQuota::DeadLetter } else { OnQuota::Wait },
        parked: 7 * second,
        place_probes: Backoff { initial: second / 5, max: 4 * second },
        probe_spacing: 2 * second,
        stalled: Cost { rows: 12, units: 400 },
        calls: bounds.calls,
        long_call: 3 * second,
        ahead: bounds.ahead,
        patience: 10 * second,
    }
}
