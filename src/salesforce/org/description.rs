//! Reads the org's description of an SObject, of which little is kept.

use std::{fmt, io};

use serde::{Deserialize, Deserializer, Serialize, de};

use super::super::{answer, http::distil::Distil};
use crate::record::{Access, Cause, Field, SObject, ValueClass};

fn allowed() -> bool {
    true
}

/// An SObject of 800 fields, half of them with long picklists, has less than `most`; what is kept of it, a hundredth.
pub(super) const DISTIL: Distil = Distil { make: distil, most: 32 * 1024 * 1024 };
/// The most fields of one description: no SObject has more.
const MAX_FIELDS: usize = 5_000;

/// Makes a short description of a long one: JSON with the keys that matter.
fn distil(body: &mut dyn io::Read) -> Result<Vec<u8>, Cause> {
    let raw: Result<RawSObject, _> = serde_json::from_reader(io::BufReader::new(body));
    raw.and_then(|raw| serde_json::to_vec(&raw)).map_err(|error| answer::unreadable(&error))
}

fn at_most_max_fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<RawField>, D::Error> {
    struct FieldsVisitor;
    impl<'de> de::Visitor<'de> for FieldsVisitor {
        type Value = Vec<RawField>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {MAX_FIELDS} fields")
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
            let mut fields = Vec::new();
            while let Some(field) = from.next_element()? {
                if fields.len() == MAX_FIELDS {
                    return Err(de::Error::invalid_length(MAX_FIELDS + 1, &self));
                }
                fields.push(field);
            }
            Ok(fields)
        }
    }
    deserializer.deserialize_seq(FieldsVisitor)
}

#[derive(Deserialize, Serialize)]
struct RawSObject {
    name: String,
    #[serde(default, rename = "keyPrefix")]
    key_prefix: Option<Box<str>>,
    #[serde(default = "allowed")]
    createable: bool,
    #[serde(default = "allowed")]
    updateable: bool,
    #[serde(default = "allowed")]
    deletable: bool,
    #[serde(deserialize_with = "at_most_max_fields")]
    fields: Vec<RawField>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the org's own words")]
struct RawField {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    relationship_name: Option<String>,
    #[serde(default)]
    reference_to: Option<Vec<String>>,
    #[serde(default)]
    scale: Option<u32>,
    /// Allowed where the description does not say: then the org will say it of the row.
    #[serde(default = "allowed")]
    createable: bool,
    #[serde(default = "allowed")]
    updateable: bool,
    #[serde(default = "allowed")]
    nillable: bool,
    #[serde(default = "allowed")]
    filterable: bool,
    #[serde(default)]
    auto_number: bool,
    #[serde(default)]
    defaulted_on_create: bool,
    #[serde(default)]
    external_id: bool,
    #[serde(default)]
    id_lookup: bool,
    #[serde(default)]
    unique: bool,
    #[serde(default)]
    case_sensitive: bool,
}

pub(crate) fn read(body: &[u8]) -> Result<SObject, Cause> {
    let raw: RawSObject = serde_json::from_slice(body).map_err(|error| answer::unreadable(&error))?;
    let fields = raw.fields.into_iter().map(|field| Field {
        name: field.name.into(),
        class: ValueClass::of(&field.kind),
        kind: field.kind.into(),
        relationship: field.relationship_name.map(Into::into),
        reference_to: field.reference_to.unwrap_or_default().into_iter().map(Into::into).collect(),
        scale: field.scale,
        createable: field.createable,
        required: field.createable && !field.nillable && !field.defaulted_on_create,
        updateable: field.updateable,
        filterable: field.filterable,
        auto_number: field.auto_number,
        external_id: field.external_id,
        id_lookup: field.id_lookup,
        unique: field.unique,
        case_sensitive: field.case_sensitive,
    });
    let access = Access { createable: raw.createable, updateable: raw.updateable, deletable: raw.deletable };
    // Shorter or longer than in an id it would fit none.
    let key_prefix = raw.key_prefix.filter(|prefix| prefix.len() == 3);
    Ok(SObject::new(&raw.name, fields).with_access(access).with_key_prefix(key_prefix))
}

#[cfg(test)]
#[path = "tests/description.rs"]
mod tests;
