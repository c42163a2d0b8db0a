//! Whom a record is about.

use std::{borrow::Cow, sync::Arc};

use super::Route;
use crate::{
    config::IdentitySource,
    format::string,
    record::{ExternalId, Identity, KeyField, Object, Reason, Record, Rejection, Stage},
};

/// The identity in the place that the route names: a value of `key_field`, or a record id where there is no key field.
pub(super) fn identity(
    route: &Route,
    record: &Record,
    value: Option<&Object<'_>>,
    key_field: Option<&Arc<KeyField>>,
) -> Result<Identity, Rejection> {
    let text = match &route.identity {
        IdentitySource::Key => key(record)?,
        IdentitySource::Value(field) => member(field, value)?,
        IdentitySource::Header(name) => header(name, record)?,
    };
    let identity = match key_field {
        Some(field) => ExternalId::new(field.clone(), &text).map(Identity::ExternalId),
        None => text.trim().parse().map(Identity::RecordId).map_err(Into::into),
    };
    identity.map_err(|error| invalid(error.to_string()))
}

fn key(record: &Record) -> Result<Cow<'_, str>, Rejection> {
    let Some(key) = &record.key else { return Err(invalid("the record key is null and the identity is needed")) };
    match string::text(key) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(error) => Err(Rejection {
            stage: Stage::KeyConverter,
            ..invalid(format!("key.format = \"string\" and the record key is not UTF-8: {error}"))
        }),
    }
}

fn member<'a>(field: &str, value: Option<&Object<'a>>) -> Result<Cow<'a, str>, Rejection> {
    let Some(member) = value.and_then(|value| value.get(field)) else {
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
