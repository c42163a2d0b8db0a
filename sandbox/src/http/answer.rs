//! An answer before it is sent, with the headers of the recorded ones.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use bytes::Bytes;
use serde::Serialize;

use super::ApiError;

const JSON: &str = "application/json;charset=UTF-8";

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    /// `None` leaves the header out, as on a 204 (recorded).
    pub(crate) content_type: Option<String>,
    /// `api-usage=18/5000`; not on 401, the versions list and a bad version (recorded).
    pub(crate) usage: Option<String>,
    pub(crate) location: Option<String>,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &impl Serialize) -> Self {
        Self::text(status, JSON, serde_json::to_string(body).unwrap_or_default())
    }

    pub(crate) fn text(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let content_type = Some(content_type.to_owned());
        Self { status, body: body.into(), content_type, usage: None, location: None }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, body: Bytes::new(), content_type: None, usage: None, location: None }
    }

    pub(crate) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let fixed = [
            (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (HeaderName::from_static("x-robots-tag"), "none"),
            (header::CACHE_CONTROL, "no-cache,must-revalidate,max-age=0,no-store,private"),
        ];
        for (name, value) in fixed {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let mut set = |name: HeaderName, value: Option<&str>| {
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        };
        set(HeaderName::from_static("sforce-limit-info"), self.usage.as_deref());
        set(header::LOCATION, self.location.as_deref());
        set(header::CONTENT_TYPE, self.content_type.as_deref());
        set(header::WWW_AUTHENTICATE, (self.status == 401).then_some("Token"));
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
