//! The events of lanes: records, rejections, settled dead letters, drains.

use super::{
    abandon::{abandon, close_tail, give_up, open_rows},
    breaker::{Breaker, Ruling},
    event::{Effect, LetterEnd, Submission, SubmissionKind},
    ids::{LaneIndex, QueueIndex, RouteIndex, RowId},
    lanes::Phase,
    rejections::{rule, write_letter},
    repeats::end_backoff,
    row::{Flags, Links, Row, State},
    tables::{End, Tables},
    waits::Wait,
};
use crate::{
    mutation::{self, Mutation},
    record::{BatchKey, Command, Rejection},
};

/// Takes in records of a lane.
pub(super) fn submit(tables: &mut Tables, at: LaneIndex, submissions: Vec<Submission>) {
    if let Some(route) = tables.lanes.all.get(at).map(|lane| lane.route) {
        tables.routes.touch(route);
    }
    for submission in submissions {
        take_in(tables, at, submission);
    }
}

fn take_in(tables: &mut Tables, at: LaneIndex, submission: Submission) {
    let Submission { offset, read, units, body, what } = submission;
    let Some(lane) = tables.lanes.all.get(at) else { return };
    let (route, is_open) = (lane.route, lane.phase == Phase::Open);
    let (queue, bytes) = match body.command() {
        Some(command) => (Some(enter_queue(tables, at, command)), command.row_len()),
        None => (None, 0),
    };
    let (identity, parent) = match what {
        SubmissionKind::Write { identity, parent } => (identity, parent),
        SubmissionKind::Reject(_) => (None, None),
    };
    let identity = identity.filter(|_| !mutation::on(Mutation::Gate)).map(|hash| tables.identities.of_hash(hash));
    let parent = parent.map(|hash| tables.queues.parents.enter(hash));
    let is_pending = is_open && matches!(what, SubmissionKind::Write { .. }) && count_pending(tables, route);
    let index = tables.rows.insert(Row {
        body: Some(body),
        cold: None,
        number: 0,
        read,
        since: tables.now,
        order: 0,
        chain: Links::default(),
        links: Links::default(),
        lane: Some(at),
        route,
        identity,
        parent,
        queue,
        state: State::Unlisted,
        units,
        bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
        attempts: 0,
        retries: 0,
        unknowns: 0,
        own_unknowns: 0,
        isolated_times: 0,
        deleted_times: 0,
        flags: Flags { is_pending, ..Flags::default() },
    });
    if let Some(route) = tables.routes.all.get_mut(route) {
        route.rows += 1;
    }
    let number = tables.lanes.touch(at).map(|lane| lane.fifo.push(offset, index));
    if let Some(row) = tables.rows.get_mut(index) {
        row.number = number.unwrap_or_default();
    }
    let is_first = identity.is_none_or(|identity| tables.identities.enter(&mut tables.rows, identity, index));
    match what {
        // It was on its way when the lane was told to read no more.
        _ if !is_open => tables.remove(index, End::Abandoned),
        SubmissionKind::Reject(rejection) => write_letter(tables, index, rejection),
        SubmissionKind::Write { .. } if is_first => tables.set(index, State::Ready, tables.now),
        SubmissionKind::Write { .. } => tables.set(index, State::Queued, tables.now),
    }
}

/// Counts a row of which the org has said nothing yet, if its route has a breaker. Returns whether it has one.
fn count_pending(tables: &mut Tables, route: RouteIndex) -> bool {
    let breaker = tables.routes.breaker(route);
    let has_breaker = breaker.is_some();
    if let Some(breaker) = breaker {
        breaker.pending += 1;
    }
    has_breaker
}

/// Counts a row more in the queue of its command. It is mostly the queue of the lane's last row.
fn enter_queue(tables: &mut Tables, at: LaneIndex, command: &Command) -> QueueIndex {
    let batches = &mut tables.queues.batches;
    let last = tables.lanes.all.get(at).and_then(|lane| lane.last_queue);
    let known = last.filter(|queue| batches.key(*queue).is_some_and(|key| key.is_of(command)));
    let queue = match known {
        Some(queue) => batches.enter_again(queue),
        None => of_key(tables, BatchKey::of(command)),
    };
    let route = tables.lanes.all.get(at).map(|lane| lane.route).filter(|_| known.is_none());
    if let Some(place) = tables.place_of(queue)
        && let Some(route) = route.and_then(|route| tables.routes.all.get_mut(route))
        && !route.places.contains(&place)
    {
        route.places.push(place);
    }
    if let Some(lane) = tables.lanes.get_mut(at) {
        lane.last_queue = Some(queue);
    }
    if let Some(place) = tables.place_of(queue).and_then(|place| tables.places.get_mut(place)) {
        place.rows += 1;
    }
    queue
}

/// Counts a row more in the queue of this key, a new one if there is none.
fn of_key(tables: &mut Tables, key: BatchKey) -> QueueIndex {
    if let Some(queue) = tables.queues.batches.enter(&key) {
        return queue;
    }
    let at = tables.places.of_name(key.place());
    let queue = tables.queues.batches.make(key, at);
    if let Some(place) = tables.places.get_mut(at) {
        place.queues.push(queue);
    }
    queue
}

/// Takes in the end of a dead letter.
pub(super) fn settled(tables: &mut Tables, id: RowId, end: LetterEnd) {
    let Some(index) = tables.rows.find(id) else { return };
    if tables.rows.get(index).is_none_or(|row| row.state != State::Settling) {
        return;
    }
    match end {
        LetterEnd::Durable => tables.remove(index, End::DeadLettered),
        LetterEnd::Failed => abandon(tables, index),
    }
}

/// Begins the drain of a lane.
pub(super) fn drain(tables: &mut Tables, at: LaneIndex) {
    let patience = (tables.now.plus(tables.settings.patience), tables.next_order());
    let Some(lane) = tables.lanes.touch(at) else { return };
    if lane.phase.is_draining() {
        return;
    }
    lane.phase = Phase::Draining { patience, open: usize::MAX };
    lane.must_drain = true;
    lane.refused = None;
    let route = lane.route;
    tables.waits.insert(patience, Wait::DrainCheck(at));
    close_tail(tables, at);
    expedite_drain(tables, at);
    if tables.routes.is_open(route) {
        give_up(tables, at, BREAKER_OPEN);
    }
}

/// Lets the rows of a draining lane that wait for a backoff go at once: records after them are settled, and would be
/// repeated.
fn expedite_drain(tables: &mut Tables, at: LaneIndex) {
    for index in open_rows(tables, at, 0) {
        let Some(row) = tables.rows.get_mut(index).filter(|row| row.state == State::Backoff) else { continue };
        // If it is not taken, its next backoffs are short ones.
        row.retries = 0;
        if let Some(wait) = row.cold.as_mut().and_then(|cold| cold.missing_parent.as_mut()) {
            wait.times = 0;
        }
        end_backoff(tables, index);
    }
}

const BREAKER_OPEN: &str = "the route's breaker is open";

/// Gives up the drains of routes whose breakers have opened in this event.
pub(super) fn after_opening(tables: &mut Tables) {
    for route in std::mem::take(&mut tables.routes.opened) {
        let is_concerned = |lane: &super::lanes::Lane| lane.route == route && lane.phase.is_draining();
        let lanes: Vec<LaneIndex> =
            tables.lanes.all.iter().filter(|(_, lane)| is_concerned(lane)).map(|(index, _)| index).collect();
        for lane in lanes {
            give_up(tables, lane, BREAKER_OPEN);
        }
    }
}

/// Takes in a record that is rejected before it becomes a command. If that would open the breaker, the ruling waits
/// until the org has said something of all rows that were submitted before.
pub(super) fn refused(tables: &mut Tables, at: LaneIndex, rejection: Box<Rejection>, is_again: bool) {
    let Some(lane) = tables.lanes.get_mut(at) else { return };
    if lane.phase != Phase::Open {
        return;
    }
    lane.refused = Some((rejection, is_again));
    let route = lane.route;
    tables.routes.mark_for_ruling(route);
}

/// Rules on the rejections that can be ruled on now.
pub(super) fn rule_waiting(tables: &mut Tables) {
    while let Some(route) = tables.routes.to_rule.pop() {
        let waiting = tables.lanes.all.iter().filter(|(_, lane)| lane.route == route && lane.refused.is_some());
        let lanes: Vec<LaneIndex> = waiting.map(|(index, _)| index).collect();
        for at in lanes {
            let Some(lane) = tables.lanes.get_mut(at) else { continue };
            let Some((rejection, is_again)) = lane.refused.take() else { continue };
            let can_rule = tables.routes.breaker(route).is_none_or(|breaker| Breaker::can_rule(breaker, &rejection));
            let Some(lane) = tables.lanes.get_mut(at) else { continue };
            if !can_rule {
                lane.refused = Some((rejection, is_again));
                continue;
            }
            let lane = lane.id;
            let ruling: Ruling = rule(tables, route, &rejection, is_again);
            tables.effects.push(Effect::Ruled { lane, ruling });
        }
    }
}
