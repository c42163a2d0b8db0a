//! Collects the fields of a row.

use super::{Refusal, WrongField, settings::Settings};
use crate::record::{Action, ApiName, Field, Fields, Identity, OrderKey, Schema};

/// A row that is being built.
pub(super) struct RowBuilder<'a> {
    pub(super) route: &'a Settings,
    pub(super) schema: &'a Schema,
    pub(super) action: Action,
    /// The fields that the route sets itself. The record cannot set them.
    pub(super) route_fields: Vec<&'a ApiName>,
    pub(super) fields: Fields,
    /// The reference to the parent that is locked along with the row.
    pub(super) lock: Option<&'a ApiName>,
    pub(super) parent: Option<OrderKey>,
}

impl RowBuilder<'_> {
    /// Creates the refusal of a field of the row's own SObject.
    pub(super) fn wrong_field(&self, field: &str, message: String) -> Refusal {
        WrongField::new(&self.schema.sobject.name, field, message).into()
    }

    pub(super) fn check_writable(&self, field: &Field) -> Result<(), Refusal> {
        if field.is_writable(self.action) { Ok(()) } else { Err(self.wrong_field(&field.name, field.not_writable())) }
    }

    /// Adds a field. `name` is the field's own name, or that of its relationship.
    pub(super) fn add(&mut self, field: &Field, name: ApiName, json: &str) -> Result<(), Refusal> {
        let fields = &self.fields;
        if json == "null" && fields.get(&field.name) == Some("null") {
            // A second null for the same reference, such as `ParentId` and `Parent`, changes nothing.
            return Ok(());
        }
        if fields.has(&field.name) || field.relationship.as_ref().is_some_and(|parent| fields.has(parent)) {
            return Err(self.wrong_field(&field.name, format!("the field {} occurs twice", field.name)));
        }
        self.fields.push(name, json);
        Ok(())
    }

    /// Remembers the parent that the row locks, if `field` is the reference to it. A record id identifies the parent by
    /// itself, so that its `sobject` is empty.
    pub(super) fn set_locked_parent(
        &mut self,
        field: &Field,
        sobject: &str,
        parent: impl FnOnce() -> Option<Identity>,
    ) {
        if self.lock == Some(&field.name) {
            self.parent = parent().map(|parent| parent.order_key(sobject));
        }
    }
}
