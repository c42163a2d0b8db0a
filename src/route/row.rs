use std::sync::Arc;

use bytestring::ByteString;

use super::{Refusal, Route};
use crate::record::{Action, Field, Fields, Reason, Rejection, Schema};

/// A row in the making.
pub(super) struct Row<'a> {
    pub(super) route: &'a Route,
    pub(super) schema: &'a Schema,
    pub(super) action: Action,
    /// The fields that the route sets itself, and the record does not.
    pub(super) own: Vec<&'a Arc<str>>,
    pub(super) fields: Fields,
}

impl Row<'_> {
    pub(super) fn check_writable(&self, field: &Field) -> Result<(), Refusal> {
        let writable = match self.action {
            Action::Create => field.createable,
            Action::Update => field.updateable,
            Action::Upsert | Action::Delete => field.createable || field.updateable,
        };
        if writable { Ok(()) } else { Err(invalid(format!("the field {} cannot be written by this user", field.name))) }
    }

    /// `name` is the field's own, or that of its parent.
    pub(super) fn put(&mut self, field: &Field, name: Arc<str>, json: ByteString) -> Result<(), Refusal> {
        let fields = &self.fields;
        if fields.has(&field.name) || field.relationship.as_ref().is_some_and(|parent| fields.has(parent)) {
            return Err(invalid(format!("the field {} is there twice", field.name)));
        }
        self.fields.push(name, json);
        Ok(())
    }
}

pub(super) fn invalid(message: String) -> Refusal {
    Rejection::put(Reason::InvalidField, message).into()
}
