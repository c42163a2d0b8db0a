//! The core: decides all order, without I/O. It takes in one event after the other and returns effects.

use std::time::{Duration, Instant};

use super::{
    abandon::{end_lane, give_up},
    dispatch,
    event::{AnsweredRow, Drained, Effect, Event, LaneProgress, Notice},
    ids::{CallId, LaneIndex, ParentIndex},
    lanes::Phase,
    load::Load,
    missing_parents::{self, expedite},
    moment::Moment,
    outcomes::follow,
    parents::Hold,
    pinned::{Call, Group, Until},
    refused::end_trials,
    routes::Route,
    settings::Settings,
    submissions,
    tables::Tables,
    timers::on_timers,
    valves::open_unused,
    waits::Wait,
};
use crate::{
    mutation::{self, Mutation},
    record::{RetryKind, Verdict},
};

#[derive(Debug)]
pub(crate) struct Core(Tables);

impl Core {
    /// Makes an empty core. `epoch`: the current time. `seed`: the seed of the jitter in backoffs.
    pub(crate) fn new(settings: Settings, epoch: Instant, seed: u64) -> Self {
        Self(Tables::new(settings, epoch, seed))
    }

    /// Takes in an event, and appends its effects in order.
    pub(crate) fn on(&mut self, event: Event, now: Moment, effects: &mut Vec<Effect>) {
        let tables = &mut self.0;
        tables.now = tables.now.max(now);
        take_in(tables, event);
        loop {
            end_trials(tables);
            open_unused(tables);
            submissions::rule_waiting(tables);
            keep_shares(tables);
            if tables.routes.opened.is_empty() && tables.emptied.is_empty() {
                break;
            }
            // What this closes may have been the last that a trial, or a ruling, has waited for.
            submissions::after_opening(tables);
        }
        settle_accounts(tables);
        effects.append(&mut tables.effects);
    }

    /// Returns whether a permit for a call is wanted now.
    pub(crate) fn wants_permit(&mut self, now: Moment) -> bool {
        self.0.now = self.0.now.max(now);
        dispatch::is_due(&self.0)
    }

    /// Returns whether there are rows that a call can take now, or once they have lingered.
    pub(crate) fn has_rows_to_send(&self) -> bool {
        dispatch::has_rows(&self.0)
    }

    /// The time at which [`Event::Due`] has something to do, or a permit is wanted.
    pub(crate) fn next_due(&self) -> Option<Moment> {
        self.0.waits.next().into_iter().chain(dispatch::next_due(&self.0)).min()
    }

    /// Returns whether no lane, no row and no call is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lanes.all.is_empty() && self.0.rows.is_empty() && self.0.calls.is_empty()
    }

    /// Returns whether every route that is read is closed: its breaker is open, or all its rows are stalled. While a probe
    /// is under way, it is what it was.
    pub(crate) fn is_all_closed(&mut self) -> bool {
        let tables = &mut self.0;
        let is_probing = tables.groups.iter().map(|(_, group)| group).any(|group| group.probe.is_some())
            || tables.calls.iter().flat_map(|(_, call)| &call.parts).any(|part| part.probe.is_some());
        if !is_probing {
            let is_closed = |route: &Route| {
                let stalled = usize::try_from(route.load.stalled.rows).unwrap_or(usize::MAX);
                route.valve.is_closed() || route.rows > 0 && stalled >= route.rows
            };
            let read: Vec<_> =
                tables.routes.all.iter().map(|(_, route)| route).filter(|route| route.lanes > 0).collect();
            tables.is_all_closed = !read.is_empty() && read.into_iter().all(is_closed);
        }
        tables.is_all_closed
    }

    /// The number of identities with a change in flight.
    pub(crate) fn identities(&self) -> usize {
        self.0.identities.len()
    }

    #[cfg(test)]
    pub(super) fn tables(&self) -> &Tables {
        &self.0
    }
}

fn take_in(tables: &mut Tables, event: Event) {
    let find = |tables: &Tables, lane| tables.lanes.find(lane);
    match event {
        Event::Open { lane, route, breaker } => {
            let route = tables.routes.enter(&route, breaker);
            tables.routes.touch(route);
            tables.lanes.open(lane, route);
        }
        Event::Submit { lane, rows } => {
            if let Some(lane) = find(tables, lane) {
                submissions::submit(tables, lane, rows);
            }
        }
        Event::Refused { lane, rejection, is_again } => {
            if let Some(lane) = find(tables, lane) {
                submissions::refused(tables, lane, rejection, is_again);
            }
        }
        Event::Granted(permit) => dispatch::granted(tables, permit),
        Event::Answered { call, parts, took } => answered(tables, call, parts, took),
        Event::CallLost(call) => lost(tables, call),
        Event::Settled { row, end } => submissions::settled(tables, row, end),
        Event::Drain(lane) => {
            if let Some(lane) = find(tables, lane) {
                submissions::drain(tables, lane);
            }
        }
        Event::Stuck { lane, why } => {
            if let Some(lane) = find(tables, lane) {
                give_up(tables, lane, why);
            }
        }
        Event::LaneDropped(lane) => {
            if let Some(lane) = find(tables, lane) {
                end_lane(tables, lane);
            }
        }
        Event::QuotaSpent(cause) => dispatch::reject_waiting(tables, &cause),
        Event::Due => on_timers(tables),
    }
}

fn answered(tables: &mut Tables, id: CallId, mut parts: Vec<Vec<AnsweredRow>>, took: Duration) {
    let Some(call) = tables.calls.find(id) else { return };
    if mutation::on(Mutation::Part) {
        for part in &mut parts {
            shift(part);
        }
    } else if !fits(tables, id, &parts) {
        tables
            .effects
            .push(Effect::Stop("an answer is not that of its call, which is a defect of sobjectd".to_owned()));
        return lost(tables, id);
    }
    let Some(Call { parts: sent_parts, sent, long, .. }) = tables.calls.remove(call) else { return };
    tables.waits.remove(long);
    for (part, answers) in sent_parts.into_iter().zip(parts) {
        let verdicts = take_back(tables, &part, answers);
        learn(tables, &part, &verdicts);
        follow(tables, part, verdicts, sent, took);
    }
}

/// Lets each verdict count for a neighbouring row: the mutation `part`.
fn shift(part: &mut [AnsweredRow]) {
    for index in 1..part.len() {
        if let Ok([before, after]) = part.get_disjoint_mut([index - 1, index]) {
            std::mem::swap(&mut before.verdict, &mut after.verdict);
        }
    }
}

/// Returns whether an answer has exactly the rows of its call, in their order.
fn fits(tables: &Tables, id: CallId, parts: &[Vec<AnsweredRow>]) -> bool {
    let Some(call) = tables.calls.find(id).and_then(|call| tables.calls.get(call)) else { return false };
    let is_same = |(sent, answered): (&Group, &Vec<AnsweredRow>)| {
        let row = |answered: &AnsweredRow| tables.rows.find(answered.row);
        sent.rows.len() == answered.len() && sent.rows.iter().zip(answered).all(|(sent, row_)| row(row_) == Some(*sent))
    };
    call.parts.len() == parts.len() && call.parts.iter().zip(parts).all(is_same)
}

/// Gives the rows of a part their contents back. Returns the verdicts.
fn take_back(tables: &mut Tables, part: &Group, answers: Vec<AnsweredRow>) -> Vec<Verdict> {
    let mut verdicts = Vec::with_capacity(answers.len());
    for (index, answered) in part.rows.iter().zip(answers) {
        if let Some(row) = tables.rows.get_mut(*index) {
            row.body = Some(answered.body);
        }
        verdicts.push(answered.verdict);
    }
    verdicts
}

/// Learns from a call which parents another writer locks again and again. Their rows wait for a backoff.
fn learn(tables: &mut Tables, part: &Group, verdicts: &[Verdict]) {
    if tables.queues.parents.is_empty() {
        return;
    }
    let mut seen: Vec<(ParentIndex, bool, bool)> = Vec::new();
    for (index, verdict) in part.rows.iter().zip(verdicts) {
        let Some(parent) = tables.rows.get(*index).and_then(|row| row.parent) else { continue };
        let position = seen.iter().position(|(other, ..)| *other == parent).unwrap_or_else(|| {
            seen.push((parent, false, false));
            seen.len() - 1
        });
        if let Some((_, locked, written)) = seen.get_mut(position) {
            *locked |= matches!(verdict, Verdict::Retry { kind: RetryKind::Backoff, .. });
            *written |= matches!(verdict, Verdict::Written { .. });
        }
    }
    for (index, locked, written) in seen {
        let Some(hash) = tables.queues.parents.all.get(index).map(|parent| parent.hash) else { continue };
        if locked {
            // The first time has no consequence: most locks are gone at the next attempt.
            if let Some(times) = tables.queues.contention.locked(hash).checked_sub(1) {
                let due = (tables.now.plus(tables.backoff(times)), tables.next_order());
                tables.queues.hold(&tables.rows, index, Hold::Resting);
                tables.waits.insert(due, Wait::Parent(index));
            }
        } else if written {
            tables.queues.contention.written(hash);
        }
    }
}

/// Holds the rows of a call that ended in a panic, whose bodies are lost with it: the org may still apply the call. They
/// are abandoned when the hold ends, and the daemon stops.
fn lost(tables: &mut Tables, id: CallId) {
    let Some(call) = tables.calls.find(id).and_then(|call| tables.calls.remove(call)) else { return };
    tables.waits.remove(call.long);
    tables.effects.push(Effect::Stop("a call has ended without an answer".to_owned()));
    let until = Until::Hold(tables.now.plus(tables.settings.unknown_hold));
    for part in call.parts {
        for index in &part.rows {
            let Some(row) = tables.rows.get_mut(*index) else { continue };
            row.flags.is_last = true;
            if row.lane.is_none() {
                tables.free(*index);
            }
        }
        if let Some(scope) = part.probe {
            tables.end_probe(scope);
        }
        tables.form(part.queue, part.rows, part.past, until);
    }
}

/// Appends the sums of an event: books first, then offsets, then the budget that is given back.
fn settle_accounts(tables: &mut Tables) {
    let touched = std::mem::take(&mut tables.lanes.touched);
    for at in &touched {
        let Some(lane) = tables.lanes.get_mut(*at) else { continue };
        let (id, books) = (lane.id, std::mem::take(&mut lane.books));
        if !books.is_empty() {
            tables.effects.push(Effect::OutcomeCounts { lane: id, books });
        }
    }
    let (mut drained, mut fronts) = (Vec::new(), Vec::new());
    for at in touched {
        let Some(lane) = tables.lanes.get_mut(at) else { continue };
        lane.is_touched = false;
        let advance = lane.fifo.advance();
        let oldest = lane.fifo.oldest().copied();
        if lane.phase == Phase::Open && lane.fifo.len() >= tables.settings.ahead {
            fronts.extend(oldest);
        }
        let (lane, is_drained) = (lane.id, lane.phase.is_draining() && lane.fifo.is_empty());
        let oldest = oldest.and_then(|row| tables.rows.get(row)).map(|row| row.read);
        let progress = LaneProgress { records: advance.records, settled: advance.settled, oldest };
        tables.effects.push(Effect::Progress { lane, progress });
        drained.extend(is_drained.then_some(at));
    }
    for front in fronts {
        // Its lane reads no further before it is settled, and its parent may come after all that was read.
        expedite(tables, front);
    }
    for at in drained {
        end_drain(tables, at);
    }
    // Expediting and drains may have changed what is stalled, and what is read.
    tables.bar_routes();
    for at in std::mem::take(&mut tables.routes.touched) {
        let Some(route) = tables.routes.all.get_mut(at) else { continue };
        let Route { name, load, .. } = route;
        load.is_touched = false;
        let (route, working) = (name.clone(), std::mem::take(&mut load.working));
        let Load { stalled, is_barred, is_above_share, .. } = *load;
        tables.effects.push(Effect::Budget { route, working, stalled, is_barred, is_above_share });
    }
    for route in std::mem::take(&mut tables.routes.unused) {
        let wait = tables.routes.all.get(route).and_then(|route| route.valve.wait());
        if let Some(route) = tables.routes.drop_unused(route) {
            if let Some(wait) = wait {
                tables.waits.remove(wait);
            }
            tables.notice(Notice::BreakerClosed { route, read: false });
        }
    }
}

/// Expedites rows that wait for a parent where their route has no share of the budget left for them: the parent may be
/// among the records that it does not read.
fn keep_shares(tables: &mut Tables) {
    let barred = tables.bar_routes();
    let is_to_check = std::mem::take(&mut tables.missing_parents.is_to_check);
    if is_to_check || !barred.is_empty() {
        missing_parents::keep_share(tables);
    }
}

fn end_drain(tables: &mut Tables, at: LaneIndex) {
    let Some(lane) = tables.lanes.all.get(at) else { return };
    let is_cut = lane.phase == Phase::CutShort || lane.fifo.would_repeat();
    let drained = if is_cut { Drained::CutShort } else { Drained::Whole };
    tables.effects.push(Effect::Drained { lane: lane.id, drained });
    end_lane(tables, at);
}
