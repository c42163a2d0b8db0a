//! Which dead letters a plan and the org's own words explain.

use tokio::time::Instant;

use super::{
    ROW_TIMEOUT,
    plan::{Asks, Nature, Partition},
};
use crate::record::Reason;

/// What the org said of one row of one call.
#[derive(Clone, Copy)]
pub(super) struct Said {
    pub(super) at: Instant,
    pub(super) word: Word,
    pub(super) alone: bool,
    /// How many calls had been answered row by row.
    pub(super) answered: u64,
    /// More of them were before the row was sent again, or given up.
    pub(super) survived: bool,
}

/// A verdict without its cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Written,
    Rejected,
    Again,
    MissingParent,
    Parked,
    Apart,
    Deferred,
    Transaction,
    Refused { suspect: bool },
    Later,
    Barred,
    Unknown,
    Fatal,
}

/// Whether a record may be a dead letter for `reason`, after what was `said` of its row; `refusal`, where it has none.
pub(super) fn explains(reason: &str, said: &[Said], refusal: Option<Reason>, max_attempts: u32) -> bool {
    let Some(last) = said.last() else {
        return refusal.is_some_and(|refusal| refusal.name() == reason);
    };
    let again = |said: &&Said| said.word == Word::Again || (said.alone && said.word == Word::Apart);
    let fails = |said: &&Said| said.alone && said.survived && matches!(said.word, Word::Later | Word::Unknown);
    // A few attempts tell a race from a fault of the row; the last two of them are alone.
    if reason == "Refused" && last.word == Word::Apart {
        let apart: Vec<_> = said.iter().filter(|said| said.word == Word::Apart).collect();
        return apart.len() == 4 && apart[2..].iter().all(|said| said.alone);
    }
    match reason {
        "Refused" => {
            let alone = last.alone && matches!(last.word, Word::Transaction | Word::Refused { .. });
            alone || last.word == Word::Rejected
        }
        "RowTimeout" => {
            let outage = |said: &Said| matches!(said.word, Word::Later | Word::Barred | Word::Unknown | Word::Parked);
            let begin = said.iter().rposition(outage).map_or(0, |index| index + 1);
            let since = said[begin..].iter().find(again).map(|said| said.at);
            again(&last) && since.is_some_and(|since| last.at - since >= ROW_TIMEOUT)
        }
        // After its time, or in the way of others: then with one attempt more.
        "MissingParent" => {
            last.word == Word::MissingParent && said.iter().filter(|said| said.word == last.word).count() > 1
        }
        "Poison" => said.iter().filter(fails).count() >= max_attempts as usize,
        // A plain insert: three attempts of unknown result, or one and then whatever else ends a row.
        "UnknownResult" => {
            let unknown = said.iter().filter(|said| matches!(said.word, Word::Unknown | Word::Fatal)).count();
            let ends = |reason: &&str| explains(reason, said, refusal, max_attempts);
            unknown >= 3 || unknown > 0 && ["Refused", "RowTimeout", "MissingParent", "Poison"].iter().any(ends)
        }
        _ => false,
    }
}

impl Partition {
    /// Why the record never comes to the gate.
    pub(super) fn refusal(&self, offset: usize) -> Option<Reason> {
        match self.records[offset].asks {
            Asks::Undecodable => Some(Reason::InvalidValue),
            Asks::Oversized => Some(Reason::TooLarge),
            Asks::Upsert if self.native => Some(Reason::InvalidOperation),
            _ => None,
        }
    }
}

impl Nature {
    /// It has to be a dead letter.
    pub(super) fn is_bad(self) -> bool {
        !matches!(self, Self::Good | Self::Poison(_))
    }
}
