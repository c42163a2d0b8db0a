//! An answer before it is sent, with the headers of the recorded ones.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::ApiError;

const JSON: &str = "application/json;charset=UTF-8";

/// Which machine an answer comes from: each has headers of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The org itself, with the recorded headers.
    #[default]
    Org,
    /// Salesforce's edge, which stands before the org: the org has not seen the request.
    Edge,
    /// Any machine between the client and Salesforce.
    Proxy,
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    /// `None` leaves the header out, as on a 204 (recorded).
    pub(crate) content_type: Option<String>,
    /// `api-usage=18/5000`; not on 401, the versions list and a bad version (recorded).
    pub(crate) usage: Option<String>,
    pub(crate) location: Option<String>,
    pub(crate) origin: Origin,
    /// More headers, by name.
    pub(crate) more: Vec<(String, String)>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &impl Serialize) -> Self {
        Self::text(status, JSON, serde_json::to_string(body).unwrap_or_default())
    }

    pub(crate) fn text(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let content_type = Some(content_type.to_owned());
        Self { body: body.into(), content_type, ..Self::empty(status) }
    }

    pub(crate) fn empty(status: u16) -> Self {
        let (content_type, usage, location) = (None, None, None);
        Self { status, body: Bytes::new(), content_type, usage, location, origin: Origin::Org, more: Vec::new() }
    }

    /// The answer with the header that shows the allocation: `api-usage=18/5000`.
    pub(crate) fn with_usage(self, usage: String) -> Self {
        Self { usage: Some(usage), ..self }
    }

    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let fixed = [
            (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (HeaderName::from_static("x-robots-tag"), "none"),
            (header::CACHE_CONTROL, "no-cache,must-revalidate,max-age=0,no-store,private"),
        ];
        // Named by official pages; the rest of what the edge sends was not found.
        let of_edge = [
            (header::SERVER, "sfdcedge"),
            (HeaderName::from_static("x-sfdc-request-id"), "4f6d1b0b8f0f4b7f9a5e0d3c2b1a0f9e"),
        ];
        let by_origin = match self.origin {
            Origin::Org => &fixed[..],
            Origin::Edge => &of_edge[..],
            Origin::Proxy => &[],
        };
        for (name, value) in by_origin {
            headers.insert(name, HeaderValue::from_static(value));
        }
        for (name, value) in &self.more {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
                headers.insert(name, value);
            }
        }
        let mut set = |name: HeaderName, value: Option<&str>| {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        };
        set(HeaderName::from_static("sforce-limit-info"), self.usage.as_deref());
        set(header::LOCATION, self.location.as_deref());
        set(header::CONTENT_TYPE, self.content_type.as_deref());
        let of_org = self.origin == Origin::Org;
        set(header::WWW_AUTHENTICATE, (of_org && self.status == 401).then_some("Token"));
        // On 2xx with a body, absent on the recorded 4xx.
        let vary = (200..300).contains(&self.status) && !self.body.is_empty();
        set(header::VARY, vary.then_some("Accept-Encoding"));
        headers
    }
}

impl From<ApiError> for Answer {
    fn from(error: ApiError) -> Self {
        Self::text(error.status, JSON, error.to_json())
    }
}
