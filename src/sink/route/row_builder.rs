use bytestring::ByteString;

use super::{Refusal, WrongField, settings::Settings};
use crate::record::{Action, ApiName, Field, Fields, GateKey, Identity, Schema};

/// A row in the making.
pub(super) struct RowBuilder<'a> {
    pub(super) route: &'a Settings,
    pub(super) schema: &'a Schema,
    pub(super) action: Action,
    /// The fields that the route sets itself, and the record does not.
    pub(super) own: Vec<&'a ApiName>,
    pub(super) fields: Fields,
    /// The reference to the parent that is locked along with the row.
    pub(super) lock: Option<&'a ApiName>,
    pub(super) parent: Option<GateKey>,
}

impl RowBuilder<'_> {
    /// Why a field of the row's own SObject cannot be written.
    pub(super) fn wrong(&self, field: &str, message: String) -> Refusal {
        WrongField::new(&self.schema.sobject.name, field, message).into()
    }

    pub(super) fn check_writable(&self, field: &Field) -> Result<(), Refusal> {
        if field.is_writable(self.action) { Ok(()) } else { Err(self.wrong(&field.name, field.not_writable())) }
    }

    /// `name` is the field's own, or that of its parent.
    pub(super) fn put(&mut self, field: &Field, name: ApiName, json: ByteString) -> Result<(), Refusal> {
        let fields = &self.fields;
        if &*json == "null" && fields.get(&field.name) == Some("null") {
            // Two that agree on none are one.
            return Ok(());
        }
        if fields.has(&field.name) || field.relationship.as_ref().is_some_and(|parent| fields.has(parent)) {
            return Err(self.wrong(&field.name, format!("the field {} is there twice", field.name)));
        }
        self.fields.push(name, json);
        Ok(())
    }

    /// `parent` is what `field` refers to. A record id says it by itself, whatever SObject it is of.
    pub(super) fn locks(&mut self, field: &Field, sobject: &str, parent: impl FnOnce() -> Option<Identity>) {
        if self.lock == Some(&field.name) {
            self.parent = parent().map(|parent| parent.gate_key(sobject));
        }
    }
}
