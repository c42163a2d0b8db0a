//! Which fields are written. The payload never chooses the target: `attributes`, `Id` and the key field are taken out
//! here, and the writer puts the target in, once.

use super::{Refusal, Route};
use crate::{
    config::Nulls,
    record::{
        Action, Fields, Identity, MatchKey, Member, Object, Reason, Record, Rejection, SObject, Value, ValueKind,
        is_api_name,
    },
};

/// The members of `value` that are fields of `sobject`, less those that the route leaves out.
pub(super) fn fields(
    route: &Route,
    record: &Record,
    value: &Object<'_>,
    sobject: &SObject,
    action: Action,
    target: Option<&Identity>,
) -> Result<Fields, Refusal> {
    let json = record.value.clone().unwrap_or_default();
    let start = json.as_ptr() as usize;
    let mut members = Vec::with_capacity(value.members.len());
    for (name, value) in &value.members {
        if name.eq_ignore_ascii_case("attributes")
            || is_left_out(route, name, *value)
            || names_target(name, *value, target)?
        {
            continue;
        }
        if !is_api_name(name) {
            return Err(invalid(format!("{name:?} is not a field name")));
        }
        if matches!(value.kind(), ValueKind::Object | ValueKind::Array) {
            return Err(invalid(format!(
                "the field {name} is an object or an array, and a Salesforce field is neither"
            )));
        }
        let Some(field) = sobject.field(name) else { return Err(Refusal::UnknownField(name.clone().into_owned())) };
        let writable = match action {
            Action::Create => field.createable,
            Action::Update => field.updateable,
            Action::Upsert | Action::Delete => field.createable || field.updateable,
        };
        if !writable {
            return Err(invalid(format!("the field {} cannot be written by this user", field.name)));
        }
        // The converter's values are slices of the record's value: keep where they lie, copy nothing.
        let at = value.0.as_ptr() as usize - start;
        members.push(Member { name: field.name.clone(), value: at..at + value.0.len() });
    }
    let fields = Fields::new(json, members);
    let length = fields.row_len();
    if length > route.max_row_bytes {
        let message = format!("the row has {length} bytes, and pipeline.max_row_bytes is {}", route.max_row_bytes);
        return Err(Rejection::put(Reason::TooLarge, message).into());
    }
    Ok(fields)
}

fn is_left_out(route: &Route, name: &str, value: Value<'_>) -> bool {
    let listed = |names: &[String]| names.iter().any(|listed| listed.eq_ignore_ascii_case(name));
    listed(&route.fields.exclude)
        || (!route.fields.include.is_empty() && !listed(&route.fields.include))
        || (route.nulls == Nulls::Ignore && value.kind() == ValueKind::Null)
}

/// Whether the member repeats the target and is dropped; an error if it names another one.
fn names_target(name: &str, value: Value<'_>, target: Option<&Identity>) -> Result<bool, Refusal> {
    let equal = match target {
        _ if name.eq_ignore_ascii_case("Id") => {
            let id = value.text().and_then(|text| text.parse().ok());
            matches!((target, id), (Some(Identity::RecordId(target)), Some(id)) if *target == id)
        }
        Some(Identity::ExternalId(target)) if name.eq_ignore_ascii_case(&target.field().name) => {
            value.text().is_some_and(|text| MatchKey::new(target.field(), &text) == target.match_key())
        }
        _ => return Ok(false),
    };
    if equal {
        return Ok(true);
    }
    let target = target.map_or_else(|| "the org chooses the id of an insert".into(), |t| format!("the target is {t}"));
    Err(Rejection::put(Reason::TargetMismatch, format!("the value's field {name} names another record: {target}"))
        .into())
}

fn invalid(message: String) -> Refusal {
    Rejection::put(Reason::InvalidField, message).into()
}
