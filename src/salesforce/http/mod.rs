//! Requests and answers as bytes. Nothing here knows what an answer means.

pub(super) mod client;
pub(super) mod distil;
mod gzip;
pub(super) mod request;
mod tracked_body;
