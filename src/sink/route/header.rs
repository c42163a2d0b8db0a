//! Reads the text of a header: an operation, an identity, an option.

use std::borrow::Cow;

use crate::{
    format::Members,
    record::{ConnectStage, Header, Reason, Rejection, Value, ValueKind},
};

/// Why a header has no usable text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderError {
    Null,
    NotUtf8,
    Structure,
    /// The header occurs more than once, with different texts.
    Differs,
}

/// Returns the text of the headers of one name, or `None` if there are none. Some agents duplicate headers: two headers
/// count as one if their texts are the `same`.
pub(super) fn text<'a>(
    mut headers: impl Iterator<Item = &'a Header>,
    same: impl Fn(&str, &str) -> bool,
) -> Result<Option<Cow<'a, str>>, HeaderError> {
    let Some(first) = headers.next() else { return Ok(None) };
    let text = text_of(first)?;
    for other in headers {
        if !same(&text, &text_of(other)?) {
            return Err(HeaderError::Differs);
        }
    }
    Ok(Some(text))
}

/// Returns the text of one header. If Connect's `JsonConverter` has written it as `{"schema": …, "payload": …}`, that
/// is the payload.
fn text_of(header: &Header) -> Result<Cow<'_, str>, HeaderError> {
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

/// Removes the space around a text, and the quotes that Connect's header converters write around it.
pub(super) fn unquoted(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).trim()
}

impl HeaderError {
    /// Creates the rejection of a record with such a header. `what` names the header, such as `the header op`.
    pub(super) fn rejection(self, reason: Reason, what: &str) -> Rejection {
        let message = match self {
            Self::Null => format!("{what} is null"),
            Self::NotUtf8 => format!("{what} is not UTF-8"),
            Self::Structure => format!("{what} is a structure"),
            Self::Differs => format!("{what} occurs more than once, with different texts"),
        };
        let stage = if self == Self::NotUtf8 { ConnectStage::HeaderConverter } else { ConnectStage::Put };
        Rejection { stage, ..Rejection::new(reason, message) }
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
    fn the_text_of_a_header_with_a_schema_is_its_payload() {
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
    fn headers_with_the_same_text_count_as_one() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["u", "u", r#"{"schema":null,"payload":"u"}"#]), Ok(Some("u".to_owned())));
        assert_eq!(read(&["u", "u", "d"]), Err(HeaderError::Differs));
    }
}
