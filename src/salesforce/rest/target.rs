//! The record that a row of a call is about.

use crate::record::{ExternalId, RecordId};

/// The target of a row: a new record, one by its record id, or one by its external id.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target<'a> {
    New,
    Id(RecordId),
    Key(&'a ExternalId),
}

impl Target<'_> {
    pub(crate) fn id(self) -> Option<RecordId> {
        match self {
            Self::Id(id) => Some(id),
            Self::New | Self::Key(_) => None,
        }
    }
}
