//! Writes a parent by its external id: `"Account": {"Ext__c": "A-7"}` instead of `"AccountId": "001…"` (REST guide,
//! "relate a record to its parent by external id").

use std::sync::Arc;

use super::{Refusal, WrongField, row_builder::RowBuilder};
use crate::{
    config::Nulls,
    format::Members,
    record::{ApiName, ExternalId, Field, Identity, KeyKind, SObject, TargetName, Value},
};

/// A parent that a record or the route names by its external id.
pub(super) struct Parent<'a> {
    /// Name of the relationship, such as `Account` or `Parent__r`.
    pub(super) relationship: &'a str,
    /// The parent's external id field.
    pub(super) key: &'a str,
    /// The parent's SObject, if the record names it.
    pub(super) sobject: Option<&'a str>,
    pub(super) value: Value<'a>,
}

impl Parent<'_> {
    /// Sets a parent that is written as a nested object. Its members are the external id and, optionally, `attributes`,
    /// which may name the SObject.
    pub(super) fn set_nested(row: &mut RowBuilder<'_>, target: TargetName<'_>, json: &str) -> Result<(), Refusal> {
        let relationship = target.name;
        let members = read_members(row, relationship, json)?;
        let (attributes, keys): (Vec<_>, Vec<_>) =
            members.list.into_iter().partition(|(name, _)| name.eq_ignore_ascii_case("attributes"));
        let type_json = match attributes.first() {
            Some((_, attributes)) if attributes.starts_with('{') => {
                read_members(row, relationship, attributes)?.find(0, "type")
            }
            _ => None,
        };
        let type_name = type_json.and_then(|json| Value::plain(json).text());
        match keys.as_slice() {
            [(key, json)] => {
                let sobject = match (target.sobject, type_name.as_deref()) {
                    (Some(name), Some(other)) if !name.eq_ignore_ascii_case(other) => {
                        let message = format!("the field {relationship}: its name says {name}, its attributes {other}");
                        return Err(row.wrong_field(relationship, message));
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
                Err(row.wrong_field(relationship, message))
            }
        }
    }

    /// Sets the reference to this parent in the row.
    pub(super) fn set(&self, row: &mut RowBuilder<'_>) -> Result<(), Refusal> {
        let schema = row.schema;
        let (relationship, sobject) = (self.relationship, &schema.sobject);
        let field =
            sobject.relationship(relationship).ok_or_else(|| WrongField::unknown(&sobject.name, relationship))?;
        row.check_writable(field)?;
        // An empty external id names no parent, as a null does.
        let is_null = row.route.is_null(self.value) || self.value.text().is_some_and(|id| id.trim().is_empty());
        if is_null && row.route.nulls == Nulls::Ignore {
            return Ok(());
        }
        if is_null {
            return row.add(field, field.name.clone(), "null");
        }
        let parent_name = self.sobject_of(field, row)?;
        let parent = schema.parent(parent_name).ok_or_else(|| Refusal::Undescribed(parent_name.clone()))?;
        let id = self.id(parent, row)?;
        let json = json(field, parent, &id);
        row.set_locked_parent(field, &parent.name, || Some(Identity::ExternalId(id)));
        let name = field.relationship.clone().unwrap_or_else(|| field.name.clone());
        row.add(field, name, &json)
    }

    /// Returns the SObject of the parent: the only possible one, or the one that the record names.
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
            row.wrong_field(self.relationship, message)
        })
    }

    fn id(&self, parent: &Arc<SObject>, row: &RowBuilder<'_>) -> Result<ExternalId, Refusal> {
        let (relationship, key) = (self.relationship, self.key);
        let path = format!("{relationship}.{key}");
        if parent.field(key).is_none() {
            return Err(WrongField::unknown(&parent.name, key).into());
        }
        let key_field = parent
            .key_field(key)
            .map_err(|cause| WrongField::new(&parent.name, &path, format!("the field {path}: {cause}")))?;
        let Some(text) = self.value.text() else {
            let message = format!("the field {path} is {}, and names no parent", self.value.kind().name());
            return Err(row.wrong_field(&path, message));
        };
        ExternalId::new(Arc::new(key_field), &text)
            .map_err(|error| row.wrong_field(&path, format!("the field {path}: {error}")))
    }
}

fn read_members<'j>(row: &RowBuilder<'_>, relationship: &str, json: &'j str) -> Result<Members<'j>, Refusal> {
    Members::read(json).map_err(|error| row.wrong_field(relationship, format!("the field {relationship}: {error}")))
}

/// Returns the JSON of a parent: an object with its external id and, if several SObjects are possible, its type.
fn json(field: &Field, parent: &SObject, id: &ExternalId) -> String {
    let value = match id.field().kind {
        KeyKind::Text { .. } => serde_json::Value::from(id.text()).to_string(),
        KeyKind::Number { .. } => id.text().to_owned(),
    };
    // The org requires the type only if there are several.
    let attributes = match field.reference_to.as_slice() {
        [_] => String::new(),
        _ => format!("\"attributes\":{{\"type\":\"{}\"}},", parent.name),
    };
    format!("{{{attributes}\"{}\":{value}}}", id.field().name)
}
