//! JSON without a schema, read once by a visitor of our own.
//!
//! Values stay the text that they are: no number becomes a float, nothing is rendered again. What `serde_json` lets
//! through and Salesforce does not is refused here: names that differ only in case, lone surrogates, deep nesting.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::record::{Object, Value, ValueKind};

/// How deep a value may be nested, the object itself included.
const MAX_DEPTH: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    #[error("the value is not UTF-8: the byte at {0} fits nowhere")]
    Utf8(usize),
    #[error("the value is not JSON: {0}")]
    Syntax(serde_json::Error),
    #[error("the value is the JSON text null, which is neither an object nor a tombstone")]
    Null,
    #[error("the value is JSON but not an object: it is {0}")]
    NotAnObject(&'static str),
    #[error("the field {0} is there twice (names are compared without case)")]
    Duplicate(String),
    #[error("the field {field} holds no text, but half of a surrogate pair or the like: {source}")]
    Text { field: String, source: serde_json::Error },
    #[error("the field {0} is nested deeper than {MAX_DEPTH}")]
    TooDeep(String),
}

/// One JSON object.
pub fn object(bytes: &[u8]) -> Result<Object<'_>, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| JsonError::Utf8(error.valid_up_to()))?;
    let members = match text.trim_start().as_bytes().first() {
        Some(b'{') => serde_json::from_str::<Members>(text).map_err(JsonError::Syntax)?.0,
        _ => return Err(not_an_object(text)),
    };
    unique(&members)?;
    for (name, value) in &members {
        check(name, *value, 1)?;
    }
    Ok(Object { members })
}

fn not_an_object(text: &str) -> JsonError {
    match serde_json::from_str::<&RawValue>(text) {
        Err(error) => JsonError::Syntax(error),
        Ok(raw) => match Value(raw.get()).kind() {
            ValueKind::Null => JsonError::Null,
            ValueKind::Bool => JsonError::NotAnObject("a boolean"),
            ValueKind::Number => JsonError::NotAnObject("a number"),
            ValueKind::String => JsonError::NotAnObject("a string"),
            ValueKind::Array | ValueKind::Object => JsonError::NotAnObject("an array"),
        },
    }
}

/// Checks what was kept as text: `serde_json` has proven its syntax only.
fn check(field: &str, value: Value<'_>, depth: usize) -> Result<(), JsonError> {
    match value.kind() {
        ValueKind::Null | ValueKind::Bool | ValueKind::Number => Ok(()),
        ValueKind::String if !value.0.contains("\\u") => Ok(()),
        ValueKind::String => match serde_json::from_str::<String>(value.0) {
            Ok(_) => Ok(()),
            Err(source) => Err(JsonError::Text { field: field.to_owned(), source }),
        },
        ValueKind::Array | ValueKind::Object if depth >= MAX_DEPTH => Err(JsonError::TooDeep(field.to_owned())),
        ValueKind::Array => {
            let items: Vec<&RawValue> = serde_json::from_str(value.0).map_err(JsonError::Syntax)?;
            items.into_iter().try_for_each(|item| check(field, Value(item.get()), depth + 1))
        }
        ValueKind::Object => {
            let members = serde_json::from_str::<Members>(value.0).map_err(JsonError::Syntax)?.0;
            unique(&members)?;
            members.iter().try_for_each(|(_, value)| check(field, *value, depth + 1))
        }
    }
}

fn unique(members: &[(Cow<'_, str>, Value<'_>)]) -> Result<(), JsonError> {
    const FEW: usize = 24;
    let twice = if members.len() <= FEW {
        let earlier = |at: usize| members[..at].iter().any(|(name, _)| name.eq_ignore_ascii_case(&members[at].0));
        (1..members.len()).find(|at| earlier(*at)).map(|at| &members[at].0)
    } else {
        let mut seen = HashSet::with_capacity(members.len());
        members.iter().map(|(name, _)| name).find(|name| !seen.insert(name.to_ascii_lowercase()))
    };
    twice.map_or(Ok(()), |name| Err(JsonError::Duplicate(name.clone().into_owned())))
}

/// All members of an object, equal names included: `serde_json`'s own map would keep the last of them in silence.
struct Members<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(16);
                while let Some(Name(name)) = map.next_key()? {
                    members.push((name, Value(map.next_value::<&RawValue>()?.get())));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(text: &str) -> Vec<(String, String)> {
        let object = object(text.as_bytes()).unwrap();
        object.members.iter().map(|(name, value)| (name.to_string(), value.0.to_owned())).collect()
    }

    #[test]
    fn values_stay_the_text_that_they_are() {
        let text = r#" { "a": 12345678901234567890.1230 , "b":1E400,"c": "\u0041\ud83d\ude00" , "d":null,"e":[ 1 ]} "#;
        let expected = [
            ("a", "12345678901234567890.1230"),
            ("b", "1E400"),
            ("c", r#""\u0041\ud83d\ude00""#),
            ("d", "null"),
            ("e", "[ 1 ]"),
        ];
        assert_eq!(members(text), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn names_are_compared_decoded() {
        assert_eq!(members(r#"{"N\u0061me":1}"#)[0].0, "Name");
        assert!(matches!(object(br#"{"Name":1,"N\u0061ME":2}"#), Err(JsonError::Duplicate(name)) if name == "NaME"));
    }

    #[test]
    fn duplicates_are_found_among_many_names_and_inside_nested_objects() {
        let many: Vec<_> = (0..100).map(|i| format!("\"f{i}\":1")).chain(["\"F7\":2".into()]).collect();
        let text = format!("{{{}}}", many.join(","));
        assert!(matches!(object(text.as_bytes()), Err(JsonError::Duplicate(name)) if name == "F7"));
        assert!(matches!(object(br#"{"a":{"b":1,"B":2}}"#), Err(JsonError::Duplicate(_))));
    }

    #[test]
    fn bad_input_says_what_is_wrong() {
        for (bytes, message) in [
            (&b"\xff"[..], "the value is not UTF-8: the byte at 0 fits nowhere"),
            (b"null", "the value is the JSON text null, which is neither an object nor a tombstone"),
            (b"[1]", "the value is JSON but not an object: it is an array"),
            (b"\"a\"", "the value is JSON but not an object: it is a string"),
            (b"", "the value is not JSON: EOF while parsing a value at line 1 column 0"),
            (b"{\"a\":1} x", "the value is not JSON: trailing characters at line 1 column 9"),
            (b"{\"a\":01}", "the value is not JSON: invalid number at line 1 column 7"),
            (
                br#"{"a":["\ud800"]}"#,
                "the field a holds no text, but half of a surrogate pair or the like: unexpected end of hex escape at line 1 column 8",
            ),
        ] {
            assert_eq!(object(bytes).unwrap_err().to_string(), message);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            drop(object(&bytes));
        }

        /// What is taken is valid JSON to everybody else, member by member.
        #[test]
        fn what_is_taken_is_json(text in r#"\{("[aB\\u0041d8]{0,7}":[0-9eE.\-"\[\]{}ntul:,\\ud]{0,8},?){0,3}\}"#) {
            if let Ok(object) = object(text.as_bytes()) {
                for (_, value) in object.members {
                    proptest::prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(value.0).is_ok());
                }
            }
        }
    }

    #[test]
    fn nesting_is_bounded_at_any_size() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(object(nested(31).as_bytes()).is_ok());
        assert!(matches!(object(nested(32).as_bytes()), Err(JsonError::TooDeep(_))));
        assert!(matches!(object(nested(1_000_000).as_bytes()), Err(JsonError::TooDeep(_))));
    }
}
