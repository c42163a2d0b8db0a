//! A request that was read to its end.

use axum::http::{HeaderMap, Method, Uri};
use bytes::Bytes;
use percent_encoding::percent_decode_str;

/// The method, address, headers and body of one request.
#[derive(Debug)]
pub(crate) struct Request {
    /// Counts requests from 1.
    pub(crate) number: u64,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The path and the query, decoded.
    pub(crate) fn decoded_address(&self) -> String {
        let query = self.uri.query().unwrap_or_default().replace('+', " ");
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        format!("{}?{}", decoded(self.uri.path()), decoded(&query))
    }
}
