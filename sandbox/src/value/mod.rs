//! Values as the org stores them. A number stays the text that was written; no float exists in this crate.

pub(crate) mod decimal;
mod id;
pub(crate) mod moment;
mod row;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

pub use id::RecordId;
pub(crate) use id::{ORG, USER, default_owner, other_user};
pub(crate) use row::{Body, Object};

/// One stored value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Bool(bool),
    /// A JSON number, digit for digit.
    Number(String),
    /// Text, and whatever JSON writes as a string: dates, times, ids.
    Text(String),
}

impl Value {
    /// The text of a text value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(text) => {
                RawValue::from_string(text.clone()).map_err(serde::ser::Error::custom)?.serialize(serializer)
            }
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}
