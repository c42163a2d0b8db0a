//! Settings that choose between readings of what a real org does, and the turns of those that take each in turn.

use std::{
    cell::Cell,
    sync::atomic::{AtomicU64, Ordering},
};

use serde::{Deserialize, Serialize, de::Error as _};

use super::Settings;

/// What something wrong in a row refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refuses {
    /// The whole call.
    Call,
    /// Its row.
    Row,
    /// The call and the row in turn.
    Alternate,
}

/// What a column counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Columns {
    Characters,
    /// Bytes of UTF-8.
    Bytes,
    /// Characters and bytes in turn.
    Alternate,
}

/// Whether the API may be used at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiAccess {
    Enabled,
    /// Taken from the user.
    DisabledForUser,
    /// The org's edition has none.
    DisabledForOrg,
}

/// What becomes of rows of one call that carry the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SameIdTwice {
    FailAll,
    /// The first is applied.
    FailLater,
    /// All are applied, one after the other.
    InOrder,
}

/// Whether failed rows say `created:true`: `true`, `false`, or in turn (`"alternate"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SayCreated {
    Always,
    Never,
    /// Every other row of a call.
    Alternate,
}

/// Refuses a new record that equals another one in all of these fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DuplicateRule {
    pub sobject: String,
    pub fields: Vec<String>,
    pub action: DuplicateAction,
}

/// What a duplicate rule does with a record that it finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateAction {
    /// Refuses it, unless the call says `allowSave=true`.
    Alert,
    /// Refuses it.
    Block,
}

/// Counts the calls whose answer depended on a choice, so that the next such call gets the other reading.
#[derive(Debug, Default)]
pub(crate) struct Turns(AtomicU64);

/// The settings as one call reads them.
pub(crate) struct Choices<'o> {
    pub(crate) settings: &'o Settings,
    turns: &'o Turns,
    turn: u64,
    was_asked: Cell<bool>,
}

impl<'o> Choices<'o> {
    pub(crate) fn new(settings: &'o Settings, turns: &'o Turns) -> Self {
        Self { settings, turns, turn: turns.0.load(Ordering::SeqCst), was_asked: Cell::new(false) }
    }

    pub(crate) fn unknown_field_refuses_call(&self) -> bool {
        self.refuses_call(self.settings.unknown_field)
    }

    pub(crate) fn malformed_value_refuses_call(&self) -> bool {
        self.refuses_call(self.settings.malformed_value)
    }

    /// The status of a refusal for want of a right: 403 and 400 in turn, since it is not known which it is.
    pub(crate) fn status_of_missing_right(&self) -> u16 {
        if self.in_turn(1) { 400 } else { 403 }
    }

    pub(crate) fn columns_are_bytes(&self) -> bool {
        match self.settings.columns {
            Columns::Characters => false,
            Columns::Bytes => true,
            // Twice each, so that it meets both readings of what is refused.
            Columns::Alternate => self.in_turn(2),
        }
    }

    fn refuses_call(&self, refuses: Refuses) -> bool {
        match refuses {
            Refuses::Call => true,
            Refuses::Row => false,
            Refuses::Alternate => !self.in_turn(1),
        }
    }

    /// `false` for the first `each` calls, `true` for as many after them, and so on.
    fn in_turn(&self, each: u64) -> bool {
        self.was_asked.set(true);
        (self.turn / each) % 2 == 1
    }

    /// Gives the next call its turn, if this one has had a choice. To be called once a call is read.
    pub(crate) fn end_turn(&self) {
        if self.was_asked.replace(false) {
            self.turns.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl SayCreated {
    pub(crate) fn at(self, row: usize) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Alternate => row.is_multiple_of(2),
        }
    }
}

impl Serialize for SayCreated {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Always => serializer.serialize_bool(true),
            Self::Never => serializer.serialize_bool(false),
            Self::Alternate => serializer.serialize_str("alternate"),
        }
    }
}

impl<'de> Deserialize<'de> for SayCreated {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::Bool(true) => Ok(Self::Always),
            serde_json::Value::Bool(false) => Ok(Self::Never),
            serde_json::Value::String(text) if text == "alternate" => Ok(Self::Alternate),
            other => Err(D::Error::custom(format!("expected true, false or \"alternate\", got {other}"))),
        }
    }
}
