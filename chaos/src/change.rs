//! The change that a record asks for, by the topic alone, and the event that the org's journal has of it.

use serde_json::{Map, Value};

use crate::history::REFUSED;

/// The fields of a row, without those that name it.
pub(crate) type Fields = Map<String, Value>;

/// One record of a topic.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub offset: i64,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Upsert(Fields),
    Update(Fields),
    Delete,
    /// A plain insert: it makes a record that no other change names.
    Insert(Fields),
    /// The only outcome is a dead letter of this class.
    Reject(&'static str),
}

/// The class of a row that the org has refused.
pub(crate) const REFUSED_BY_ORG: &str = "Refused";
/// The class of an update that found nothing.
pub(crate) const NOT_FOUND: &str = "NotFound";

impl Kind {
    /// The change that the operation header and the value ask for.
    pub(crate) fn read(operation: Option<&str>, value: Option<&[u8]>) -> Self {
        match (operation, value) {
            (Some("DELETE"), _) | (None, None) => Self::Delete,
            (Some("UPSERT" | "INSERT") | None, Some(value)) => Self::of_value(value, Self::Upsert),
            (Some("UPDATE"), Some(value)) => Self::of_value(value, Self::Update),
            // No value, or another word.
            (Some(_), _) => Self::Reject("InvalidOperation"),
        }
    }

    /// The change on a route by record id, whose default operation is update.
    pub(crate) fn by_record_id(self, operation: Option<&str>) -> Self {
        match (self, operation) {
            (Self::Upsert(fields), Some("INSERT")) => Self::Insert(fields),
            (Self::Upsert(fields), None) => Self::Update(fields),
            (Self::Upsert(_), _) => Self::Reject("InvalidOperation"),
            (other, _) => other,
        }
    }

    fn of_value(value: &[u8], kind: impl FnOnce(Fields) -> Self) -> Self {
        match serde_json::from_slice::<Fields>(value) {
            Err(_) => Self::Reject("InvalidValue"),
            Ok(fields) if fields.contains_key("Nowhere__c") => Self::Reject("InvalidField"),
            Ok(fields) if fields.values().any(is_refused) => Self::Reject(REFUSED_BY_ORG),
            Ok(fields) => kind(fields),
        }
    }
}

fn is_refused(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains(REFUSED))
}

/// One entry of the org's journal.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub at_ms: u64,
    pub op: Op,
    pub fields: Option<Fields>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Op {
    Create,
    Update,
    Delete,
}
