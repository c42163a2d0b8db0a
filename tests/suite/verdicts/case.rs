//! One verdict met by one operation: the records, and what must come of them.

use sandbox::Fault;

use super::table::{Effect, Verdict};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Native,
    External,
}

pub(super) use Mode::{External, Native};

/// An operation in an id mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Act {
    pub(super) mode: Mode,
    pub(super) operation: &'static str,
}

const fn act(mode: Mode, operation: &'static str) -> Act {
    Act { mode, operation }
}

/// All of them: an UPSERT in native id mode does not reach the org.
pub(super) const ACTS: [Act; 7] = [
    act(Native, "INSERT"),
    act(Native, "UPDATE"),
    act(Native, "DELETE"),
    act(External, "INSERT"),
    act(External, "UPDATE"),
    act(External, "DELETE"),
    act(External, "UPSERT"),
];

impl Act {
    pub(super) const NATIVE_INSERT: Self = act(Native, "INSERT");

    /// Becomes an upsert on the wire.
    pub(super) fn upserts(self) -> bool {
        self.mode == External && ["INSERT", "UPSERT"].contains(&self.operation)
    }

    pub(super) fn creates(self) -> bool {
        self == Self::NATIVE_INSERT || self.upserts()
    }

    pub(super) fn deletes(self) -> bool {
        self.operation == "DELETE"
    }

    /// Asks for the record id first.
    pub(super) fn looks_up(self) -> bool {
        self.mode == External && !self.upserts()
    }

    /// A field that a plain insert may fill twice with the same.
    pub(super) fn key_field(self) -> &'static str {
        if self == Self::NATIVE_INSERT { "ExternalLoose__c" } else { "ExternalId__c" }
    }
}

/// `create`, `update` or `delete`, and the text that was sent.
pub(super) type Change = (String, Option<String>);
/// Class and code of a dead letter. An empty code may be any.
pub(super) type Letter = (&'static str, &'static str);

/// A row that the verdict strikes, two rows that go along in its call, and a later change of the first one's record.
pub(super) struct Case {
    pub(super) act: Act,
    pub(super) verdict: Verdict,
    pub(super) key: String,
    effect: Effect,
}

impl Case {
    /// Nothing where that cannot be.
    pub(super) fn new(verdict: &Verdict, act: Act) -> Option<Self> {
        let effect = (verdict.effect)(act)?;
        let key = format!("{}-{:?}-{}", verdict.name, act.mode, act.operation).to_lowercase();
        Some(Self { act, verdict: verdict.clone(), key, effect })
    }

    /// Whether the record of the first row is there before.
    pub(super) fn is_seeded(&self) -> bool {
        !self.act.creates() && self.verdict.name != "never-there"
    }

    pub(super) fn neighbours(&self) -> [String; 2] {
        ["a", "b"].map(|which| format!("{}-{which}", self.key))
    }

    /// The operation of the later change; a plain insert's record cannot be named by one.
    pub(super) fn later(&self) -> Option<&'static str> {
        match self.act.mode {
            External => Some("UPSERT"),
            Native if self.act == Act::NATIVE_INSERT => None,
            Native => Some("UPDATE"),
        }
    }

    /// What the org applies to the record, and the dead letters of the two changes.
    pub(super) fn expected(&self) -> (Vec<Change>, [Option<Letter>; 2]) {
        let (mut exists, mut changes) = (self.is_seeded(), Vec::new());
        let mut apply = |operation: &str, text: &str| {
            let op = match operation {
                "DELETE" if !exists => return,
                "DELETE" => "delete",
                _ if !exists || self.act == Act::NATIVE_INSERT => "create",
                _ => "update",
            };
            exists = op != "delete";
            changes.push((op.to_owned(), exists.then(|| text.to_owned())));
        };
        let struck = match self.effect {
            Effect::Applied(times) => {
                (0..times).for_each(|_| apply(self.act.operation, "1"));
                None
            }
            Effect::Rejected(class, code) => Some((class, code)),
        };
        let left = changes.last().map_or(self.is_seeded(), |(op, _)| op != "delete");
        let later = match self.later() {
            None => None,
            Some(_) if self.verdict.lasts() && struck.is_some() => struck,
            Some("UPDATE") if !left => Some(("sobjectd.NotFound", "")),
            Some(_) => {
                changes.push((if left { "update" } else { "create" }.to_owned(), Some("2".to_owned())));
                None
            }
        };
        (changes, [struck, later])
    }

    /// What the org is told to do to its calls, and to no other's.
    pub(super) fn fault(&self) -> Option<Fault> {
        Some(self.verdict.fault.clone()?.key(&self.key))
    }

    /// How often each of the rows that go along may be applied.
    pub(super) fn along(&self) -> std::ops::RangeInclusive<usize> {
        match self.effect {
            Effect::Applied(times) if times > 1 && !self.act.deletes() => 1..=times,
            _ => 1..=1,
        }
    }
}
