//! Builds the fields of a row. The payload never chooses the target: `attributes`, `Id` and the key field are removed
//! here, and the writer adds the target, once.
//!
//! A member becomes a field under its own name, or under the name that the route gives it. A name of two parts
//! (`Account.Ext__c`), or a nested object under the name of a relationship, is a parent by its external id. If several
//! SObjects may be the parent, the name says which (`User:Owner.Ext__c`, and `User:Owner` of a nested object).

use super::{Refusal, WrongField, coerce::coerce, parent::Parent, row_builder::RowBuilder, settings::Settings};
use crate::{
    config::Nulls,
    format,
    record::{
        Action, ApiName, Fields, Identity, LogicalType, MatchKey, Object, OrderKey, Reason, Record, Rejection, Schema,
        TargetName, Value, ValueClass, ValueKind,
    },
};

/// Returns the fields of the row of `record`, whose value is `object`, and the parent that the row locks, if the route
/// names it.
pub(super) fn fields(
    route: &Settings,
    record: &Record,
    object: &Object,
    schema: &Schema,
    action: Action,
    target: Option<&Identity>,
) -> Result<(Fields, Option<OrderKey>), Refusal> {
    let route_fields = route.own_targets().filter_map(|target| field_of(schema, target)).collect();
    let fields = Fields::new(object.text().clone(), object.len() + route.constants.len());
    let lock = route.lock_parent.as_deref().and_then(|name| field_of(schema, name));
    let mut row = RowBuilder { route, schema, action, route_fields, fields, lock, parent: None };
    let mut wrong = Vec::new();
    for (name, value) in object.iter() {
        let renamed = route.renamed(name);
        if row.is_absent(value) {
            continue;
        }
        let value = if route.is_null(value) { Value::plain("null") } else { value };
        if row.is_left_out(name, value) || (renamed.is_none() && name.eq_ignore_ascii_case("attributes")) {
            continue;
        }
        let name = renamed.unwrap_or(name);
        if !names_target(name, value, target)? && !row.is_set_by_route(name) {
            collect(row.set_member(name, value), &mut wrong)?;
        }
    }
    for (name, json) in &route.constants {
        collect(row.set_member(name, Value::plain(json)), &mut wrong)?;
    }
    for (name, json, logical_type) in row.coordinates(record) {
        collect(row.set_member(name, Value { json: &json, logical_type }), &mut wrong)?;
    }
    if !wrong.is_empty() {
        return Err(Refusal::Fields(wrong));
    }
    let length = row.fields.row_len();
    if length > route.max_row_bytes {
        let message = format!("the row has {length} bytes, and pipeline.max_row_bytes is {}", route.max_row_bytes);
        return Err(Rejection::new(Reason::TooLarge, message).into());
    }
    Ok((row.fields, row.parent))
}

/// Collects the wrong fields, so that a dead letter names all of them. Any other refusal is returned at once.
fn collect(set: Result<(), Refusal>, wrong: &mut Vec<WrongField>) -> Result<(), Refusal> {
    match set {
        Err(Refusal::Fields(fields)) => {
            wrong.extend(fields);
            Ok(())
        }
        other => other,
    }
}

/// Returns the name of the field of a member or target. The field of a parent is the reference to it.
fn field_of<'a>(schema: &'a Schema, name: &str) -> Option<&'a ApiName> {
    let sobject = &schema.sobject;
    TargetName::parse(name).field(sobject).map(|field| &field.name)
}

impl<'a> RowBuilder<'a> {
    fn is_left_out(&self, name: &str, value: Value<'_>) -> bool {
        // Members that `fields.include` and `.exclude` leave out have not been read, except for the identity.
        self.route.converters.only_identifies(name)
            || (self.route.nulls == Nulls::Ignore && value.kind() == ValueKind::Null)
    }

    /// Whether a value is a placeholder of `fields.absent`, or an array of nothing else. Its field stays unchanged.
    fn is_absent(&self, value: Value<'_>) -> bool {
        match value.kind() {
            _ if self.route.fields.absent.is_empty() => false,
            ValueKind::Array => {
                let mut is_empty = true;
                let check = |_, item: &str| {
                    is_empty = false;
                    if self.is_placeholder(Value::plain(item)) { Ok(()) } else { Err(OtherElement) }
                };
                format::elements(value.json, check).is_ok() && !is_empty
            }
            _ => self.is_placeholder(value),
        }
    }

    fn is_placeholder(&self, value: Value<'_>) -> bool {
        let absent = &self.route.fields.absent;
        value.kind() == ValueKind::String
            && value.text().is_some_and(|text| absent.iter().any(|placeholder| **placeholder == *text))
    }

    /// Whether the route sets this field or parent itself. The record then cannot set it under any name.
    fn is_set_by_route(&self, name: &str) -> bool {
        !self.route_fields.is_empty()
            && field_of(self.schema, name).is_some_and(|field| self.route_fields.contains(&field))
    }

    /// Sets one field, or one parent. `json` is the value's own JSON.
    fn set_member(&mut self, name: &str, value: Value<'_>) -> Result<(), Refusal> {
        let sobject = &self.schema.sobject;
        // A field's name has one part, so that it need not be taken apart.
        if let Some(field) = sobject.field(name) {
            self.check_writable(field)?;
            let json = coerce(field, value, self.route.fields.multipicklist)
                .map_err(|message| self.wrong_field(name, format!("the field {name}: {message}")))?;
            self.set_locked_parent(field, "", || value.text()?.trim().parse().ok().map(Identity::RecordId));
            return self.add(field, field.name.clone(), &json);
        }
        let target = TargetName::parse(name);
        if let Some(key) = target.key {
            return Parent { relationship: target.name, key, sobject: target.sobject, value }.set(self);
        }
        if !target.parts().all(ApiName::is_valid) {
            return Err(self.wrong_field(name, format!("{name:?} is not a field name")));
        }
        match (value.kind(), sobject.relationship(target.name)) {
            (ValueKind::Object, Some(_)) => Parent::set_nested(self, target, value.json),
            (ValueKind::Null, Some(field)) => {
                self.check_writable(field)?;
                self.add(field, field.name.clone(), value.json)
            }
            (_, Some(field)) => {
                let field = &field.name;
                let message =
                    format!("{name} is the parent that {field} refers to, and takes an object with its external id");
                Err(self.wrong_field(name, message))
            }
            (_, None) => Err(WrongField::unknown(&sobject.name, target.name).into()),
        }
    }

    /// Returns the fields for the record's topic, partition, offset and timestamp.
    fn coordinates(&self, record: &Record) -> Vec<(&'a str, String, LogicalType)> {
        let (names, position) = (&self.route.fields, &record.position);
        let mut texts = Vec::new();
        if let Some(name) = &names.topic {
            texts.push((name, format!("\"{}\"", position.topic), LogicalType::Plain));
        }
        if let Some(name) = &names.partition {
            texts.push((name, position.partition.to_string(), LogicalType::Plain));
        }
        if let Some(name) = &names.offset {
            texts.push((name, position.offset.to_string(), LogicalType::Plain));
        }
        if let (Some(name), Some(timestamp)) = (&names.timestamp, record.timestamp) {
            let millis = timestamp.millis();
            let is_number = self
                .schema
                .sobject
                .field(name)
                .is_some_and(|field| matches!(field.class, ValueClass::Number | ValueClass::Integer));
            let (text, logical_type) = match format::timestamp(millis) {
                Ok(text) if !is_number => (text, LogicalType::Timestamp),
                _ => (millis.to_string(), LogicalType::Plain),
            };
            texts.push((name, text, logical_type));
        }
        texts.into_iter().map(|(name, text, logical_type)| (name.as_str(), text, logical_type)).collect()
    }
}

/// An element of an array that is not a placeholder.
struct OtherElement;

impl From<format::FormatError> for OtherElement {
    fn from(_: format::FormatError) -> Self {
        Self
    }
}

/// Whether the member repeats the target, so that it is dropped. A member that names another target is an error.
fn names_target(name: &str, value: Value<'_>, target: Option<&Identity>) -> Result<bool, Refusal> {
    let is_target = match target {
        _ if name.eq_ignore_ascii_case("Id") => {
            let id = value.text().and_then(|text| text.parse().ok());
            matches!((target, id), (Some(Identity::RecordId(target)), Some(id)) if *target == id)
        }
        Some(Identity::ExternalId(target)) if target.field().name == *name => {
            value.text().is_some_and(|text| MatchKey::new(target.field(), &text) == target.match_key())
        }
        _ => return Ok(false),
    };
    if is_target {
        return Ok(true);
    }
    let expected = match target {
        Some(target) => format!("the target is {target}"),
        None => "the org chooses the id of an insert".to_owned(),
    };
    Err(Rejection::new(Reason::TargetMismatch, format!("the value's field {name} names another record: {expected}"))
        .into())
}
