//! What a header says that a route reads: an operation, an identity, an option.

use std::borrow::Cow;

use crate::{
    format::Members,
    record::{ConnectStage, Header, Reason, Rejection, Value, ValueKind},
};

/// Why a header says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderError {
    Null,
    NotUtf8,
    Structure,
    /// It is there more than once, and not with one text.
    Differs,
}

/// The text of the headers of one name, or `None` where there are none. Some agents double headers: two that are the
/// `same` are one.
pub(super) fn text<'a>(
    mut headers: impl Iterator<Item = &'a Header>,
    same: impl Fn(&str, &str) -> bool,
) -> Result<Option<Cow<'a, str>>, HeaderError> {
    let Some(first) = headers.next() else { return Ok(None) };
    let first = one(first)?;
    for other in headers {
        if !same(&first, &one(other)?) {
            return Err(HeaderError::Differs);
        }
    }
    Ok(Some(first))
}

/// A header's text as it is, or the payload of the `{"schema": …, "payload": …}` that Connect's `JsonConverter` makes of
/// it.
fn one(header: &Header) -> Result<Cow<'_, str>, HeaderError> {
    let value = header.value.as_deref().ok_or(HeaderError::Null)?;
    let text = std::str::from_utf8(value).map_err(|_| HeaderError::NotUtf8)?;
    let Some(payload) = payload(text) else { return Ok(Cow::Borrowed(text)) };
    match payload.kind() {
        ValueKind::Null => Err(HeaderError::Null),
        _ => payload.text().ok_or(HeaderError::Structure),
    }
}

fn payload(text: &str) -> Option<Value<'_>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let envelope = Members::read(text).ok().filter(|envelope| envelope.list.len() == 2)?;
    envelope.find(0, "schema").filter(|schema| schema.starts_with(['{', 'n']))?;
    envelope.find(1, "payload").map(Value::plain)
}

/// A text without space around it, and without the quotes that Connect's header converters write around it.
pub(super) fn unquoted(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).trim()
}

impl HeaderError {
    /// `what` is about the header, such as `the header op`.
    pub(super) fn rejection(self, reason: Reason, what: &str) -> Rejection {
        let message = match self {
            Self::Null => format!("{what} is null"),
            Self::NotUtf8 => format!("{what} is not UTF-8"),
            Self::Structure => format!("{what} is a structure"),
            Self::Differs => format!("{what} is there more than once, and says different things"),
        };
        let stage = if self == Self::NotUtf8 { ConnectStage::HeaderConverter } else { ConnectStage::Put };
        Rejection { stage, ..Rejection::at_delivery(reason, message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&str]) -> Result<Option<String>, HeaderError> {
        let header = |value: &&str| Header { name: "h".to_owned(), value: Some(value.as_bytes().to_vec().into()) };
        let headers: Vec<_> = values.iter().map(header).collect();
        text(headers.iter(), |one, other| one == other).map(|text| text.map(Cow::into_owned))
    }

    #[test]
    fn a_header_of_json_converter_is_its_payload() {
        let schema = r#"{"type":"string","optional":false}"#;
        for (value, expected) in [
            ("plain", Ok("plain")),
            (" \"quoted\" ", Ok(" \"quoted\" ")),
            (&format!(r#"{{"schema":{schema},"payload":"c"}}"#), Ok("c")),
            (&format!(r#" {{ "payload":"\u0063", "schema":{schema} }}"#), Ok("c")),
            (r#"{"schema":{"type":"int64"},"payload":7}"#, Ok("7")),
            (r#"{"schema":null,"payload":"c"}"#, Ok("c")),
            (r#"{"schema":{"type":"string","optional":true},"payload":null}"#, Err(HeaderError::Null)),
            (r#"{"schema":{"type":"array"},"payload":["c"]}"#, Err(HeaderError::Structure)),
            (r#"{"schema":"s","payload":"c"}"#, Ok(r#"{"schema":"s","payload":"c"}"#)),
            (r#"{"schema":{},"payload":"c","more":1}"#, Ok(r#"{"schema":{},"payload":"c","more":1}"#)),
            (r#"{"payload":"c"}"#, Ok(r#"{"payload":"c"}"#)),
            ("{", Ok("{")),
        ] {
            assert_eq!(read(&[value]), expected.map(|text| Some(text.to_owned())), "{value}");
        }
    }

    #[test]
    fn headers_that_say_the_same_are_one() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["u", "u", r#"{"schema":null,"payload":"u"}"#]), Ok(Some("u".to_owned())));
        assert_eq!(read(&["u", "u", "d"]), Err(HeaderError::Differs));
    }
}
