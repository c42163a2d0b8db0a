//! Whether the events of one identity in the journal are a chain of *runs* through its changes, and of how few.
//!
//! A run goes through the changes in their order. A new one begins where an earlier one has been, and each costs an
//! interruption; the last one reaches the end. What a change does depends on whether its record exists:
//!
//! | change | record exists | it does not |
//! |---|---|---|
//! | upsert | event: update | event: create |
//! | update | event: update | no event, a dead letter |
//! | delete | event: delete | no event |
//! | reject | no event, a dead letter | no event, a dead letter |
//!
//! Two things are allowed beside the runs. A change whose call ended without an answer is sent again, and may show
//! twice in a row. A call that a member had on the wire when it lost a partition may be applied later, out of any
//! order.

use std::collections::{HashMap, VecDeque};

use crate::change::{Change, Event, Fields, Kind, Op};

/// What is allowed beside the runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance<'a> {
    /// Calls may have ended without an answer.
    pub repeats: bool,
    /// The times, in ms since the epoch, in which a lost call may have been applied; each allows one event.
    pub losses: &'a [(u64, u64)],
}

/// The cheapest explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Explained {
    /// Runs beyond the first.
    pub runs: u32,
    /// Events of lost calls.
    pub late: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    /// Events explained.
    done: usize,
    place: usize,
    late: usize,
    /// Between two runs.
    back: bool,
}

/// Returns the cheapest explanation of the events, or `None` if no runs explain them. `lettered`: whether the record at
/// this offset is a dead letter.
pub(crate) fn explain(
    changes: &[Change],
    events: &[Event],
    lettered: impl Fn(i64) -> bool,
    allowance: Allowance<'_>,
) -> Option<Explained> {
    let start = State { done: 0, place: 0, late: 0, back: false };
    let mut costs = HashMap::from([(start, 0)]);
    let mut queue = VecDeque::from([start]);
    let mut best: Option<Explained> = None;
    while let Some(state) = queue.pop_front() {
        let cost = costs[&state];
        // States come in the order of their costs.
        if best.is_some_and(|best| cost > best.runs) {
            break;
        }
        if state.done == events.len() && state.place == changes.len() && !state.back {
            let found = Explained { runs: cost, late: state.late };
            best = Some(best.map_or(found, |best| best.min(found)));
            continue;
        }
        for (next, price) in steps(state, changes, events, &lettered, allowance) {
            if costs.get(&next).is_none_or(|known| cost + price < *known) {
                costs.insert(next, cost + price);
                if price == 0 { queue.push_front(next) } else { queue.push_back(next) }
            }
        }
    }
    best
}

fn steps(
    state: State,
    changes: &[Change],
    events: &[Event],
    lettered: &impl Fn(i64) -> bool,
    allowance: Allowance<'_>,
) -> Vec<(State, u32)> {
    let State { done, place, late, back } = state;
    let mut next = vec![(State { back: !back, ..state }, u32::from(!back))];
    if back {
        if place > 0 {
            next.push((State { place: place - 1, ..state }, 0));
        }
        return next;
    }
    let exists = done > 0 && events[done - 1].op != Op::Delete;
    let event = events.get(done);
    if let Some(change) = changes.get(place) {
        let used = match &change.kind {
            Kind::Reject(_) => lettered(change.offset).then_some(0),
            Kind::Update(_) if !exists => lettered(change.offset).then_some(0),
            Kind::Delete if !exists => Some(0),
            _ => event.is_some_and(|event| brings(change, event, exists)).then_some(1),
        };
        next.extend(used.map(|used| (State { done: done + used, place: place + 1, ..state }, 0)));
    }
    let Some(event) = event else { return next };
    let explained = State { done: done + 1, ..state };
    if allowance.repeats && place > 0 && brings(&changes[place - 1], event, exists) {
        next.push((explained, 0));
    }
    let in_time = allowance.losses.iter().any(|(from, to)| (*from..=*to).contains(&event.at_ms));
    if late < allowance.losses.len() && in_time && changes.iter().any(|change| brings(change, event, exists)) {
        next.push((State { late: late + 1, ..explained }, 0));
    }
    next
}

/// Whether this change makes this event, of a record that exists or of one that does not.
fn brings(change: &Change, event: &Event, exists: bool) -> bool {
    let same = |fields: &Fields| event.fields.as_ref() == Some(fields);
    match &change.kind {
        Kind::Upsert(fields) => event.op == if exists { Op::Update } else { Op::Create } && same(fields),
        Kind::Update(fields) => exists && event.op == Op::Update && same(fields),
        Kind::Delete => exists && event.op == Op::Delete,
        Kind::Insert(_) | Kind::Reject(_) => false,
    }
}

/// The fields of the record after all changes, if each was made once; `None` if there is no record.
pub(crate) fn left(changes: &[Change]) -> Option<&Fields> {
    changes.iter().fold(None, |record, change| match &change.kind {
        Kind::Upsert(fields) => Some(fields),
        Kind::Update(fields) => record.map(|_| fields),
        Kind::Delete => None,
        Kind::Insert(_) | Kind::Reject(_) => record,
    })
}

/// The offsets whose outcome is a dead letter, if each change was made once.
pub(crate) fn letters(changes: &[Change]) -> Vec<i64> {
    let mut exists = false;
    let mut found = Vec::new();
    for change in changes {
        match change.kind {
            Kind::Upsert(_) => exists = true,
            Kind::Delete => exists = false,
            Kind::Update(_) if exists => {}
            Kind::Insert(_) => {}
            Kind::Update(_) | Kind::Reject(_) => found.push(change.offset),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields(stamp: u32) -> Fields {
        json!({"Text__c": stamp}).as_object().unwrap().clone()
    }

    /// `u1`: upsert with the stamp 1; `p`: update; `d`: delete; `r`: reject.
    fn changes(words: &str) -> Vec<Change> {
        let change = |(offset, word): (usize, &str)| {
            let stamp = || fields(word[1..].parse().unwrap());
            let kind = match &word[..1] {
                "u" => Kind::Upsert(stamp()),
                "p" => Kind::Update(stamp()),
                "d" => Kind::Delete,
                _ => Kind::Reject("InvalidValue"),
            };
            Change { offset: i64::try_from(offset).unwrap(), kind }
        };
        words.split_whitespace().enumerate().map(change).collect()
    }

    /// `c1`: created with the stamp 1; `w`: updated; `x`: deleted. The n-th one happens at n.
    fn events(words: &str) -> Vec<Event> {
        let event = |(at, word): (usize, &str)| {
            let op = match &word[..1] {
                "c" => Op::Create,
                "w" => Op::Update,
                _ => Op::Delete,
            };
            Event { at_ms: at as u64, op, fields: word[1..].parse().ok().map(fields) }
        };
        words.split_whitespace().enumerate().map(event).collect()
    }

    fn runs(asked: &str, seen: &str, letters: &[i64], allowance: Allowance<'_>) -> Option<(u32, usize)> {
        let found = explain(&changes(asked), &events(seen), |offset| letters.contains(&offset), allowance);
        found.map(|found| (found.runs, found.late))
    }

    const NONE: Allowance<'_> = Allowance { repeats: false, losses: &[] };

    #[test]
    fn changes_done_once_and_in_order_are_one_run() {
        assert_eq!(runs("u1 p2 d u3", "c1 w2 x c3", &[], NONE), Some((0, 0)));
        assert_eq!(runs("d p1 r u2", "c2", &[1, 2], NONE), Some((0, 0)));
        assert_eq!(runs("", "", &[], NONE), Some((0, 0)));
    }

    #[test]
    fn a_lost_change_or_dead_letter_is_not_explained() {
        assert_eq!(runs("u1 u2", "c1", &[], NONE), None, "a change");
        assert_eq!(runs("u1 d", "c1", &[], NONE), None, "a delete");
        assert_eq!(runs("p1 u2", "c2", &[], NONE), None, "a dead letter");
        assert_eq!(runs("u1 r", "c1", &[], NONE), None, "a dead letter of a bad record");
    }

    #[test]
    fn events_out_of_order_cost_a_run_or_more() {
        assert_eq!(runs("u1 u2 u3", "c1 w3 w2", &[], NONE), None, "it does not end with the last");
        assert_eq!(runs("u1 u2 u3", "c1 w2 w1 w2 w3", &[], NONE), Some((1, 0)));
        assert_eq!(runs("u1 u2 u3", "c1 w2 w1 w2 w1 w2 w3", &[], NONE), Some((2, 0)));
        assert_eq!(runs("u1 u2 u3", "c1 w3", &[], NONE), None, "nothing is skipped");
    }

    #[test]
    fn a_repeat_after_a_crash_may_find_what_a_later_change_made() {
        assert_eq!(runs("p1 u2 d", "c2 w1 w2 x", &[0], NONE), Some((1, 0)));
    }

    #[test]
    fn a_change_shows_twice_in_a_row_only_where_answers_were_hidden() {
        let allowance = Allowance { repeats: true, losses: &[] };
        assert_eq!(runs("u1 u2", "c1 w1 w2", &[], allowance), Some((0, 0)));
        assert_eq!(runs("u1 u2", "c1 w1 w2", &[], NONE), Some((1, 0)));
        assert_eq!(runs("u1 u2", "c1 w2 w1", &[], allowance), None);
    }

    #[test]
    fn a_lost_call_may_come_late_once_for_each_loss_and_in_its_time() {
        let lost = Allowance { repeats: false, losses: &[(2, 9)] };
        assert_eq!(runs("u1 u2", "c1 w2 w1", &[], lost), Some((0, 1)));
        assert_eq!(runs("u1 u2", "c1 w2 w1 w1", &[], lost), None);
        assert_eq!(runs("u1 u2", "c1 w2 w1", &[], Allowance { losses: &[(5, 9)], ..lost }), None);
    }
}
