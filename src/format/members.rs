//! The parts of a JSON text, one level down: an object's members, an array's elements, each as the text that it is.

use std::{borrow::Cow, cell::OnceCell, collections::HashMap, fmt};

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{FormatError, names};
use crate::record::Object;

/// All members of an object, equal names included: `serde_json`'s own map would keep the last of them in silence.
pub(crate) struct Members<'a> {
    pub(crate) list: Vec<(Cow<'a, str>, &'a str)>,
    /// By name, where there are many and one of them was not where it was looked for.
    index: OnceCell<HashMap<String, usize>>,
}

impl<'a> Members<'a> {
    pub(crate) fn read(json: &'a str) -> Result<Self, FormatError> {
        serde_json::from_str(json).map_err(|error| syntax(&error))
    }

    /// The members of an object that was read.
    pub(super) fn of(object: &'a Object) -> Self {
        Self::new(object.iter().map(|(name, value)| (Cow::Borrowed(name), value.json)).collect())
    }

    fn new(list: Vec<(Cow<'a, str>, &'a str)>) -> Self {
        Self { list, index: OnceCell::new() }
    }

    /// The member of this name, to the letter; most likely it is the one at `place`.
    pub(crate) fn find(&self, place: usize, name: &str) -> Option<&'a str> {
        const FEW: usize = 32;
        let there = self.list.get(place).filter(|(known, _)| known == name);
        let found = there.or_else(|| {
            if self.list.len() <= FEW {
                return self.list.iter().find(|(known, _)| known == name);
            }
            let names = || self.list.iter().enumerate().rev().map(|(at, (name, _))| (name.to_string(), at)).collect();
            self.list.get(*self.index.get_or_init(names).get(name)?)
        });
        found.map(|(_, json)| *json)
    }
}

/// Names are compared without case.
pub(super) fn unique<'a>(count: usize, name: impl Fn(usize) -> &'a str) -> Result<(), FormatError> {
    let error = |at| FormatError::new("it is there twice (names are compared without case)").within(name(at));
    names::twice(count, &name).map_or(Ok(()), |at| Err(error(at)))
}

/// Each value of an array, with its place. Nothing is kept of them: an array of 10 MB has five million.
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

/// A text; borrowed where it has no escapes.
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
