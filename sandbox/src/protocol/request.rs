//! A request that was read to its end.

use axum::http::{HeaderMap, Method, Uri};
use bytes::Bytes;

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
}
