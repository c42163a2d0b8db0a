//! Splits a JSON text into the members of an object or the elements of an array, each as its text.

use std::{borrow::Cow, cell::OnceCell, collections::HashMap, fmt};

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{FormatError, names};
use crate::record::Object;

/// All members of an object, including equal names: `serde_json`'s map would silently keep only the last of them.
pub(crate) struct Members<'a> {
    pub(crate) list: Vec<(Cow<'a, str>, &'a str)>,
    /// The positions by name. It is built if there are many members and one was not at its expected position.
    index: OnceCell<HashMap<String, usize>>,
}

impl<'a> Members<'a> {
    pub(crate) fn read(json: &'a str) -> Result<Self, FormatError> {
        serde_json::from_str(json).map_err(|error| syntax(&error))
    }

    /// Returns the members of a converted object.
    pub(super) fn of(object: &'a Object) -> Self {
        Self::new(object.iter().map(|(name, value)| (Cow::Borrowed(name), value.json)).collect())
    }

    fn new(list: Vec<(Cow<'a, str>, &'a str)>) -> Self {
        Self { list, index: OnceCell::new() }
    }

    /// Returns the first member with exactly this name. It is most likely at `expected`, which is tried first.
    pub(crate) fn find(&self, expected: usize, name: &str) -> Option<&'a str> {
        const FEW: usize = 32;
        if let Some((known, json)) = self.list.get(expected)
            && known == name
        {
            return Some(json);
        }
        if self.list.len() <= FEW {
            return self.list.iter().find(|(known, _)| known == name).map(|(_, json)| *json);
        }
        let index = self.index.get_or_init(|| self.index_by_name());
        self.list.get(*index.get(name)?).map(|(_, json)| *json)
    }

    fn index_by_name(&self) -> HashMap<String, usize> {
        // In reverse order, so that the first of equal names stays.
        self.list.iter().enumerate().rev().map(|(at, (name, _))| (name.to_string(), at)).collect()
    }
}

/// Checks that no two names are equal. Names are compared without case.
pub(super) fn unique<'a>(count: usize, name: impl Fn(usize) -> &'a str) -> Result<(), FormatError> {
    match names::first_duplicate(count, &name) {
        Some(at) => Err(FormatError::new("it occurs twice (names are compared without case)").within(name(at))),
        None => Ok(()),
    }
}

/// Calls `each` for every value of an array, with its index. No value is kept: an array of 10 MB has five million.
pub(crate) fn elements<E: From<FormatError>>(
    json: &str,
    mut each: impl FnMut(usize, &str) -> Result<(), E>,
) -> Result<(), E> {
    struct Elements<'f, E> {
        each: &'f mut dyn FnMut(usize, &str) -> Result<(), E>,
        failed: &'f mut Option<E>,
    }
    impl<'de, E> Visitor<'de> for Elements<'_, E> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
            let mut at = 0;
            while let Some(item) = items.next_element::<&RawValue>()? {
                if let Err(error) = (self.each)(at, item.get()) {
                    *self.failed = Some(error);
                    return Err(serde::de::Error::custom("ended"));
                }
                at += 1;
            }
            Ok(())
        }
    }
    let mut failed = None;
    let read =
        serde_json::Deserializer::from_str(json).deserialize_seq(Elements { each: &mut each, failed: &mut failed });
    match (failed, read) {
        (Some(error), _) => Err(error),
        (None, Err(error)) => Err(syntax(&error).into()),
        (None, Ok(())) => Ok(()),
    }
}

pub(super) fn syntax(error: &serde_json::Error) -> FormatError {
    FormatError::new(format!("it is not JSON: {error}"))
}

/// A JSON text, borrowed if it has no escapes.
#[derive(Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

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
                while let Some(Text(name)) = map.next_key()? {
                    members.push((name, map.next_value::<&RawValue>()?.get()));
                }
                Ok(Members::new(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}
