//! Coerces a value to the type of its field. docs/formats.md has the table.
//!
//! Salesforce refuses a whole call for one value of the wrong JSON type ("Cannot deserialize instance of string from
//! `VALUE_NUMBER_INT`"). So a value is converted to the field's type if that is possible without loss.

use std::borrow::Cow;

use super::plausible_text;
use crate::{
    format::{self, elements},
    record::{Decimal, Field, LogicalType, Value, ValueClass, ValueKind},
};

/// Returns the value's JSON in the type of the field, or why the value does not fit.
pub(super) fn coerce<'a>(field: &Field, value: Value<'a>, multipicklist: bool) -> Result<Cow<'a, str>, String> {
    use LogicalType as Logical;
    use ValueClass as Class;
    use ValueKind as Kind;
    match (value.logical_type, value.kind(), field.class) {
        (Logical::Set, Kind::String, Class::MultiPicklist) if multipicklist => set(value).map(Into::into),
        // A checkbox is never null: clearing it unchecks it.
        (_, Kind::Null, Class::Boolean) => Ok("false".into()),
        (_, Kind::Null, _)
        | (Logical::Date, _, Class::Date | Class::Text)
        | (Logical::Time, _, Class::Time | Class::Text)
        | (Logical::Timestamp, _, Class::DateTime | Class::Text) => Ok(value.json.into()),
        (Logical::Plain, Kind::String, _) | (Logical::Set, _, _) => text(field, value),
        // The day in UTC, as the org itself would convert it.
        (Logical::Timestamp, _, Class::Date) => Ok(format!("{}\"", &value.json[..11]).into()),
        (Logical::Date, _, Class::DateTime) => {
            Ok(format!("{}T00:00:00.000Z\"", value.json.trim_end_matches('"')).into())
        }
        (Logical::Date, _, _) => Err(misfit("a date", field)),
        (Logical::Time, _, _) => Err(misfit("a time of day", field)),
        (Logical::Timestamp, _, _) => Err(misfit("an instant", field)),

        (Logical::Plain, Kind::Number, Class::Integer) => {
            let whole = Decimal::parse(value.json).filter(|number| number.decimals() == 0);
            whole
                .map(|number| number.as_str().to_owned().into())
                .ok_or_else(|| misfit("a number with a fraction", field))
        }
        (Logical::Plain, Kind::Number | Kind::Bool, Class::Text | Class::MultiPicklist) => {
            Ok(format!("\"{}\"", value.json).into())
        }
        // An instant that is a number is in milliseconds since 1970, by convention.
        (Logical::Plain, Kind::Number, Class::DateTime) => {
            let whole = Decimal::parse(value.json)
                .filter(|number| number.decimals() == 0)
                .ok_or_else(|| misfit("a number with a fraction", field))?;
            let millis = whole.as_str().parse().map_err(|_| misfit("too large a number", field))?;
            format::timestamp(millis).map(Into::into).map_err(|error| error.to_string())
        }
        // Only a schema can say whether the number counts days, milliseconds or microseconds.
        (Logical::Plain, Kind::Number, Class::Date | Class::Time | Class::Boolean | Class::Bytes) => {
            Err(misfit("a number", field))
        }
        (
            Logical::Plain,
            Kind::Bool,
            Class::Number | Class::Integer | Class::Date | Class::DateTime | Class::Time | Class::Bytes,
        ) => Err(misfit("a boolean", field)),
        (Logical::Plain, Kind::Number | Kind::Bool, _) => Ok(value.json.into()),
        (Logical::Plain, Kind::Array, Class::MultiPicklist) if multipicklist => choices(value.json).map(Into::into),
        (Logical::Plain, Kind::Array, _) => Err(misfit("an array", field)),
        (Logical::Plain, Kind::Object, _) => {
            let parent = field.relationship.as_ref().map(|name| format!("; its parent is named {name}"));
            Err(misfit("an object", field) + &parent.unwrap_or_default())
        }
    }
}

/// Leaves a text unchanged, unless the org is certain to refuse it: the org would refuse the whole call with it.
fn text<'a>(field: &Field, value: Value<'a>) -> Result<Cow<'a, str>, String> {
    use ValueClass as Class;
    if matches!(field.class, Class::Text | Class::MultiPicklist | Class::Bytes | Class::Other) {
        return Ok(value.json.into());
    }
    let text = value.text().unwrap_or_default();
    let unchanged_if = |is_plausible: bool| is_plausible.then_some(value.json.into());
    let coerced = match field.class {
        Class::Date => unchanged_if(plausible_text::may_be_date(&text)),
        Class::DateTime => unchanged_if(plausible_text::may_be_date_time(&text)),
        Class::Time => unchanged_if(plausible_text::may_be_time(&text)),
        Class::Boolean => plausible_text::boolean(&text).map(Cow::Borrowed),
        Class::Integer => match Decimal::parse(&text) {
            // A fraction of zeros is dropped, as in a number.
            Some(number) => (number.decimals() == 0).then(|| number.as_str().to_owned().into()),
            // The number may be longer than any that a field holds: the org will refuse that row alone.
            None => unchanged_if(plausible_text::is_number(&text)),
        },
        _ => unchanged_if(plausible_text::is_number(&text)),
    };
    coerced.ok_or_else(|| match &*text {
        "" => misfit("an empty text", field) + "; the route's empty = \"null\" would clear it",
        _ => misfit(&format!("the text {:?}", shortened(&text)), field),
    })
}

fn shortened(text: &str) -> &str {
    text.char_indices().nth(40).map_or(text, |(end, _)| &text[..end])
}

fn misfit(what: &str, field: &Field) -> String {
    format!("{what} does not fit into a field of the type {}", field.kind)
}

/// The reason why a value does not fit its field.
struct Unfit(String);

impl From<format::FormatError> for Unfit {
    fn from(error: format::FormatError) -> Self {
        Self(error.to_string())
    }
}

/// Converts `["A","B"]` to `"A;B"`. Nulls are left out. An array without choices is null.
fn choices(json: &str) -> Result<String, String> {
    let mut joined = String::new();
    let choice = |_, item: &str| {
        let item = Value::plain(item);
        match item.kind() {
            ValueKind::Null => Ok(()),
            ValueKind::String => item.text().map_or(Ok(()), |text| join(&mut joined, &text)).map_err(Unfit),
            kind => Err(Unfit(format!("a choice of a picklist is a text, and one is {}", kind.name()))),
        }
    };
    elements(json, choice).map_err(|Unfit(message)| message)?;
    Ok(joined_choices(joined))
}

/// Converts `"A,B"` to `"A;B"`.
fn set(value: Value<'_>) -> Result<String, String> {
    let mut joined = String::new();
    let text = value.text().unwrap_or_default();
    text.split(',').filter(|choice| !choice.is_empty()).try_for_each(|choice| join(&mut joined, choice))?;
    Ok(joined_choices(joined))
}

fn join(joined: &mut String, choice: &str) -> Result<(), String> {
    if choice.contains(';') {
        return Err(format!("a choice of a picklist cannot hold a semicolon: {choice:?}"));
    }
    if !joined.is_empty() {
        joined.push(';');
    }
    joined.push_str(choice);
    Ok(())
}

fn joined_choices(joined: String) -> String {
    if joined.is_empty() { "null".to_owned() } else { serde_json::Value::from(joined).to_string() }
}
