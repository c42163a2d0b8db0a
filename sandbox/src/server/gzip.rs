//! Compressed bodies (REST API Developer Guide, "Compression Headers"). A request may be compressed; an answer is where
//! the client accepts it and there is a body. Stricter than a real org: the only encoding of requests is gzip.

use std::io::{Read as _, Write as _};

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;
use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};

use crate::protocol::ApiError;

/// Decompresses a body of at most `most` bytes; also returns whether it was compressed.
pub(super) fn inflate(headers: &HeaderMap, body: Bytes, most: usize) -> Result<(Bytes, bool), ApiError> {
    match headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None => Ok((body, false)),
        Some(b"gzip") => {
            let mut inflated = Vec::new();
            let mut decoder = GzDecoder::new(&*body);
            let broken = |_| ApiError::parse("INVALID_CONTENT", "The request is not in GZIP format");
            decoder.by_ref().take(most as u64 + 1).read_to_end(&mut inflated).map_err(broken)?;
            if inflated.len() > most {
                return Err(ApiError::framework(413, "EXCEEDED_MAX_SIZE_REQUEST", "The request is too large"));
            }
            // What follows the first member would be lost.
            if !decoder.into_inner().is_empty() {
                return Err(ApiError::parse("INVALID_CONTENT", "There is more than one GZIP member"));
            }
            Ok((inflated.into(), true))
        }
        Some(_) => Err(ApiError::framework(415, "UNSUPPORTED_MEDIA_TYPE", "Content-Encoding is not gzip")),
    }
}

/// Whether the client accepts compressed answers.
pub(super) fn accepts(headers: &HeaderMap) -> bool {
    let listed = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    listed.flat_map(|list| list.split(',')).any(|one| one.trim() == "gzip")
}

/// Compresses a body.
pub(super) fn deflate(body: &Bytes) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to a vector does not fail.
    let packed = encoder.write_all(body).and_then(|()| encoder.finish());
    packed.map_or_else(|_| body.clone(), Bytes::from)
}
