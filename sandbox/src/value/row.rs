//! A request body as it was written: objects keep the order of their members and each value its text, so that nothing
//! passes through a float, and an error can name the place of a value.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// A JSON object: its members in their order, twice if they were sent twice.
#[derive(Debug)]
pub(crate) struct Object<'a>(pub(crate) Vec<(String, &'a RawValue)>);

/// The text of a request body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body<'a>(pub(crate) &'a str);

impl<'a> Object<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The member of this name, whatever its case.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(member, _)| member.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

impl Body<'_> {
    /// Where `part`, a slice of this body, begins: `[line:1, column:179]`, as a parser error says it. Whether a real
    /// org counts characters or bytes is not known.
    pub(crate) fn place(&self, part: &str, in_bytes: bool) -> String {
        let (line, characters) = self.position(part);
        let column = if in_bytes { self.line_before(part).len() + 1 } else { characters };
        format!("[line:{line}, column:{column}]")
    }

    /// The line and column, from 1 and in characters, at which `part`, a slice of this body, begins.
    pub(crate) fn position(&self, part: &str) -> (usize, usize) {
        (self.before(part).matches('\n').count() + 1, self.line_before(part).chars().count() + 1)
    }

    fn line_before(&self, part: &str) -> &str {
        self.before(part).rsplit('\n').next().unwrap_or_default()
    }

    fn before(&self, part: &str) -> &str {
        let offset = (part.as_ptr() as usize).wrapping_sub(self.0.as_ptr() as usize);
        self.0.get(..offset).unwrap_or_default()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}
