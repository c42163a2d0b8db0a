use std::collections::HashMap;

use crate::protocol::RowError;

/// The effects of faults on the rows of one call.
#[derive(Debug, Default)]
pub(crate) struct Forced {
    /// Fails all rows; nothing is applied.
    pub(crate) all: Option<RowError>,
    /// Fails these rows.
    pub(crate) rows: HashMap<usize, RowError>,
    /// The number of results that are missing at the end of the answer.
    pub(crate) missing: usize,
}
