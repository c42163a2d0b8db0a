//! Finds the identity of a record: in its key, its value or a header.

use std::borrow::Cow;

use super::{Refusal, header, settings::Settings};
use crate::{
    config::IdentitySource,
    record::{ExternalId, Identity, Message, Reason, Record, Rejection, Schema},
};

/// Returns the identity from the place that the route names: a value of the key field, or a record id if the route has
/// no key field.
pub(super) fn identity(
    route: &Settings,
    record: &Record,
    message: &Message,
    schema: &Schema,
) -> Result<Identity, Refusal> {
    let text = match &route.identity {
        IdentitySource::Key => match &message.key {
            Some(key) => Cow::Borrowed(&**key),
            None => return Err(invalid("the record key is null and the identity is needed").into()),
        },
        IdentitySource::Value(field) => member(field, message)?,
        IdentitySource::Header(name) => in_header(name, record)?,
    };
    if route.fields.absent.iter().any(|placeholder| **placeholder == *text) {
        return Err(invalid("the identity is a placeholder of fields.absent, and names no record").into());
    }
    let identity = match &schema.key_field {
        Some(field) => ExternalId::new(field.clone(), &text).map(Identity::ExternalId),
        None => Identity::record_id(&schema.sobject, &text),
    };
    identity.map_err(|error| {
        let rejection = invalid(error.to_string());
        if error.is_by_description() {
            return Refusal::Key { sobject: schema.sobject.name.clone(), rejection };
        }
        rejection.into()
    })
}

fn member<'a>(field: &str, message: &'a Message) -> Result<Cow<'a, str>, Rejection> {
    let Some(member) = message.value.as_ref().and_then(|value| value.get(field)) else {
        return Err(invalid(format!("the identity is the value's field {field}, and there is none")));
    };
    member.text().ok_or_else(|| invalid(format!("the identity is the value's field {field}: null or a structure")))
}

fn in_header<'a>(name: &'a str, record: &'a Record) -> Result<Cow<'a, str>, Rejection> {
    header::text(record.headers_named(name), |one, other| one == other)
        .map_err(|error| error.rejection(Reason::InvalidKey, &format!("the identity is the header {name}, and it")))?
        .ok_or_else(|| invalid(format!("the identity is the header {name}, and there is none")))
}

fn invalid(message: impl Into<String>) -> Rejection {
    Rejection::new(Reason::InvalidKey, message)
}
