use std::{borrow::Cow, ops::Range, sync::Arc};

use bytes::Bytes;

/// A JSON object as a converter gives it: names decoded, values as they were written.
#[derive(Debug)]
pub struct Object<'a> {
    /// Names are unique without case.
    pub members: Vec<(Cow<'a, str>, Value<'a>)>,
}

/// One member's value, already known to be valid JSON.
#[derive(Debug, Clone, Copy)]
pub struct Value<'a>(pub &'a str);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl<'a> Object<'a> {
    /// Field names are compared without case.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        self.members.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

impl<'a> Value<'a> {
    pub fn kind(self) -> ValueKind {
        match self.0.as_bytes().first() {
            Some(b'n') => ValueKind::Null,
            Some(b't' | b'f') => ValueKind::Bool,
            Some(b'"') => ValueKind::String,
            Some(b'[') => ValueKind::Array,
            Some(b'{') => ValueKind::Object,
            _ => ValueKind::Number,
        }
    }

    /// A scalar as an identity's text: a string decoded, a number and a boolean as written. `None` for null and for
    /// structures.
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            ValueKind::String => serde_json::from_str::<String>(self.0).ok().map(Cow::Owned),
            ValueKind::Number | ValueKind::Bool => Some(Cow::Borrowed(self.0)),
            ValueKind::Null | ValueKind::Array | ValueKind::Object => None,
        }
    }
}

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
    /// Two quotes, a colon and a comma around a name and a value.
    const PUNCTUATION: usize = 4;

    /// `members` holds ranges of `json`, each of one valid JSON value.
    ///
    /// # Panics
    /// If a range is not one of text.
    pub fn new(json: Bytes, members: Vec<Member>) -> Self {
        let is_text = |m: &Member| json.get(m.value.clone()).is_some_and(|v| std::str::from_utf8(v).is_ok());
        assert!(members.iter().all(is_text), "a value lies within the text and is text itself");
        Self { json, members }
    }

    /// What the fields take in a row, in bytes: names, values, and the punctuation around them.
    pub fn row_len(&self) -> usize {
        self.members.iter().map(|m| m.name.len() + m.value.len() + Self::PUNCTUATION).sum()
    }

    /// Names and raw JSON values, in the order of the record.
    #[expect(clippy::missing_panics_doc, reason = "new has checked it")]
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &str)> {
        self.members
            .iter()
            .map(|m| (&m.name, std::str::from_utf8(&self.json[m.value.clone()]).expect("checked by new")))
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }
}
