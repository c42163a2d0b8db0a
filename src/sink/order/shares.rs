//! The share of the permits that each place may use, so that one whose calls take long does not hold all of them.
//!
//! While other places have had calls within the last minute:
//!
//! * a place has at most three quarters of the permits;
//! * a place that is new, or was slow, begins with one call, and has two more for each answer;
//! * places that are *slow*, a call of which has taken [`Settings::long_call`](super::settings::Settings), have together
//!   what the others have not needed at once during the last minute, at most half of the permits and at least one. That
//!   one rests between two calls for an eighth of their duration;
//! * a place whose calls have timed out twice in a row has one call at a time.

use std::time::Duration;

use super::{
    ids::{CallIndex, PlaceIndex},
    moment::Moment,
    tables::Tables,
    waits::Wait,
};

/// A place that has had no call for this long counts no more.
const RECENT: Duration = Duration::from_secs(60);

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
    if own == 0 && !place.speed.is_slow || !has_others(tables, at) {
        return true;
    }
    let answers = usize::try_from(place.speed.answers).unwrap_or(usize::MAX);
    let most = limit.saturating_sub(limit / 4).min(answers.saturating_mul(2).saturating_add(1));
    if place.speed.is_slow {
        let left = limit.saturating_sub(tables.peak.most(tables.now) + 1).clamp(1, (limit / 2).max(1));
        let rests = left == 1 && tables.now < place.speed.rests_until;
        return slow < left && !rests && (own == 0 || place.speed.timeouts < 2);
    }
    own < most
}

fn is_slow(tables: &Tables, place: PlaceIndex) -> bool {
    tables.places.all.get(place).is_some_and(|place| place.speed.is_slow)
}

/// Returns whether another place, which is not slow, has had a call of late.
fn has_others(tables: &Tables, at: PlaceIndex) -> bool {
    let is_recent = |sent: Moment| tables.now.since(sent) < RECENT;
    tables
        .places
        .all
        .iter()
        .any(|(other, place)| other != at && !place.speed.is_slow && place.speed.last_sent.is_some_and(is_recent))
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
    let Some(place) = tables.places.get_mut(at) else { return };
    place.speed.answers = 0;
    if !std::mem::replace(&mut place.speed.is_slow, true) {
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
