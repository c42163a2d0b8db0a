//! The log of a replica, read for what it owned and what interrupted it.

use std::{
    collections::BTreeSet,
    time::{Duration, UNIX_EPOCH},
};

use serde::Deserialize;
use serde_json::Value;

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
    /// Whether the group has removed it for good, so that it ends by itself.
    pub removed_for_good: bool,
    /// The partitions that it began to drain, and when.
    pub revokes: Vec<(u64, Vec<TopicPartition>)>,
    /// Lines that say that no session works: only the schedule ends sessions.
    pub alarms: Vec<String>,
    /// Errors, which no log may have.
    pub errors: Vec<String>,
}

/// The fields of a line. A name may have values of another type in another event.
#[derive(Deserialize)]
struct Line(serde_json::Map<String, Value>);

impl Line {
    fn text(&self, field: &str) -> Option<&str> {
        self.0.get(field)?.as_str()
    }

    fn event(&self) -> &str {
        self.text("event").unwrap_or_default()
    }

    /// The partitions of an event that lists them.
    fn partitions(&self) -> Option<Vec<TopicPartition>> {
        self.text("partitions").and_then(parse_partitions)
    }

    /// The partition of an event that is about one.
    fn partition(&self) -> Option<TopicPartition> {
        let number = self.0.get("partition")?.as_i64()?;
        Some((self.text("topic")?.to_owned(), i32::try_from(number).ok()?))
    }

    /// Whether the group has removed the replica for good, as the README says: librdkafka does not join again, or a
    /// static member was fenced.
    fn is_removal(&self) -> bool {
        match self.event() {
            "membership_lost" => true,
            "consumer_failed" => self.text("code") == Some(FENCED),
            _ => false,
        }
    }

    /// Whether the line tells that the process ends, and the reason is the given error; or whether rdkafka says that a
    /// fenced member could not take its leave of the group.
    fn is_end_for(&self, error: &str) -> bool {
        if self.text("log.target") == Some(RDKAFKA_CONSUMER) {
            return self.text("message").is_some_and(|message| message.contains(FENCED));
        }
        let reason = match self.event() {
            "fatal_error" => self.text("reason"),
            "exited_with_error" => self.text("error"),
            _ => None,
        };
        reason.is_some_and(|reason| reason.starts_with(error))
    }
}

/// Events of drains that leave records undone.
const UNDONE: [&str; 5] =
    ["drain_cut_short", "drain_timed_out", "commit_failed", "commit_thread_busy", "commit_timed_out"];

/// librdkafka's code of the error that ends a static member which has committed before its heartbeat told it that it was
/// fenced.
const FENCED: &str = "FencedInstanceId";

/// The module of rdkafka that logs, without an event of ours, that a consumer's queue was not closed.
const RDKAFKA_CONSUMER: &str = "rdkafka::consumer::base_consumer";

impl ReplicaLog {
    /// Reads the lines of a log in JSON.
    pub(crate) fn read(log: &str) -> Self {
        let mut read = Self::default();
        let mut removal: Option<String> = None;
        let mut lines = log.lines().peekable();
        while let Some(text) = lines.next() {
            let Ok(line) = serde_json::from_str::<Line>(text) else {
                // A kill may cut the last one.
                if lines.peek().is_some() {
                    read.errors.push(format!("not a line of the log: {text}"));
                }
                continue;
            };
            let at_ms = line.text("timestamp").and_then(millis).unwrap_or_default();
            match (line.event(), line.partitions()) {
                ("assigned", Some(partitions)) => {
                    read.owned.extend(partitions);
                    read.draining = None;
                }
                ("revoked", Some(partitions)) => {
                    read.owned.retain(|owned| !partitions.contains(owned));
                    if line.0.get("lost") == Some(&Value::Bool(true)) && !partitions.is_empty() {
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
                ("assigned" | "revoked", None) => read.errors.push(format!("a line without partitions: {text}")),
                ("memory_bound", _) => read.bound = read.bound.max(line.0.get("bytes").and_then(Value::as_u64)),
                ("drain_aborted", _) => {
                    let partitions = line.partition().map(|partition| vec![partition]);
                    read.interruptions.push(Interruption { at_ms, partitions, wire_ms: Some((at_ms, at_ms)) });
                }
                (event, _) if UNDONE.contains(&event) => {
                    read.interruptions.push(Interruption { at_ms, partitions: None, wire_ms: None });
                }
                _ if line.is_removal() => {
                    // More than one line may say so before the process ends.
                    if removal.is_none() {
                        read.interruptions.push(Interruption { at_ms, partitions: None, wire_ms: None });
                    }
                    read.removed_for_good = true;
                    removal = line.text("error").map(str::to_owned);
                }
                _ if removal.as_deref().is_some_and(|error| line.is_end_for(error)) => {}
                ("org_session_rejected", _) => read.alarms.push(text.to_owned()),
                _ if line.text("level") == Some("ERROR") => read.errors.push(text.to_owned()),
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
fn parse_partitions(text: &str) -> Option<Vec<TopicPartition>> {
    serde_json::from_str(&text.replace('(', "[").replace(')', "]")).ok()
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

    /// The lines of a replica that ends by itself after a first line.
    fn ends(first: &str, reason: &str) -> ReplicaLog {
        let end = format!(
            r#"{{"timestamp":"2026-11-24T15:00:02.000000Z","level":"ERROR","event":"fatal_error","message":"m","reason":"{reason}"}}
{{"timestamp":"2026-11-24T15:00:04.000000Z","level":"ERROR","event":"exited_with_error","message":"m","error":"{reason}"}}"#
        );
        ReplicaLog::read(&format!("{first}\n{end}"))
    }

    #[test]
    fn a_replica_that_is_removed_for_good_is_interrupted_once_and_has_no_error() {
        let lost = r#"{"timestamp":"2026-11-24T15:00:01.500000Z","level":"ERROR","event":"membership_lost","message":"m","error":"removed"}"#;
        let fenced = r#"{"timestamp":"2026-11-24T15:00:01.500000Z","level":"ERROR","event":"consumer_failed","message":"m","code":"FencedInstanceId","error":"fenced"}"#;
        for (line, reason) in [(lost, "removed"), (fenced, "fenced; a hint")] {
            let log = ends(&format!("{line}\n{line}"), reason);
            assert!(log.removed_for_good && log.interruptions.len() == 1 && log.errors.is_empty(), "{log:?}");
        }
        assert_eq!(ends(lost, "another reason").errors.len(), 2, "the end has another reason than the removal");
    }

    #[test]
    fn a_fenced_member_that_cannot_close_its_queue_has_no_error() {
        let fenced = r#"{"timestamp":"2026-11-24T15:00:01.500000Z","level":"ERROR","event":"consumer_failed","message":"m","code":"FencedInstanceId","error":"fenced"}"#;
        let queue = r#"{"timestamp":"2026-11-24T15:00:01.700000Z","level":"ERROR","message":"Failed to close consumer queue on drop: Consumer queue close error: FencedInstanceId (m)","log.target":"rdkafka::consumer::base_consumer","log.line":772}"#;
        let log = ends(&format!("{fenced}\n{queue}"), "fenced; a hint");
        assert!(log.removed_for_good && log.errors.is_empty(), "{log:?}");
        assert_eq!(ReplicaLog::read(queue).errors.len(), 1, "without a removal it is an error");
    }

    #[test]
    fn a_replica_whose_consumer_failed_for_another_reason_was_not_removed() {
        let failed = r#"{"timestamp":"2026-11-24T15:00:01.500000Z","level":"ERROR","event":"consumer_failed","message":"m","code":"UnreleasedInstanceId","error":"e"}"#;
        let log = ends(failed, "e; a hint");
        assert!(!log.removed_for_good && log.interruptions.is_empty() && log.errors.len() == 3, "{log:?}");
    }

    #[test]
    fn a_line_that_is_not_json_is_an_error_unless_a_kill_has_cut_it() {
        let bound = r#"{"timestamp":"2026-11-24T15:00:01.500000Z","level":"INFO","event":"memory_bound","message":"m","partitions":3,"bytes":4096}"#;
        let log = ReplicaLog::read(&format!("thread 'main' panicked\n{bound}\n{{\"timestamp\":\"20"));
        assert_eq!((log.errors.len(), log.bound), (1, Some(4_096)), "{log:?}");
    }

    #[test]
    fn a_log_shows_owned_partitions_and_interruptions() {
        let log = r#"
{"timestamp":"2026-11-24T15:00:01.500000Z","level":"INFO","event":"assigned","message":"assigned","partitions":"[(\"a\", 0), (\"b\", 1)]"}
{"timestamp":"2026-11-24T15:00:02.000000Z","level":"INFO","event":"revoked","message":"revoked","partitions":"[(\"a\", 0)]","lost":true}
{"timestamp":"2026-11-24T15:00:03.000000Z","level":"WARN","event":"commit_failed","message":"offsets not committed, their records will be repeated"}
{"timestamp":"2026-11-24T15:00:04.000000Z","level":"ERROR","event":"exited_with_error","message":"ended","error":"something"}"#;
        let read = ReplicaLog::read(log.trim_start());
        assert_eq!(read.owned, BTreeSet::from([("b".to_owned(), 1)]));
        let [lost, undone] = read.interruptions.as_slice() else { panic!("{:?}", read.interruptions) };
        assert!(lost.wire_ms == Some((lost.at_ms, lost.at_ms)) && lost.at_ms == 1_795_532_402_000, "{lost:?}");
        assert!(lost.hits(&("a".to_owned(), 0)) && !lost.hits(&("a".to_owned(), 1)));
        assert!(undone.hits(&("a".to_owned(), 1)) && undone.wire_ms.is_none());
        assert_eq!(read.errors.len(), 1);
        let mut lost = lost.clone();
        Suspension { from_ms: lost.at_ms - 9_000, to_ms: lost.at_ms - 8_000 }.limit_late_calls(&mut lost);
        assert_eq!(lost.wire_ms, Some((lost.at_ms, lost.at_ms)), "another suspension");
        Suspension { from_ms: lost.at_ms - 8_000, to_ms: lost.at_ms - 500 }.limit_late_calls(&mut lost);
        let asleep = lost.at_ms - 8_000;
        assert_eq!(lost.wire_ms, Some((asleep, asleep)));
    }
}
