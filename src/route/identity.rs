//! Whom a record is about.

use std::borrow::Cow;

use super::Route;
use crate::{
    config::IdentitySource,
    record::{ExternalId, Identity, Message, Reason, Record, Rejection, Schema, Stage},
};

/// The identity in the place that the route names: a value of the key field, or a record id where there is none.
pub(super) fn identity(
    route: &Route,
    record: &Record,
    message: &Message,
    schema: &Schema,
) -> Result<Identity, Rejection> {
    let text = match &route.identity {
        IdentitySource::Key => match &message.key {
            Some(key) => Cow::Borrowed(&**key),
            None => return Err(invalid("the record key is null and the identity is needed")),
        },
        IdentitySource::Value(field) => member(field, message)?,
        IdentitySource::Header(name) => header(name, record)?,
    };
    let identity = match &schema.key_field {
        Some(field) => ExternalId::new(field.clone(), &text).map(Identity::ExternalId),
        None => Identity::record_id(&schema.sobject, &text),
    };
    identity.map_err(|error| invalid(error.to_string()))
}

fn member<'a>(field: &str, message: &'a Message) -> Result<Cow<'a, str>, Rejection> {
    let Some(member) = message.value.as_ref().and_then(|value| value.get(field)) else {
        return Err(invalid(format!("the identity is the value's field {field}, and there is none")));
    };
    member.text().ok_or_else(|| invalid(format!("the identity is the value's field {field}: null or a structure")))
}

fn header<'a>(name: &str, record: &'a Record) -> Result<Cow<'a, str>, Rejection> {
    let mut headers = record.headers.iter().filter(|header| header.name == name);
    let value = match (headers.next(), headers.next()) {
        (None, _) => return Err(invalid(format!("the identity is the header {name}, and there is none"))),
        (Some(_), Some(_)) => return Err(invalid(format!("the identity is the header {name}, and it is there twice"))),
        (Some(header), None) => header.value.as_deref(),
    };
    match value.map(std::str::from_utf8) {
        Some(Ok(text)) => Ok(Cow::Borrowed(text)),
        Some(Err(_)) => Err(Rejection {
            stage: Stage::HeaderConverter,
            ..invalid(format!("the identity is the header {name}, and it is not UTF-8"))
        }),
        None => Err(invalid(format!("the identity is the header {name}, and it is null"))),
    }
}

fn invalid(message: impl Into<String>) -> Rejection {
    Rejection::put(Reason::InvalidKey, message)
}
