//! Writes one JSON text in one pass, and remembers the positions of the members of its outermost object.

use std::fmt::Display;

use bytestring::ByteString;
use serde::Serialize;

use super::{converted::Converted, error::FormatError};
use crate::record::{LogicalType, Member, Name, Object, Span};

/// The limit of nesting, including the outermost object. A schema may be recursive: without a limit a small record
/// could overflow the stack.
pub(super) const MAX_DEPTH: usize = 32;

#[derive(Debug)]
pub(super) struct Writer {
    text: String,
    members: Vec<Member>,
    /// The limit of `text` in bytes.
    limit: usize,
    depth: usize,
}

impl Writer {
    pub(super) fn new(capacity: usize, limit: usize) -> Self {
        Self { text: String::with_capacity(capacity.min(limit)), members: Vec::with_capacity(16), limit, depth: 1 }
    }

    /// Writes the outermost object: one member for each item, by `member`.
    pub(super) fn object<T>(
        self,
        items: impl IntoIterator<Item = T>,
        mut member: impl FnMut(&mut Self, T) -> Result<(), FormatError>,
    ) -> Result<Converted, FormatError> {
        self.filled(|out| items.into_iter().try_for_each(|item| member(out, item))).map(Converted::Object)
    }

    /// Writes the outermost object with the members that `fill` writes.
    pub(super) fn filled(
        mut self,
        fill: impl FnOnce(&mut Self) -> Result<(), FormatError>,
    ) -> Result<Object, FormatError> {
        self.text.push('{');
        fill(&mut self)?;
        self.text.push('}');
        self.fits()?;
        // The budget charges the length of the text, so its spare capacity is freed.
        self.text.shrink_to_fit();
        Ok(Object { text: ByteString::from(self.text), members: self.members })
    }

    /// Writes one member of the outermost object.
    pub(super) fn member(
        &mut self,
        name: &str,
        value: impl FnOnce(&mut Self) -> Result<LogicalType, FormatError>,
    ) -> Result<(), FormatError> {
        self.write_member(name, value).map_err(|error| error.within(name))
    }

    fn write_member(
        &mut self,
        name: &str,
        value: impl FnOnce(&mut Self) -> Result<LogicalType, FormatError>,
    ) -> Result<(), FormatError> {
        self.separate();
        let at = self.text.len() + 1;
        self.string(name);
        let written = at..self.text.len() - 1;
        let name = if written.len() == name.len() { Name::At(Span::new(written)) } else { Name::Decoded(name.into()) };
        self.text.push(':');
        let at = self.text.len();
        let logical_type = value(self)?;
        self.fits()?;
        self.members.push(Member { name, value: Span::new(at..self.text.len()), logical_type });
        Ok(())
    }

    /// Writes a whole value that is not an object.
    pub(super) fn value(
        mut self,
        value: impl FnOnce(&mut Self) -> Result<LogicalType, FormatError>,
    ) -> Result<Converted, FormatError> {
        let logical_type = value(&mut self)?;
        self.fits()?;
        Ok(Converted::Value(ByteString::from(self.text), logical_type))
    }

    /// Returns the text that was written, without the positions of its members.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Writes an array or an object inside of the outermost one.
    pub(super) fn nested(
        &mut self,
        brackets: [char; 2],
        items: impl FnOnce(&mut Self) -> Result<(), FormatError>,
    ) -> Result<LogicalType, FormatError> {
        if self.depth == MAX_DEPTH {
            return Err(FormatError::new(format!("it is nested deeper than {MAX_DEPTH}")));
        }
        self.depth += 1;
        self.text.push(brackets[0]);
        items(self)?;
        self.text.push(brackets[1]);
        self.depth -= 1;
        Ok(LogicalType::Plain)
    }

    /// Writes an element of an inner array.
    pub(super) fn element(
        &mut self,
        at: usize,
        value: impl FnOnce(&mut Self) -> Result<LogicalType, FormatError>,
    ) -> Result<(), FormatError> {
        self.item()?;
        value(self).map(drop).map_err(|error| error.at(at))
    }

    /// Writes a member of an inner object.
    pub(super) fn entry(
        &mut self,
        name: &str,
        value: impl FnOnce(&mut Self) -> Result<LogicalType, FormatError>,
    ) -> Result<(), FormatError> {
        self.key(name)?;
        value(self).map(drop).map_err(|error| error.within(name))
    }

    /// Writes the separator before an item of [`nested`](Self::nested), and checks the limit.
    fn item(&mut self) -> Result<(), FormatError> {
        self.separate();
        self.fits()
    }

    /// Writes the name of a member of an inner object.
    pub(super) fn key(&mut self, name: &str) -> Result<(), FormatError> {
        self.item()?;
        self.string(name);
        self.text.push(':');
        Ok(())
    }

    pub(super) fn null(&mut self) -> LogicalType {
        self.raw("null")
    }

    pub(super) fn boolean(&mut self, value: bool) -> LogicalType {
        self.raw(if value { "true" } else { "false" })
    }

    pub(super) fn integer(&mut self, value: impl itoa::Integer) -> LogicalType {
        self.raw(itoa::Buffer::new().format(value))
    }

    /// Writes the shortest digits that identify a float among those of its size: `0.1` also for 32 bits.
    pub(super) fn float<T: Copy + Into<f64> + Display + Serialize>(
        &mut self,
        value: T,
    ) -> Result<LogicalType, FormatError> {
        if !value.into().is_finite() {
            return Err(FormatError::new(format!("{value} is not a number in JSON")));
        }
        Ok(self.serialized(&value))
    }

    pub(super) fn string(&mut self, value: &str) -> LogicalType {
        if is_plain(value) {
            self.text.push('"');
            self.text.push_str(value);
            self.text.push('"');
            return LogicalType::Plain;
        }
        self.serialized(value)
    }

    pub(super) fn base64(&mut self, bytes: &[u8]) -> LogicalType {
        use base64::{Engine as _, prelude::BASE64_STANDARD};
        self.text.push('"');
        BASE64_STANDARD.encode_string(bytes, &mut self.text);
        self.text.push('"');
        LogicalType::Plain
    }

    /// Writes JSON unchanged.
    pub(super) fn raw(&mut self, json: &str) -> LogicalType {
        self.text.push_str(json);
        LogicalType::Plain
    }

    /// Writes a text that needs no escape, in quotes.
    pub(super) fn quoted(&mut self, write: impl FnOnce(&mut String)) {
        self.text.push('"');
        write(&mut self.text);
        self.text.push('"');
    }

    fn serialized<T: Serialize + ?Sized>(&mut self, value: &T) -> LogicalType {
        // The value is a finite number or a text, which cannot fail.
        if let Ok(json) = serde_json::to_string(value) {
            self.text.push_str(&json);
        }
        LogicalType::Plain
    }

    fn separate(&mut self) {
        if !self.text.ends_with(['{', '[']) {
            self.text.push(',');
        }
    }

    fn fits(&self) -> Result<(), FormatError> {
        if self.text.len() <= self.limit { Ok(()) } else { Err(FormatError::too_large(self.limit)) }
    }
}

/// Whether a text needs no escape. It is checked in blocks without a branch, which the compiler vectorises.
#[expect(clippy::needless_bitwise_bool, reason = "it avoids a branch for each byte")]
fn is_plain(text: &str) -> bool {
    let plain = |b: &u8| (*b >= 0x20) & (*b != b'"') & (*b != b'\\');
    text.as_bytes().chunks(32).all(|block| block.iter().fold(true, |all, b| all & plain(b)))
}
