//! Coerces a value to the type of its field. docs/formats.md has the table.
//!
//! Salesforce refuses a whole call for one value of the wrong JSON type ("Cannot deserialize instance of string from
//! `VALUE_NUMBER_INT`"), so that what can be said without loss is said in the type that the field takes.

use bytestring::ByteString;

use super::texts;
use crate::{
    format::{self, elements},
    record::{Decimal, Field, LogicalType, Value, ValueClass, ValueKind},
};

/// The value's JSON as the field takes it, or why it takes none.
pub(super) fn coerce(
    field: &Field,
    value: Value<'_>,
    json: ByteString,
    multipicklist: bool,
) -> Result<ByteString, String> {
    use LogicalType as M;
    use ValueClass as H;
    use ValueKind as K;
    match (value.logical_type, value.kind(), field.class) {
        (M::Set, K::String, H::MultiPicklist) if multipicklist => set(value).map(Into::into),
        // A checkbox is never null: cleared, it is not checked.
        (_, K::Null, H::Boolean) => Ok(ByteString::from_static("false")),
        (_, K::Null, _)
        | (M::Date, _, H::Date | H::Text)
        | (M::Time, _, H::Time | H::Text)
        | (M::Timestamp, _, H::DateTime | H::Text) => Ok(json),
        (M::Plain, K::String, _) | (M::Set, _, _) => text(field, value, json),
        // The day in UTC, as the org itself would cut it.
        (M::Timestamp, _, H::Date) => Ok(format!("{}\"", &value.json[..11]).into()),
        (M::Date, _, H::DateTime) => Ok(format!("{}T00:00:00.000Z\"", value.json.trim_end_matches('"')).into()),
        (M::Date, _, _) => Err(no("a date", field)),
        (M::Time, _, _) => Err(no("a time of day", field)),
        (M::Timestamp, _, _) => Err(no("an instant", field)),

        (M::Plain, K::Number, H::Integer) => {
            let whole = Decimal::parse(value.json).filter(|number| number.decimals() == 0);
            whole.map(|number| number.as_str().into()).ok_or_else(|| no("a number with a fraction", field))
        }
        (M::Plain, K::Number | K::Bool, H::Text | H::MultiPicklist) => Ok(format!("\"{}\"", value.json).into()),
        // An instant that is a number is in milliseconds since 1970, by convention.
        (M::Plain, K::Number, H::DateTime) => {
            let whole = Decimal::parse(value.json).filter(|number| number.decimals() == 0);
            let whole = whole.ok_or_else(|| no("a number with a fraction", field))?;
            let millis = whole.as_str().parse().map_err(|_| no("so large a number", field))?;
            format::timestamp(millis).map(Into::into).map_err(|error| error.to_string())
        }
        // Days, milliseconds or microseconds? Only a schema can say.
        (M::Plain, K::Number, H::Date | H::Time | H::Boolean | H::Bytes) => Err(no("a number", field)),
        (M::Plain, K::Bool, H::Number | H::Integer | H::Date | H::DateTime | H::Time | H::Bytes) => {
            Err(no("a boolean", field))
        }
        (M::Plain, K::Number | K::Bool, _) => Ok(json),
        (M::Plain, K::Array, H::MultiPicklist) if multipicklist => choices(value.json).map(Into::into),
        (M::Plain, K::Array, _) => Err(no("an array", field)),
        (M::Plain, K::Object, _) => {
            let parent = field.relationship.as_ref().map(|name| format!("; its parent is named {name}"));
            Err(no("an object", field) + &parent.unwrap_or_default())
        }
    }
}

/// A text goes as it is, unless the org is certain to refuse it: with it, it would refuse the whole call.
fn text(field: &Field, value: Value<'_>, json: ByteString) -> Result<ByteString, String> {
    use ValueClass as H;
    if matches!(field.class, H::Text | H::MultiPicklist | H::Bytes | H::Other) {
        return Ok(json);
    }
    let text = value.text().unwrap_or_default();
    let as_it_is = |plausible: bool| plausible.then_some(json);
    let fitted = match field.class {
        H::Date => as_it_is(texts::may_be_date(&text)),
        H::DateTime => as_it_is(texts::may_be_date_time(&text)),
        H::Time => as_it_is(texts::may_be_time(&text)),
        H::Boolean => texts::boolean(&text).map(ByteString::from_static),
        H::Integer => match Decimal::parse(&text) {
            // A fraction of zeros is none, as in a number.
            Some(number) => (number.decimals() == 0).then(|| number.as_str().into()),
            // Longer than any number that a field holds: the org will say so of the row.
            None => as_it_is(texts::is_number(&text)),
        },
        _ => as_it_is(texts::is_number(&text)),
    };
    fitted.ok_or_else(|| match &*text {
        "" => no("an empty text", field) + "; the route's empty = \"null\" would clear it",
        _ => no(&format!("the text {:?}", shortened(&text)), field),
    })
}

fn shortened(text: &str) -> &str {
    text.char_indices().nth(40).map_or(text, |(end, _)| &text[..end])
}

fn no(what: &str, field: &Field) -> String {
    format!("{what} does not fit into a field of the type {}", field.kind)
}

/// Why a value does not fit.
struct Unfit(String);

impl From<format::FormatError> for Unfit {
    fn from(error: format::FormatError) -> Self {
        Self(error.to_string())
    }
}

/// `["A","B"]` is `"A;B"`. Null is no choice, and no choice at all is null.
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

/// `"A,B"` is `"A;B"`.
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
