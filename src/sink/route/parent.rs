//! A parent by its external id: `"Account": {"Ext__c": "A-7"}` in place of `"AccountId": "001…"` (REST guide, "relate a
//! record to its parent by external id").

use std::sync::Arc;

use bytestring::ByteString;

use super::{Refusal, WrongField, row_builder::RowBuilder};
use crate::{
    config::Nulls,
    format::Members,
    record::{ApiName, Cause, ExternalId, Field, Identity, KeyKind, SObject, TargetName, Value},
};

pub(super) struct Parent<'a> {
    /// `Account`, `Parent__r`.
    pub(super) relationship: &'a str,
    /// The parent's external id field.
    pub(super) key: &'a str,
    /// The parent's SObject, where the record says it.
    pub(super) sobject: Option<&'a str>,
    pub(super) value: Value<'a>,
}

impl Parent<'_> {
    /// `json` is an object with the external id as its only member, beside `attributes`, which may say the SObject.
    pub(super) fn set_nested(row: &mut RowBuilder<'_>, target: TargetName<'_>, json: &str) -> Result<(), Refusal> {
        let relationship = target.name;
        let read = |json| {
            let wrong = |error| row.wrong(relationship, format!("the field {relationship}: {error}"));
            Members::read(json).map_err(wrong)
        };
        let (attributes, keys): (Vec<_>, Vec<_>) =
            read(json)?.list.into_iter().partition(|(name, _)| name.eq_ignore_ascii_case("attributes"));
        let named = match attributes.first() {
            Some((_, attributes)) if attributes.starts_with('{') => read(attributes)?.find(0, "type"),
            _ => None,
        };
        let named = named.and_then(|json| Value::plain(json).text());
        match keys.as_slice() {
            [(key, json)] => {
                let sobject = match (target.sobject, named.as_deref()) {
                    (Some(name), Some(other)) if !name.eq_ignore_ascii_case(other) => {
                        let message = format!("the field {relationship}: its name says {name}, its attributes {other}");
                        return Err(row.wrong(relationship, message));
                    }
                    (name, other) => name.or(other),
                };
                Parent { relationship, key, sobject, value: Value::plain(json) }.set(row)
            }
            keys => {
                let count = keys.len();
                let message = format!(
                    "the field {relationship} has {count} members, and a parent is named by one: its external id"
                );
                Err(row.wrong(relationship, message))
            }
        }
    }

    pub(super) fn set(&self, row: &mut RowBuilder<'_>) -> Result<(), Refusal> {
        let schema = row.schema;
        let (relationship, sobject) = (self.relationship, &schema.sobject);
        let field =
            sobject.relationship(relationship).ok_or_else(|| WrongField::unknown(&sobject.name, relationship))?;
        row.check_writable(field)?;
        // An empty external id names no parent.
        let is_none = row.route.is_null(self.value) || self.value.text().is_some_and(|id| id.trim().is_empty());
        if is_none && row.route.nulls == Nulls::Ignore {
            return Ok(());
        }
        if is_none {
            return row.put(field, field.name.clone(), ByteString::from_static("null"));
        }
        let parent = self.sobject_of(field, row)?;
        let parent = schema.parent(parent).ok_or_else(|| Refusal::Undescribed(parent.clone()))?;
        let id = self.id(parent, row)?;
        let json = json(field, parent, &id);
        row.locks(field, &parent.name, || Some(Identity::ExternalId(id)));
        let name = field.relationship.clone().unwrap_or_else(|| field.name.clone());
        row.put(field, name, json.into())
    }

    /// The SObject of the parent: the only one that there can be, or the one that the record names.
    fn sobject_of<'f>(&self, field: &'f Field, row: &RowBuilder<'_>) -> Result<&'f ApiName, Refusal> {
        let target = TargetName { sobject: self.sobject, name: self.relationship, key: Some(self.key) };
        target.parent(field).ok_or_else(|| {
            let message = format!(
                "the field {}: {}:{}.{}, or attributes.type, has to name one of {}",
                self.relationship,
                field.reference_to.first().map_or("", ApiName::as_str),
                self.relationship,
                self.key,
                field.possible_parents()
            );
            row.wrong(self.relationship, message)
        })
    }

    fn id(&self, parent: &Arc<SObject>, row: &RowBuilder<'_>) -> Result<ExternalId, Refusal> {
        let (relationship, key) = (self.relationship, self.key);
        let path = format!("{relationship}.{key}");
        if parent.field(key).is_none() {
            return Err(WrongField::unknown(&parent.name, key).into());
        }
        let of_parent = |cause: &Cause| WrongField::new(&parent.name, &path, format!("the field {path}: {cause}"));
        let key = parent.key_field(key).map_err(|cause| of_parent(&cause))?;
        let no_text = || format!("the field {path} is {}, and names no parent", self.value.kind().name());
        let text = self.value.text().ok_or_else(|| row.wrong(&path, no_text()))?;
        let no_id = |error| row.wrong(&path, format!("the field {path}: {error}"));
        ExternalId::new(Arc::new(key), &text).map_err(no_id)
    }
}

fn json(field: &Field, parent: &SObject, id: &ExternalId) -> String {
    let value = match id.field().kind {
        KeyKind::Text { .. } => serde_json::Value::from(id.text()).to_string(),
        KeyKind::Number { .. } => id.text().to_owned(),
    };
    // Only where there is a choice does the org want to be told.
    let attributes = match field.reference_to.as_slice() {
        [_] => String::new(),
        _ => format!("\"attributes\":{{\"type\":\"{}\"}},", parent.name),
    };
    format!("{{{attributes}\"{}\":{value}}}", id.field().name)
}
