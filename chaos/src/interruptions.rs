//! What interrupted the work on a partition: read from the logs of the replicas.
//!
//! | in the log | interrupted |
//! |---|---|
//! | a replica is killed | what it owned: assigned and not yet revoked, or revoked and perhaps not drained yet |
//! | `revoked` with `lost` | the partitions in the line |
//! | `drain_aborted` | the partition in the line |
//! | a drain that was cut short, or could not commit | all |
//! | `revoked`, while the partitions of a topic change | the partitions in the line |
//! | a replica that the group has counted out for good | all |
//!
//! A drain that ends and commits is no interruption. What a member had on the wire when it lost a partition may be
//! applied after the next owner's first changes; a member that was stopped meanwhile (SIGSTOP) had it on the wire
//! before that: when it wakes up, its lease is over.

use std::{
    collections::BTreeSet,
    time::{Duration, UNIX_EPOCH},
};

use serde::Deserialize;

use crate::scenario::Times;

/// A topic and a partition of it.
pub(crate) type Place = (String, i32);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interruption {
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    /// `None`: all of them.
    pub places: Option<Vec<Place>>,
    /// From when to when, in milliseconds since the epoch, its member may have sent what is applied after the next
    /// owner's first change; `None`: all was applied before.
    pub wire_ms: Option<(u64, u64)>,
}

impl Interruption {
    pub(crate) fn hits(&self, place: &Place) -> bool {
        self.places.as_ref().is_none_or(|places| places.contains(place))
    }
}

/// A replica stood still, from and to, in milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nap {
    pub from_ms: u64,
    pub to_ms: u64,
}

/// So long after it has woken up a replica may still learn what it has lost.
const AWAKE_MS: u64 = 5_000;

impl Nap {
    /// Moves what its replica had on the wire to before it fell asleep.
    pub(crate) fn excuses_less(self, interruption: &mut Interruption) {
        if (self.from_ms..self.to_ms + AWAKE_MS).contains(&interruption.at_ms) {
            interruption.wire_ms = interruption.wire_ms.map(|_| (self.from_ms, self.from_ms));
        }
    }
}

/// One replica's log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Story {
    pub interruptions: Vec<Interruption>,
    /// What it owned at the end.
    pub owned: BTreeSet<Place>,
    /// What it has begun to drain last, and when, unless something was assigned since.
    pub draining: Option<(u64, Vec<Place>)>,
    /// The most memory that it may have, in bytes, as it says.
    pub bound: Option<u64>,
    /// It has ended by itself, since its group has counted it out for good.
    pub counted_out: bool,
    /// What it began to drain, and when.
    pub revokes: Vec<(u64, Vec<Place>)>,
    /// Where no session works: nothing else ends sessions than the schedule.
    pub alarms: Vec<String>,
    /// Errors, and what else must not be there.
    pub errors: Vec<String>,
}

#[derive(Deserialize)]
struct Line {
    timestamp: String,
    level: String,
    #[serde(default)]
    event: String,
    message: String,
    partitions: Option<String>,
    lost: Option<bool>,
    reason: Option<String>,
    error: Option<String>,
    topic: Option<String>,
    partition: Option<i32>,
    bytes: Option<u64>,
}

/// Events of drains that leave something undone.
const UNDONE: [&str; 5] =
    ["drain_cut_short", "drain_timed_out", "commit_failed", "commit_thread_busy", "commit_timed_out"];

/// What ends a replica that its group has counted out for good, as the README says: librdkafka joins no more, or a static
/// member has committed before its heartbeat told it.
const COUNTED_OUT: [&str; 2] =
    ["librdkafka does not join it again", "Static consumer fenced by other consumer with same group.instance.id"];

impl Story {
    pub(crate) fn read(log: &str) -> Self {
        let mut story = Self::default();
        for text in log.lines() {
            let Ok(line) = serde_json::from_str::<Line>(text) else { continue };
            let at_ms = millis(&line.timestamp).unwrap_or_default();
            let places = line.partitions.as_deref().map(places);
            let texts = [line.reason.as_deref(), line.error.as_deref(), Some(line.message.as_str())];
            let is_out = texts.into_iter().flatten().any(|text| COUNTED_OUT.iter().any(|words| text.contains(words)));
            match (line.event.as_str(), places) {
                ("assigned", Some(places)) => {
                    story.owned.extend(places);
                    story.draining = None;
                }
                ("revoked", Some(places)) => {
                    story.owned.retain(|place| !places.contains(place));
                    if line.lost == Some(true) && !places.is_empty() {
                        story.interruptions.push(Interruption {
                            at_ms,
                            places: Some(places),
                            wire_ms: Some((at_ms, at_ms)),
                        });
                    } else {
                        story.draining = Some((at_ms, places.clone()));
                        story.revokes.push((at_ms, places));
                    }
                }
                ("memory_bound", _) => story.bound = story.bound.max(line.bytes),
                ("drain_aborted", _) => {
                    let places = line.topic.zip(line.partition).map(|place| vec![place]);
                    story.interruptions.push(Interruption { at_ms, places, wire_ms: Some((at_ms, at_ms)) });
                }
                (event, _) if UNDONE.contains(&event) => {
                    story.interruptions.push(Interruption { at_ms, places: None, wire_ms: None });
                }
                // Several lines say so.
                _ if is_out && story.counted_out => {}
                _ if is_out => {
                    story.counted_out = true;
                    story.interruptions.push(Interruption { at_ms, places: None, wire_ms: None });
                }
                ("org_session_rejected", _) => story.alarms.push(text.to_owned()),
                _ if line.level == "ERROR" => story.errors.push(text.to_owned()),
                _ => {}
            }
        }
        story
    }

    /// Of the drains that may have been running when the topics changed. librdkafka joins the group again as soon as it
    /// knows, and the group gives away what is being drained (`rd_kafka_cgrp_metadata_update_check`). The daemon looks
    /// between two drains only; but a drain may begin while it looks.
    pub(crate) fn overtaken(&self, changes: &[u64], times: &Times) -> impl Iterator<Item = Interruption> {
        let (drain, noticed) = (times.drain().as_millis() as u64, NOTICED.as_millis() as u64);
        let overtakes = move |at: u64, change: u64| (change.saturating_sub(drain)..change + noticed).contains(&at);
        let hit = self.revokes.iter().filter(move |(at, _)| changes.iter().any(|change| overtakes(*at, *change)));
        hit.map(move |(at, places)| Interruption {
            at_ms: *at,
            places: Some(places.clone()),
            wire_ms: Some((*at, at + drain)),
        })
    }
}

/// Within this all replicas know that a topic has changed: the interval of their questions, and a busy machine.
const NOTICED: Duration = Duration::from_millis(1_500);

/// From `[("topic", 0), ("topic", 1)]`.
fn places(text: &str) -> Vec<Place> {
    serde_json::from_str(&text.replace('(', "[").replace(')', "]")).unwrap_or_default()
}

fn millis(timestamp: &str) -> Option<u64> {
    let since = humantime::parse_rfc3339(timestamp).ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_tells_what_was_owned_and_lost() {
        let log = r#"
{"timestamp":"2026-11-24T15:00:01.500000Z","level":"INFO","event":"assigned","message":"assigned","partitions":"[(\"a\", 0), (\"b\", 1)]"}
{"timestamp":"2026-11-24T15:00:02.000000Z","level":"INFO","event":"revoked","message":"revoked","partitions":"[(\"a\", 0)]","lost":true}
{"timestamp":"2026-11-24T15:00:03.000000Z","level":"WARN","event":"commit_failed","message":"offsets not committed, their records will be repeated"}
{"timestamp":"2026-11-24T15:00:04.000000Z","level":"ERROR","event":"exited_with_error","message":"ended","error":"something"}"#;
        let story = Story::read(log);
        assert_eq!(story.owned, BTreeSet::from([("b".to_owned(), 1)]));
        let [lost, undone] = story.interruptions.as_slice() else { panic!("{:?}", story.interruptions) };
        assert!(lost.wire_ms == Some((lost.at_ms, lost.at_ms)) && lost.at_ms == 1_795_532_402_000, "{lost:?}");
        assert!(lost.hits(&("a".to_owned(), 0)) && !lost.hits(&("a".to_owned(), 1)));
        assert!(undone.hits(&("a".to_owned(), 1)) && undone.wire_ms.is_none());
        assert_eq!(story.errors.len(), 1);
        let mut lost = lost.clone();
        let out = r#"
{"timestamp":"2026-11-24T15:00:01.500000Z","level":"ERROR","event":"fatal_error","message":"cannot go on, draining","reason":"the group has removed this member, and librdkafka does not join it again: …"}
{"timestamp":"2026-11-24T15:00:04.000000Z","level":"ERROR","event":"exited_with_error","message":"ended","error":"the group has removed this member, and librdkafka does not join it again: …"}"#;
        let out = Story::read(out);
        assert!(out.counted_out && out.interruptions.len() == 1 && out.errors.is_empty(), "{out:?}");
        Nap { from_ms: lost.at_ms - 9_000, to_ms: lost.at_ms - 8_000 }.excuses_less(&mut lost);
        assert_eq!(lost.wire_ms, Some((lost.at_ms, lost.at_ms)), "another nap");
        Nap { from_ms: lost.at_ms - 8_000, to_ms: lost.at_ms - 500 }.excuses_less(&mut lost);
        let asleep = lost.at_ms - 8_000;
        assert_eq!(lost.wire_ms, Some((asleep, asleep)));
    }
}
