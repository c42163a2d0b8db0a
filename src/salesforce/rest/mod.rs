//! Rows into calls of the REST API, and answers into verdicts.

pub(super) mod collections;
mod find_targets;
mod id_cache;
pub(super) mod resolve;
pub(super) mod send_row;
pub(super) mod soql;
pub(super) mod suspects;
pub(super) mod target;
pub(super) mod writer;
