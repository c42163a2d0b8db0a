//! The log of a replica, read for what it owned and what interrupted it.

use std::{
    collections::BTreeSet,
    time::{Duration, UNIX_EPOCH},
};

use serde::Deserialize;

use crate::{
    interruptions::{Interruption, TopicPartition},
    scenario::Times,
};

/// The log of one replica, as far as it matters.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReplicaLog {
    pub interruptions: Vec<Interruption>,
    /// The partitions that it owned at the end.
    pub owned: BTreeSet<TopicPartition>,
    /// The partitions that it has begun to drain last, and when, unless partitions were assigned since.
    pub draining: Option<(u64, Vec<TopicPartition>)>,
    /// The memory bound that it has logged, in bytes.
    pub bound: Option<u64>,
    /// Whether it has ended by itself, since the group has removed it for good.
    pub removed_for_good: bool,
    /// The partitions that it began to drain, and when.
    pub revokes: Vec<(u64, Vec<TopicPartition>)>,
    /// Lines that say that no session works: only the schedule ends sessions.
    pub alarms: Vec<String>,
    /// Errors, which no log may have.
    pub errors: Vec<String>,
}

/// The fields of a line that matter.
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

/// Events of drains that leave records undone.
const UNDONE: [&str; 5] =
    ["drain_cut_short", "drain_timed_out", "commit_failed", "commit_thread_busy", "commit_timed_out"];

/// Texts of the errors that end a replica which the group has removed for good, as the README says: librdkafka does not
/// join again, or a static member has committed before its heartbeat told it.
const REMOVED_FOR_GOOD: [&str; 2] =
    ["librdkafka does not join it again", "Static consumer fenced by other consumer with same group.instance.id"];

impl ReplicaLog {
    /// Reads the lines of a log in JSON.
    pub(crate) fn read(log: &str) -> Self {
        let mut read = Self::default();
        for text in log.lines() {
            let Ok(line) = serde_json::from_str::<Line>(text) else { continue };
            let at_ms = millis(&line.timestamp).unwrap_or_default();
            let partitions = line.partitions.as_deref().map(parse_partitions);
            let texts = [line.reason.as_deref(), line.error.as_deref(), Some(line.message.as_str())];
            let is_removed =
                texts.into_iter().flatten().any(|text| REMOVED_FOR_GOOD.iter().any(|words| text.contains(words)));
            match (line.event.as_str(), partitions) {
                ("assigned", Some(partitions)) => {
                    read.owned.extend(partitions);
                    read.draining = None;
                }
                ("revoked", Some(partitions)) => {
                    read.owned.retain(|owned| !partitions.contains(owned));
                    if line.lost == Some(true) && !partitions.is_empty() {
                        read.interruptions.push(Interruption {
                            at_ms,
                            partitions: Some(partitions),
                            wire_ms: Some((at_ms, at_ms)),
                        });
                    } else {
                        read.draining = Some((at_ms, partitions.clone()));
                        read.revokes.push((at_ms, partitions));
                    }
                }
                ("memory_bound", _) => read.bound = read.bound.max(line.bytes),
                ("drain_aborted", _) => {
                    let partitions = line.topic.zip(line.partition).map(|partition| vec![partition]);
                    read.interruptions.push(Interruption { at_ms, partitions, wire_ms: Some((at_ms, at_ms)) });
                }
                (event, _) if UNDONE.contains(&event) => {
                    read.interruptions.push(Interruption { at_ms, partitions: None, wire_ms: None });
                }
                // Several lines have such a text.
                _ if is_removed && read.removed_for_good => {}
                _ if is_removed => {
                    read.removed_for_good = true;
                    read.interruptions.push(Interruption { at_ms, partitions: None, wire_ms: None });
                }
                ("org_session_rejected", _) => read.alarms.push(text.to_owned()),
                _ if line.level == "ERROR" => read.errors.push(text.to_owned()),
                _ => {}
            }
        }
        read
    }

    /// The interruptions of drains that may have been running when the topics changed. librdkafka rejoins the group as
    /// soon as it knows of a change, and the group gives away the partitions that are being drained
    /// (`rd_kafka_cgrp_metadata_update_check`). The daemon refreshes the metadata only between two drains; but a drain
    /// may begin during the refresh.
    pub(crate) fn overtaken(&self, changes: &[u64], times: &Times) -> impl Iterator<Item = Interruption> {
        let (drain, noticed) = (times.drain().as_millis() as u64, NOTICED.as_millis() as u64);
        let overtakes = move |at: u64, change: u64| (change.saturating_sub(drain)..change + noticed).contains(&at);
        let hit = self.revokes.iter().filter(move |(at, _)| changes.iter().any(|change| overtakes(*at, *change)));
        hit.map(move |(at, partitions)| Interruption {
            at_ms: *at,
            partitions: Some(partitions.clone()),
            wire_ms: Some((*at, at + drain)),
        })
    }
}

/// The longest time until all replicas know that a topic has changed: the interval of their refreshes, and a busy
/// machine.
const NOTICED: Duration = Duration::from_millis(1_500);

/// Parses `[("topic", 0), ("topic", 1)]`.
fn parse_partitions(text: &str) -> Vec<TopicPartition> {
    serde_json::from_str(&text.replace('(', "[").replace(')', "]")).unwrap_or_default()
}

/// Milliseconds since the epoch.
fn millis(timestamp: &str) -> Option<u64> {
    let since = humantime::parse_rfc3339(timestamp).ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interruptions::Suspension;

    #[test]
    fn a_log_shows_owned_partitions_and_interruptions() {
        let log = r#"
{"timestamp":"2026-11-24T15:00:01.500000Z","level":"INFO","event":"assigned","message":"assigned","partitions":"[(\"a\", 0), (\"b\", 1)]"}
{"timestamp":"2026-11-24T15:00:02.000000Z","level":"INFO","event":"revoked","message":"revoked","partitions":"[(\"a\", 0)]","lost":true}
{"timestamp":"2026-11-24T15:00:03.000000Z","level":"WARN","event":"commit_failed","message":"offsets not committed, their records will be repeated"}
{"timestamp":"2026-11-24T15:00:04.000000Z","level":"ERROR","event":"exited_with_error","message":"ended","error":"something"}"#;
        let read = ReplicaLog::read(log);
        assert_eq!(read.owned, BTreeSet::from([("b".to_owned(), 1)]));
        let [lost, undone] = read.interruptions.as_slice() else { panic!("{:?}", read.interruptions) };
        assert!(lost.wire_ms == Some((lost.at_ms, lost.at_ms)) && lost.at_ms == 1_795_532_402_000, "{lost:?}");
        assert!(lost.hits(&("a".to_owned(), 0)) && !lost.hits(&("a".to_owned(), 1)));
        assert!(undone.hits(&("a".to_owned(), 1)) && undone.wire_ms.is_none());
        assert_eq!(read.errors.len(), 1);
        let mut lost = lost.clone();
        let out = r#"
{"timestamp":"2026-11-24T15:00:01.500000Z","level":"ERROR","event":"fatal_error","message":"cannot go on, draining","reason":"the group has removed this member, and librdkafka does not join it again: …"}
{"timestamp":"2026-11-24T15:00:04.000000Z","level":"ERROR","event":"exited_with_error","message":"ended","error":"the group has removed this member, and librdkafka does not join it again: …"}"#;
        let out = ReplicaLog::read(out);
        assert!(out.removed_for_good && out.interruptions.len() == 1 && out.errors.is_empty(), "{out:?}");
        Suspension { from_ms: lost.at_ms - 9_000, to_ms: lost.at_ms - 8_000 }.limit_late_calls(&mut lost);
        assert_eq!(lost.wire_ms, Some((lost.at_ms, lost.at_ms)), "another suspension");
        Suspension { from_ms: lost.at_ms - 8_000, to_ms: lost.at_ms - 500 }.limit_late_calls(&mut lost);
        let asleep = lost.at_ms - 8_000;
        assert_eq!(lost.wire_ms, Some((asleep, asleep)));
    }
}
