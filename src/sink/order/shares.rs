//! The share of the permits that each place may use, so that one whose calls take long does not hold all of them.
//!
//! Places that the org refuses and slow ones do not count as others here.
//!
//! * While another place has rows that are ready, a place has at most three quarters of the permits.
//! * While there are other routes, a place that is new, or was slow, begins with one call, and has two more for each
//!   answer.
//! * A place is *slow* once a call of it has taken [`Settings::long_call`](super::settings::Settings). While another place
//!   has had calls within the last minute, all slow ones together have the permits that the others have not needed at
//!   once in that time: at most half of all, and at least one. If it is only one, it rests between two calls for an
//!   eighth of their duration.
//! * A place whose calls have timed out twice in a row has one call at a time, while others have had calls.

use std::time::Duration;

use super::{
    ids::{CallIndex, PlaceIndex},
    moment::Moment,
    peak::PERIOD,
    place::Place,
    tables::Tables,
    waits::Wait,
};

/// A place that has had no call for this long counts no more.
const RECENT: Duration = Duration::from_secs(60);

// As a method of the tables, so that these do not import this file.
impl Tables {
    /// The calls that a place may have at once, by what is known of its speed.
    pub(super) fn calls_of(&self, place: PlaceIndex) -> usize {
        self.places.all.get(place).map_or(1, most_yet).min(self.settings.calls)
    }
}

fn most_yet(place: &Place) -> usize {
    usize::try_from(place.speed.answers).unwrap_or(usize::MAX).saturating_mul(2).saturating_add(1)
}

/// Returns whether a place may have one call more.
pub(super) fn may_send(tables: &Tables, at: PlaceIndex) -> bool {
    let Some(place) = tables.places.all.get(at) else { return true };
    let limit = tables.settings.calls;
    let mut own = 0;
    let mut slow = 0;
    for (_, call) in tables.calls.iter() {
        own += usize::from(call.place == at);
        slow += usize::from(is_slow(tables, call.place));
    }
    if own == 0 && !place.speed.is_slow {
        return true;
    }
    let most_yet = most_yet(place);
    if !has_others(tables, at) {
        // Another route may have rows at any time.
        return own < most_yet || tables.routes.in_use() <= 1 || place.speed.is_slow;
    }
    if place.speed.is_slow {
        // What the others need without it is not known at first.
        let is_known = tables.now.since(place.speed.slow_since) >= PERIOD;
        let left = limit.saturating_sub(tables.peak.most(tables.now) + 1).clamp(1, (limit / 2).max(1));
        let left = if is_known { left } else { 1 };
        let rests = left == 1 && tables.now < place.speed.rests_until;
        return slow < left && !rests && (own == 0 || place.speed.timeouts < 2);
    }
    let most = if others_wait(tables, at) { limit.saturating_sub(limit / 4) } else { limit };
    own < most.min(most_yet)
}

fn is_other(tables: &Tables, at: PlaceIndex, other: PlaceIndex) -> bool {
    let Some(place) = tables.places.all.get(other) else { return false };
    other != at && !place.speed.is_slow && !place.refused.is_closed()
}

/// Returns whether another place has rows that are ready.
fn others_wait(tables: &Tables, at: PlaceIndex) -> bool {
    let mut places = tables.queues.batches.by_due().filter_map(|(_, queue)| tables.place_of(queue));
    places.any(|other| is_other(tables, at, other))
}

fn is_slow(tables: &Tables, place: PlaceIndex) -> bool {
    tables.places.all.get(place).is_some_and(|place| place.speed.is_slow)
}

/// Returns whether another place has had a call of late.
fn has_others(tables: &Tables, at: PlaceIndex) -> bool {
    let is_recent = |sent: Moment| tables.now.since(sent) < RECENT;
    let mut places = tables.places.all.iter();
    places.any(|(other, place)| is_other(tables, at, other) && place.speed.last_sent.is_some_and(is_recent))
}

/// Notes a call that is sent.
pub(super) fn sent(tables: &mut Tables, call: CallIndex, at: PlaceIndex) {
    let now = tables.now;
    if let Some(place) = tables.places.get_mut(at) {
        place.speed.last_sent = Some(now);
    }
    let others = tables.calls.iter().filter(|(_, call)| !is_slow(tables, call.place)).count();
    tables.peak.note(others, now);
    let long = (now.plus(tables.settings.long_call), tables.next_order());
    if let Some(call) = tables.calls.get_mut(call) {
        call.long = long;
    }
    tables.waits.insert(long, Wait::LongCall(call));
}

/// Notes that a call of a place takes long, and may go on to do so.
pub(super) fn is_long(tables: &mut Tables, at: PlaceIndex) {
    let now = tables.now;
    tables.routes.has_shifted = true;
    let Some(place) = tables.places.get_mut(at) else { return };
    place.speed.answers = 0;
    if !std::mem::replace(&mut place.speed.is_slow, true) {
        place.speed.slow_since = now;
        classify_ready(tables, at);
    }
}

/// Notes that a call of a place was answered in this time.
pub(super) fn answered(tables: &mut Tables, at: PlaceIndex, took: Duration) {
    if took >= tables.settings.long_call {
        let rests_until = tables.now.plus(took / 8);
        if let Some(place) = tables.places.get_mut(at) {
            place.speed.timeouts = 0;
            place.speed.rests_until = rests_until;
        }
        return is_long(tables, at);
    }
    tables.routes.has_shifted = true;
    let Some(place) = tables.places.get_mut(at) else { return };
    place.speed.timeouts = 0;
    place.speed.answers = place.speed.answers.saturating_add(1);
    if std::mem::take(&mut place.speed.is_slow) {
        classify_ready(tables, at);
    }
}

/// Notes that a call of a place has timed out.
pub(super) fn timed_out(tables: &mut Tables, at: PlaceIndex) {
    if let Some(place) = tables.places.get_mut(at) {
        place.speed.timeouts = place.speed.timeouts.saturating_add(1);
    }
    is_long(tables, at);
}

/// Counts the ready rows of a place anew: they are stalled while it is slow.
fn classify_ready(tables: &mut Tables, at: PlaceIndex) {
    let Some(place) = tables.places.all.get(at) else { return };
    for queue in place.queues.clone() {
        for row in tables.queues.ready_rows(&tables.rows, queue) {
            tables.classify(row);
        }
    }
}
