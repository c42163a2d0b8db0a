//! Rows into calls of the REST API, and answers into verdicts.

pub(super) mod collections;
mod id_cache;
pub(super) mod resolve;
pub(super) mod soql;
pub(super) mod suspects;
pub(super) mod writer;
