use std::{borrow::Cow, ops::Range};

use bytestring::ByteString;

use strum::IntoStaticStr;

use super::AnyCase;

/// The content of a record, whatever its format: the identity's text from its key, and the object that its value is.
#[derive(Debug, Default)]
pub struct Message {
    /// The text of the key; `None` where the record has none, or the route does not ask for it.
    pub key: Option<ByteString>,
    /// The value; `None` for a tombstone, for a null, and where the route does not ask for it.
    pub value: Option<Object>,
    /// The value was read, and says null: it is what a tombstone is.
    pub is_null: bool,
    /// The bytes that decoding has made, besides the record's own.
    pub decoded_bytes: usize,
}

/// An object as a converter gives it: one JSON text, and where its members lie.
#[derive(Debug)]
pub struct Object {
    pub(crate) text: ByteString,
    /// Names are unique without case.
    pub(crate) members: Vec<Member>,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: Name,
    pub(crate) value: Span,
    pub(crate) logical_type: LogicalType,
}

/// A member's name.
#[derive(Debug)]
pub(crate) enum Name {
    /// The name as it stands in the text.
    At(Span),
    /// The name decoded: it stands in the text with escapes.
    Decoded(Box<str>),
}

/// A range of an object's text, in bytes. No record has 4 GiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

/// One value: valid JSON, as it was written or made, and what it means beyond that.
#[derive(Debug, Clone, Copy)]
pub struct Value<'a> {
    pub json: &'a str,
    pub logical_type: LogicalType,
}

/// The logical type that a schema gives a value, which its JSON cannot express.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogicalType {
    #[default]
    Plain,
    /// A text `yyyy-MM-dd`.
    Date,
    /// A text `HH:mm:ss.SSSZ`.
    Time,
    /// A text `yyyy-MM-ddTHH:mm:ss.SSSZ`.
    Timestamp,
    /// A text `a,b`: some of the values that a column may have.
    Set,
}

/// The kind of a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
pub enum ValueKind {
    #[strum(serialize = "null")]
    Null,
    #[strum(serialize = "a boolean")]
    Bool,
    #[strum(serialize = "a number")]
    Number,
    #[strum(serialize = "a string")]
    String,
    #[strum(serialize = "an array")]
    Array,
    #[strum(serialize = "an object")]
    Object,
}

impl Span {
    pub(crate) fn new(range: Range<usize>) -> Self {
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: place(range.start), end: place(range.end) }
    }

    pub(super) fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    fn of(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }
}

impl Object {
    /// Names decoded, in the order of the record.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.members.iter().map(|member| (self.name(member), self.value(member)))
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Names are compared without case.
    pub fn get(&self, name: &str) -> Option<Value<'_>> {
        let member = self.members.iter().find(|member| AnyCase(self.name(member)) == AnyCase(name))?;
        Some(self.value(member))
    }

    /// The text in which names and values lie.
    pub fn text(&self) -> &ByteString {
        &self.text
    }

    pub(crate) fn name_at(&self, place: usize) -> &str {
        self.name(&self.members[place])
    }

    fn name<'a>(&'a self, member: &'a Member) -> &'a str {
        match &member.name {
            Name::At(span) => span.of(&self.text),
            Name::Decoded(name) => name,
        }
    }

    fn value(&self, member: &Member) -> Value<'_> {
        Value { json: member.value.of(&self.text), logical_type: member.logical_type }
    }
}

impl<'a> Value<'a> {
    pub fn plain(json: &'a str) -> Self {
        Self { json, logical_type: LogicalType::Plain }
    }

    pub fn kind(self) -> ValueKind {
        match self.json.as_bytes().first() {
            Some(b'n') => ValueKind::Null,
            Some(b't' | b'f') => ValueKind::Bool,
            Some(b'"') => ValueKind::String,
            Some(b'[') => ValueKind::Array,
            Some(b'{') => ValueKind::Object,
            _ => ValueKind::Number,
        }
    }

    pub fn is_null(self) -> bool {
        self.kind() == ValueKind::Null
    }

    /// A scalar as an identity's text: a string decoded, a number and a boolean as written. `None` for null and for
    /// structures.
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self.kind() {
            ValueKind::String => {
                let inside = &self.json[1..self.json.len() - 1];
                if inside.contains('\\') {
                    serde_json::from_str::<String>(self.json).ok().map(Cow::Owned)
                } else {
                    Some(Cow::Borrowed(inside))
                }
            }
            ValueKind::Number | ValueKind::Bool => Some(Cow::Borrowed(self.json)),
            ValueKind::Null | ValueKind::Array | ValueKind::Object => None,
        }
    }
}

impl ValueKind {
    /// The kind in words, for messages: `it is …`.
    pub fn name(self) -> &'static str {
        self.into()
    }
}
