//! Writes: a body is read (one bad value refuses the call), each row is validated (a bad one fails alone), applied, and
//! answered.

mod apply;
mod collection;
mod input;
mod outside;
mod read;
mod retrieve;
mod rules;
mod single;
mod validate;

pub(crate) use collection::Collection;
pub(crate) use input::{Input, Reader};
pub(crate) use outside::{outside, put, remove};
pub(crate) use read::{body_text, row_json};
pub(crate) use retrieve::Retrieve;
pub(crate) use single::Single;

use std::collections::HashMap;

use crate::http::RowError;

/// What faults do to the rows of one call.
#[derive(Debug, Default)]
pub(crate) struct Forced {
    /// Fails all rows; nothing is applied.
    pub(crate) all: Option<RowError>,
    /// Fails these rows.
    pub(crate) rows: HashMap<usize, RowError>,
    /// So many results are missing at the end of the answer.
    pub(crate) missing: usize,
}
