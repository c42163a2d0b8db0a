//! The body of `POST /composite`: subrequests that go as one call (REST guide, "Composite").
//!
//! Which codes the org has for a composite that breaks these rules was not found: they are assumptions.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
};

use axum::http::{HeaderName, HeaderValue, Method, Uri, header};
use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{ApiError, Request};

/// The most subrequests, and the most that are collections or queries.
const MAX_PARTS: usize = 25;
const MAX_COLLECTIONS_AND_QUERIES: usize = 5;

/// From this version on subrequests are collated unless the body says otherwise.
const COLLATES_FROM: u32 = 49;

/// The characters that an address of a subrequest may have as they are, and that of a request may not (recorded:
/// `/query?q=SELECT Id FROM Account`).
const LOOSE: &AsciiSet =
    &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`').add(b'{').add(b'|').add(b'}');

/// The headers that a subrequest may not set.
const NOT_OF_A_PART: [HeaderName; 3] = [header::ACCEPT, header::AUTHORIZATION, header::CONTENT_TYPE];

/// A composite call that was read.
#[derive(Debug)]
pub(crate) struct CompositeBody {
    /// Subrequests that do not refer to each other may be carried out in another order.
    pub(crate) collates: bool,
    pub(crate) subrequests: Vec<Subrequest>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Subrequest {
    method: String,
    url: String,
    pub(crate) reference_id: String,
    #[serde(default)]
    body: Option<Box<RawValue>>,
    #[serde(default)]
    http_headers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Envelope {
    #[serde(default)]
    all_or_none: bool,
    #[serde(default)]
    collate_subrequests: Option<bool>,
    composite_request: Vec<Subrequest>,
}

impl CompositeBody {
    /// Reads the body of a call of this API version.
    pub(crate) fn read(text: &str, version: u32) -> Result<Self, ApiError> {
        let envelope: Envelope =
            serde_json::from_str(text).map_err(|error| ApiError::parse("JSON_PARSER_ERROR", error.to_string()))?;
        if envelope.all_or_none {
            return Err(ApiError::parse("FUNCTIONALITY_NOT_ENABLED", "the sandbox has no allOrNone of a composite"));
        }
        let subrequests = envelope.composite_request;
        if subrequests.is_empty() {
            return Err(ApiError::parse("MISSING_ARGUMENT", "compositeRequest not specified"));
        }
        if subrequests.len() > MAX_PARTS {
            let message = format!("a composite request has at most {MAX_PARTS} subrequests");
            return Err(ApiError::parse("LIMIT_EXCEEDED", message));
        }
        if subrequests.iter().filter(|part| part.is_collection_or_query()).count() > MAX_COLLECTIONS_AND_QUERIES {
            let message = format!("at most {MAX_COLLECTIONS_AND_QUERIES} subrequests are collections or queries");
            return Err(ApiError::parse("LIMIT_EXCEEDED", message));
        }
        for (place, part) in subrequests.iter().enumerate() {
            part.check()?;
            if subrequests[..place].iter().any(|other| other.reference_id == part.reference_id) {
                let message = format!("Provided referenceId '{}' is not unique", part.reference_id);
                return Err(ApiError::parse("INVALID_INPUT", message));
            }
        }
        let collates = envelope.collate_subrequests.unwrap_or(version >= COLLATES_FROM);
        Ok(Self { collates, subrequests })
    }

    /// The places of the subrequests in the order in which they are carried out. One that refers to no other, and that
    /// no other refers to, may go in any order among those of its method: the last one goes first, so that a caller that
    /// relies on their order is found out.
    pub(crate) fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.subrequests.len()).collect();
        if !self.collates {
            return order;
        }
        let is_free = |place: usize| {
            let part = &self.subrequests[place];
            let refers =
                |other: &Subrequest| other.texts().any(|text| text.contains(&format!("@{{{}", part.reference_id)));
            !part.has_references() && !self.subrequests.iter().any(refers)
        };
        for method in ["DELETE", "GET", "PATCH", "POST", "PUT"] {
            let free = |place: &usize| self.subrequests[*place].method == method && is_free(*place);
            let places: Vec<usize> = (0..order.len()).filter(free).collect();
            for (at, place) in places.iter().zip(places.iter().rev()) {
                order[*at] = *place;
            }
        }
        order
    }
}

impl Subrequest {
    fn is_collection_or_query(&self) -> bool {
        self.url.contains("/composite/sobjects") || self.url.contains("/query")
    }

    fn check(&self) -> Result<(), ApiError> {
        let id = &self.reference_id;
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if !id.bytes().all(is_word) || !id.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric()) {
            return Err(ApiError::parse("INVALID_INPUT", format!("Provided referenceId '{id}' is not valid")));
        }
        if !self.url.starts_with("/services/data/v") {
            return Err(ApiError::parse("INVALID_INPUT", format!("Invalid url: {}", self.url)));
        }
        for name in self.http_headers.keys() {
            if NOT_OF_A_PART.iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden.as_str())) {
                return Err(ApiError::parse("INVALID_INPUT", format!("Invalid header of a subrequest: {name}")));
            }
        }
        Ok(())
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        [self.url.as_str()].into_iter().chain(self.body.as_deref().map(RawValue::get))
    }

    pub(crate) fn has_references(&self) -> bool {
        self.texts().any(|text| text.contains("@{"))
    }

    /// The subrequest as a request of its own, as it is written.
    pub(crate) fn request(&self, whole: &Request) -> Result<Request, ApiError> {
        self.with(whole, &self.url, self.body.as_deref().map(RawValue::get))
    }

    /// The subrequest as a request of its own, with the values of what it refers to: of the bodies of other parts, by
    /// their names. Whatever looks like a reference is one, also in a value that a caller has not written as one.
    pub(crate) fn resolved(&self, whole: &Request, bodies: &HashMap<String, Value>) -> Result<Request, ApiError> {
        let url = resolve(&self.url, bodies, |value| value)?;
        // Each reference of a body is within a string.
        let in_string = |value: String| {
            let quoted = Value::String(value).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        };
        let body = self.body.as_deref().map(|body| resolve(body.get(), bodies, in_string)).transpose()?;
        self.with(whole, &url, body.as_deref())
    }

    /// The headers of the whole call apply to each of its parts (an assumption), and those of the part before them.
    fn with(&self, whole: &Request, url: &str, body: Option<&str>) -> Result<Request, ApiError> {
        let method: Method = self.method.parse().map_err(|_| ApiError::method(&self.method, "GET,PATCH,POST"))?;
        let address = utf8_percent_encode(url, LOOSE).to_string();
        let uri: Uri = address.parse().map_err(|_| ApiError::not_found())?;
        let mut headers = whole.headers.clone();
        for (name, value) in &self.http_headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
                headers.insert(name, value);
            }
        }
        let body = body.map_or_else(Bytes::new, |body| Bytes::copy_from_slice(body.as_bytes()));
        Ok(Request { number: whole.number, method, uri, headers, body })
    }
}

/// Puts values, each written as its place wants it, where references are: `@{contact.id}`, `@{found.records[0].Id}`,
/// `@{rows[1].id}`.
fn resolve<'t>(
    text: &'t str,
    bodies: &HashMap<String, Value>,
    written: impl Fn(String) -> String,
) -> Result<Cow<'t, str>, ApiError> {
    let Some((before, mut rest)) = text.split_once("@{") else { return Ok(Cow::Borrowed(text)) };
    let mut resolved = before.to_owned();
    loop {
        let (reference, after) = rest.split_once('}').ok_or_else(|| no_value(rest))?;
        let value = value_of(reference, bodies).ok_or_else(|| no_value(reference))?;
        resolved.push_str(&written(value));
        let Some((between, more)) = after.split_once("@{") else {
            resolved.push_str(after);
            return Ok(Cow::Owned(resolved));
        };
        resolved.push_str(between);
        rest = more;
    }
}

/// The text of a value by its path. Names are case-sensitive.
fn value_of(reference: &str, bodies: &HashMap<String, Value>) -> Option<String> {
    let end = reference.find(['.', '[']).unwrap_or(reference.len());
    let (name, path) = reference.split_at(end);
    let mut value = bodies.get(name)?;
    for step in path.split(['.', '[']).skip(1) {
        value = match step.strip_suffix(']') {
            Some(index) => value.get(index.parse::<usize>().ok()?)?,
            None => value.get(step)?,
        };
    }
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// From memory.
fn no_value(reference: &str) -> ApiError {
    let message = format!("Invalid reference specified. No value for {reference} found.");
    ApiError::parse("PROCESSING_HALTED", message)
}
