use std::{ops::Range, sync::Arc};

use bytes::Bytes;

/// The fields of one record: names as Salesforce spells them, values as slices of one JSON text, exactly as they were
/// written there. Nothing is copied, and no number is parsed.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    json: Bytes,
    members: Vec<Member>,
}

#[derive(Debug, Clone)]
pub struct Member {
    pub name: Arc<str>,
    pub value: Range<usize>,
}

impl Fields {
    /// `members` holds ranges of `json`, each of one valid JSON value.
    pub fn new(json: Bytes, members: Vec<Member>) -> Self {
        debug_assert!(
            members.iter().all(|m| json.get(m.value.clone()).is_some_and(|v| std::str::from_utf8(v).is_ok()))
        );
        Self { json, members }
    }

    /// Names and raw JSON values, in the order of the record.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &str)> {
        self.members.iter().map(|m| (&m.name, std::str::from_utf8(&self.json[m.value.clone()]).unwrap_or("null")))
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}
