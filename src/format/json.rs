//! Reads JSON without a schema, in one pass.
//!
//! Values keep their text: no number becomes a float, and nothing is serialised again. `serde_json` accepts some input
//! that Salesforce refuses, which is refused here: names that differ only in case, lone surrogates, deep nesting.

use std::{borrow::Cow, fmt};

use bytes::Bytes;
use bytestring::ByteString;
use serde::{
    Deserialize as _,
    de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    Converted, FormatError, Selection,
    members::{Members, Text, elements, syntax, unique},
    writer::MAX_DEPTH,
};
use crate::record::{LogicalType, Member, Name, Object, Span, Value, ValueKind};

/// Reads one JSON value. Its text is a slice of `bytes`, which are not copied.
pub fn read(bytes: Bytes) -> Result<Converted, FormatError> {
    selected(bytes, &Selection::default(), usize::MAX)
}

/// Reads one JSON value; of an object only the selected members, which have at most `limit` bytes.
pub(super) fn selected(bytes: Bytes, selection: &Selection, limit: usize) -> Result<Converted, FormatError> {
    read_text(unmarked(bytes)?, selection, limit)
}

/// Returns the text without the byte order mark that some writers put before it.
pub(super) fn unmarked(bytes: Bytes) -> Result<ByteString, FormatError> {
    text(if bytes.starts_with("\u{feff}".as_bytes()) { bytes.slice('\u{feff}'.len_utf8()..) } else { bytes })
}

/// Returns bytes as a text, or an error that names the first byte that is not UTF-8.
pub(super) fn text(bytes: Bytes) -> Result<ByteString, FormatError> {
    ByteString::try_from(bytes)
        .map_err(|error| FormatError::new(format!("it is not UTF-8: the byte at {} is invalid", error.valid_up_to())))
}

pub(super) fn read_text(text: ByteString, selection: &Selection, limit: usize) -> Result<Converted, FormatError> {
    if text.trim_start().starts_with('{') {
        return object(text, selection, limit).map(Converted::Object);
    }
    if text.len() > limit {
        return Err(FormatError::too_large(limit));
    }
    let raw: &RawValue = serde_json::from_str(&text).map_err(|error| syntax(&error))?;
    check(Value::plain(raw.get()), 0)?;
    Ok(Converted::Value(text.slice_ref(raw.get()), LogicalType::Plain))
}

fn object(text: ByteString, selection: &Selection, limit: usize) -> Result<Object, FormatError> {
    let mut json = serde_json::Deserializer::from_str(&text);
    let outermost = Outermost { text: &text, selection };
    let members = outermost.deserialize(&mut json).and_then(|members| json.end().map(|()| members));
    let object = Object { members: members.map_err(|error| syntax(&error))?, text };
    if object.text.len() > limit
        && object.iter().map(|(name, value)| name.len() + value.json.len()).sum::<usize>() > limit
    {
        return Err(FormatError::too_large(limit));
    }
    unique(object.len(), |at| object.name_at(at))?;
    // Only an escape can be half of a surrogate pair.
    let has_escapes = memchr::memchr(b'\\', object.text.as_bytes()).is_some();
    for (name, value) in object.iter() {
        if has_escapes || value.json.starts_with(['[', '{']) {
            check(value, 1).map_err(|error| error.within(name))?;
        }
    }
    Ok(object)
}

/// Checks a value that was kept as text: `serde_json` has checked only its syntax. `depth` is the number of objects and
/// arrays around it.
fn check(value: Value<'_>, depth: usize) -> Result<(), FormatError> {
    match value.kind() {
        ValueKind::Null | ValueKind::Bool | ValueKind::Number => Ok(()),
        ValueKind::String if !value.json.contains("\\u") => Ok(()),
        ValueKind::String => serde_json::from_str::<String>(value.json).map(drop).map_err(|error| {
            FormatError::new(format!("it holds no text, but half of a surrogate pair or the like: {error}"))
        }),
        ValueKind::Array | ValueKind::Object if depth >= MAX_DEPTH => {
            Err(FormatError::new(format!("it is nested deeper than {MAX_DEPTH}")))
        }
        ValueKind::Array => {
            elements(value.json, |at, item| check(Value::plain(item), depth + 1).map_err(|error| error.at(at)))
        }
        ValueKind::Object => {
            let members = Members::read(value.json)?;
            unique(members.list.len(), |at| &members.list[at].0)?;
            for (name, json) in &members.list {
                check(Value::plain(json), depth + 1).map_err(|error| error.within(name))?;
            }
            Ok(())
        }
    }
}

/// Reads the selected members of the outermost object of a text, and their positions in it.
struct Outermost<'a, 's> {
    text: &'a str,
    selection: &'s Selection,
}

impl Outermost<'_, '_> {
    fn place(&self, part: &str) -> Span {
        let start = part.as_ptr() as usize - self.text.as_ptr() as usize;
        Span::new(start..start + part.len())
    }
}

impl<'de> DeserializeSeed<'de> for Outermost<'de, '_> {
    type Value = Vec<Member>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Outermost<'de, '_> {
    type Value = Vec<Member>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(32);
        while let Some(name) = map.next_key_seed(MemberName { any: self.selection.is_closed() })? {
            let Some(name) = name.filter(|name| self.selection.takes(name)) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let name = match name {
                Cow::Borrowed(name) => Name::At(self.place(name)),
                Cow::Owned(name) => Name::Decoded(name.into()),
            };
            let value = self.place(map.next_value::<&RawValue>()?.get());
            members.push(Member { name, value, logical_type: LogicalType::Plain });
        }
        Ok(members)
    }
}

/// Reads the name of a member. It is borrowed if it has no escapes.
struct MemberName {
    /// Whether the name may hold half of a surrogate pair. It is then read as `None`: no route can list such a name.
    any: bool,
}

impl<'de> DeserializeSeed<'de> for MemberName {
    type Value = Option<Cow<'de, str>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.any {
            deserializer.deserialize_bytes(self)
        } else {
            Text::deserialize(deserializer).map(|Text(n)| Some(n))
        }
    }
}

impl<'de> Visitor<'de> for MemberName {
    type Value = Option<Cow<'de, str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_bytes<E>(self, name: &'de [u8]) -> Result<Self::Value, E> {
        Ok(std::str::from_utf8(name).ok().map(Cow::Borrowed))
    }

    fn visit_bytes<E>(self, name: &[u8]) -> Result<Self::Value, E> {
        Ok(std::str::from_utf8(name).ok().map(|name| Cow::Owned(name.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(bytes: &[u8]) -> Result<Object, FormatError> {
        match read(Bytes::copy_from_slice(bytes))? {
            Converted::Object(object) => Ok(object),
            Converted::Value(..) => Err(FormatError::new("no object")),
        }
    }

    #[test]
    fn a_json_member_that_is_left_out_may_hold_anything() {
        let deep = format!(r#"{{"a":1,"meta":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        let large = format!(r#"{{"a":1,"meta":"{}"}}"#, "m".repeat(5_000));
        for text in [
            r#"{"meta":{"Content-Type":1,"content-type":2},"a":1}"#,
            r#"{"a":1,"meta":"\ud800"}"#,
            r#"{"meta":1,"a":1,"META":2}"#,
            r#"{"meta":{"\ud800":[{"x":1,"X":2}]},"m\u0065ta":1e999,"a":1}"#,
            &deep,
            &large,
        ] {
            for selection in [Selection::without(&["Meta"]), Selection::of(&["a"])] {
                match selected(Bytes::copy_from_slice(text.as_bytes()), &selection, 1_000) {
                    Ok(Converted::Object(object)) => {
                        let members: Vec<_> = object.iter().map(|(name, value)| (name, value.json)).collect();
                        assert_eq!(members, [("a", "1")], "{text:.60}");
                    }
                    other => panic!("{text:.60}: {other:?}"),
                }
            }
            assert!(
                selected(Bytes::copy_from_slice(text.as_bytes()), &Selection::default(), 1_000).is_err(),
                "{text:.60}"
            );
        }
        // A name that is not a text is not in an include list. With an exclude list it would have to be read.
        let unnamed = Bytes::from_static(br#"{"a":1,"\ud800":2}"#);
        assert!(selected(unnamed.clone(), &Selection::of(&["a"]), 1_000).is_ok());
        assert!(selected(unnamed, &Selection::without(&["b"]), 1_000).is_err());
        // A left-out member must still be valid JSON.
        for text in [r#"{"a":1,"meta":{]}"#, r#"{"a":1,"meta":tru}"#, r#"{"a":1,"meta":"\x"}"#] {
            assert!(
                selected(Bytes::copy_from_slice(text.as_bytes()), &Selection::of(&["a"]), 1_000).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_byte_order_mark_is_skipped() {
        assert_eq!(members("\u{feff} {\"a\":1}"), [("a".to_owned(), "1".to_owned())]);
        assert!(object("\u{feff}\u{feff}{}".as_bytes()).is_err(), "there is one");
    }

    fn members(text: &str) -> Vec<(String, String)> {
        let object = object(text.as_bytes()).unwrap();
        object.iter().map(|(name, value)| (name.to_owned(), value.json.to_owned())).collect()
    }

    #[test]
    fn values_keep_their_text() {
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
    fn a_value_that_is_not_an_object_keeps_its_text() {
        for (bytes, json) in [(&b" \"a\" "[..], "\"a\""), (b"-1.50", "-1.50"), (b"null", "null"), (b" [1]", "[1]")] {
            let read = read(Bytes::copy_from_slice(bytes)).unwrap();
            assert!(matches!(read, Converted::Value(text, LogicalType::Plain) if text == json), "{json}");
        }
    }

    #[test]
    fn names_are_compared_without_their_escapes() {
        assert_eq!(members(r#"{"N\u0061me":1}"#)[0].0, "Name");
        let error = object(br#"{"Name":1,"N\u0061ME":2}"#).unwrap_err();
        assert_eq!(error.to_string(), "the field NaME: it occurs twice (names are compared without case)");
    }

    #[test]
    fn duplicates_are_found_among_many_names_and_inside_nested_objects() {
        let many: Vec<_> = (0..100).map(|i| format!("\"f{i}\":1")).chain(["\"F7\":2".into()]).collect();
        let text = format!("{{{}}}", many.join(","));
        assert!(object(text.as_bytes()).unwrap_err().to_string().contains("field F7: it occurs twice"));
        let nested = object(br#"{"a":[0,{"b":1,"B":2}]}"#).unwrap_err().to_string();
        assert!(nested.contains("field a[1].B: it occurs twice"), "{nested}");
    }

    #[test]
    fn the_error_of_bad_json_says_what_is_wrong() {
        for (bytes, message) in [
            (&b"\xff"[..], "it is not UTF-8: the byte at 0 is invalid"),
            (b"", "it is not JSON: EOF while parsing a value at line 1 column 0"),
            (b"{\"a\":1} x", "it is not JSON: trailing characters at line 1 column 9"),
            (b"{\"a\":01}", "it is not JSON: invalid number at line 1 column 7"),
            (
                br#"{"a":["\ud800"]}"#,
                "the field a[0]: it holds no text, but half of a surrogate pair or the like: unexpected end of hex escape at line 1 column 8",
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

        /// Each member of an accepted object is valid JSON for serde_json.
        #[test]
        fn an_accepted_object_is_valid_json(text in r#"\{("[aB\\u0041d8]{0,7}":[0-9eE.\-"\[\]{}ntul:,\\ud]{0,8},?){0,3}\}"#) {
            if let Ok(object) = object(text.as_bytes()) {
                for (_, value) in object.iter() {
                    proptest::prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(value.json).is_ok());
                }
            }
        }
    }

    #[test]
    fn nesting_is_bounded_at_any_size() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        let too_deep = |depth| object(nested(depth).as_bytes()).map(drop).map_err(|error| error.to_string());
        assert_eq!(too_deep(31), Ok(()));
        for depth in [32, 1_000_000] {
            assert!(too_deep(depth).unwrap_err().ends_with("it is nested deeper than 32"), "{depth}");
        }
        let top = read(Bytes::from("[".repeat(100) + &"]".repeat(100))).map(drop);
        assert!(top.unwrap_err().to_string().ends_with("it is nested deeper than 32"));
    }
}
