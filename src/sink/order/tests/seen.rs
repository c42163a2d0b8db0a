//! What has become of each record, held against the promises.

use super::super::{event::Drained, ids::LaneId, moment::Moment};

/// A record that was submitted.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) lane: LaneId,
    pub(super) offset: i64,
    pub(super) identity: Option<u64>,
    pub(super) parent: Option<u64>,
    pub(super) is_on_wire: bool,
    /// The time until which the org may still apply what it was asked for.
    pub(super) held_until: Option<Moment>,
    pub(super) outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    None,
    Written,
    /// Its lane writes its dead letter.
    LetterPending,
    LetterDurable,
}

#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "what has happened, each by itself")]
pub(super) struct SeenLane {
    pub(super) id: LaneId,
    pub(super) has_breaker: bool,
    pub(super) next: i64,
    /// The offset to commit.
    pub(super) committed: i64,
    pub(super) is_draining: bool,
    /// It was told to read no more.
    pub(super) must_drain: bool,
    /// The first record of which the letter has failed, before a drain began: those before it still end.
    pub(super) failed_at: Option<i64>,
    /// Something has happened after which records may be repeated.
    pub(super) is_unclean: bool,
    pub(super) is_gone: bool,
    pub(super) drained: Option<Drained>,
    /// Written, dead letters, dropped.
    pub(super) books: [usize; 3],
    /// Records that have left its FIFO.
    pub(super) left: usize,
}

impl Outcome {
    pub(super) fn is_durable(self) -> bool {
        matches!(self, Self::Written | Self::LetterDurable)
    }
}

impl SeenLane {
    pub(super) fn new(id: LaneId, has_breaker: bool) -> Self {
        Self {
            id,
            has_breaker,
            next: 0,
            committed: 0,
            is_draining: false,
            must_drain: false,
            failed_at: None,
            is_unclean: false,
            is_gone: false,
            drained: None,
            books: [0; 3],
            left: 0,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        !self.is_gone && self.drained.is_none()
    }
}

/// Why a record may not be sent now.
pub(super) fn forbids(all: &[Seen], lanes: &[SeenLane], serial: usize, now: Moment) -> Option<&'static str> {
    let record = &all[serial];
    let lane = lanes.iter().find(|lane| lane.id == record.lane)?;
    if record.outcome != Outcome::None {
        return Some("it has an outcome");
    }
    if record.is_on_wire {
        return Some("it is on the wire");
    }
    if lane.is_gone || lane.drained.is_some() {
        return Some("its lane is gone");
    }
    let identity = record.identity?;
    for (other_serial, other) in all.iter().enumerate().filter(|(_, other)| other.identity == Some(identity)) {
        if other.is_on_wire {
            return Some("its identity is on the wire");
        }
        if other.held_until.is_some_and(|until| now < until) {
            return Some("an earlier call of its identity may still be applied");
        }
        let lives = lanes.iter().any(|lane| lane.id == other.lane && !lane.is_gone);
        if other.outcome == Outcome::LetterPending && lives {
            return Some("a dead letter of its identity is not durable");
        }
        if other.lane == record.lane && other_serial < serial && !other.outcome.is_durable() {
            return Some("an earlier change of its identity has no outcome");
        }
    }
    None
}
