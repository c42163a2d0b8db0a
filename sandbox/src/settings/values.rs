//! The words that settings take.

use serde::{Deserialize, Serialize, de::Error as _};

/// The scope of the refusal of an error in a row.
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

/// The unit that a column counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Columns {
    Characters,
    /// Bytes of UTF-8.
    Bytes,
    /// Characters and bytes in turn.
    Alternate,
}

/// Whether the session's user may use the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiAccess {
    Enabled,
    /// The user has lost the right.
    DisabledForUser,
    /// The org's edition has no API.
    DisabledForOrg,
}

/// The outcome of rows of one call that have the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SameIdTwice {
    FailAll,
    /// The first is applied.
    FailLater,
    /// All are applied, one after the other.
    InOrder,
}

/// Whether failed rows say `created:true`: `true`, `false`, or every other row (`"alternate"`).
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

/// The action of a duplicate rule on a duplicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DuplicateAction {
    /// Refuses it, unless the call says `allowSave=true`.
    Alert,
    /// Refuses it.
    Block,
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
