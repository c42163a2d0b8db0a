//! What the targets have in common: schemas as the registry has them, and what is asked of every answer.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::{
    Deserialize,
    de::{Deserializer, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use sobjectd::format::{Converted, FormatError, Reference, Registered};

/// Stands between the parts of an input. No JSON, TOML or .proto text needs it.
const SEPARATOR: char = '\u{1e}';

/// Whether equal names are looked for inside of the members too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    UniqueEverywhere,
    /// A map of Avro or Protobuf may hold keys that differ only in case.
    UniqueOutside,
}

/// A schema as the registry has it.
pub fn registered(kind: &str, text: &str, references: &[(&str, &str)]) -> Registered {
    let reference = |(name, text): &(&str, &str)| Reference { name: (*name).to_owned(), text: (*text).to_owned() };
    Registered { kind: kind.into(), text: text.into(), references: references.iter().map(reference).collect() }
}

/// The parts of an input: before the first separator, and after it.
pub fn parts(data: &[u8]) -> (Cow<'_, str>, Option<Cow<'_, str>>) {
    let mut parts = data.splitn(2, |byte| u32::from(*byte) == u32::from(SEPARATOR)).map(String::from_utf8_lossy);
    (parts.next().unwrap_or_default(), parts.next())
}

/// An error has a text. All else is valid JSON of at most `limit` bytes, and the names of an object are unique.
pub fn check(read: Result<Converted, FormatError>, limit: usize, names: Names) {
    match read {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(Converted::Value(json, _)) => {
            assert!(json.len() <= limit, "{} bytes", json.len());
            walk(&json, names);
        }
        Ok(Converted::Object(object)) => {
            // Two quotes, a colon and a comma for each member; of the brackets one takes the place of the last comma.
            let len: usize = object.iter().map(|(name, value)| name.len() + value.json.len() + 4).sum();
            assert!(len < limit, "{len} bytes");
            let mut seen = HashSet::new();
            for (name, value) in object.iter() {
                assert!(seen.insert(name.to_ascii_lowercase()), "{name:?} is there twice");
                walk(value.json, names);
            }
        }
    }
}

/// Valid JSON: its syntax, and that its texts are texts.
fn walk(json: &str, names: Names) {
    assert!(serde_json::from_str::<IgnoredAny>(json).is_ok(), "{json:?} is not JSON");
    match json.as_bytes()[0] {
        b'"' => assert!(serde_json::from_str::<String>(json).is_ok(), "{json:?} is not a text"),
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(json).expect("an array");
            items.into_iter().for_each(|item| walk(item.get(), names));
        }
        b'{' => {
            let members: Members<'_> = serde_json::from_str(json).expect("an object whose names are texts");
            let mut seen = HashSet::new();
            for (name, value) in members.0 {
                let new = seen.insert(name.to_ascii_lowercase());
                assert!(new || names == Names::UniqueOutside, "{name:?} is there twice");
                walk(value.get(), names);
            }
        }
        _ => {}
    }
}

struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}
