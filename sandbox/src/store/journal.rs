//! The journal: every applied change, in the order of application. Tests and chaos judge a run by it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    protocol::CallOptions,
    value::{RecordId, Value},
};

/// The kind of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    Create,
    Update,
    Delete,
}

/// One applied change.
#[derive(Debug, Clone, Serialize)]
pub struct Change {
    /// Counts from 1 without a gap.
    pub seq: u64,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    /// The number of the request that brought it.
    pub call: u64,
    /// Made outside of calls, as by another integration.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub outside: bool,
    pub sobject: String,
    pub id: RecordId,
    pub op: Op,
    /// The record's external ids as stored after the change (before it, for a delete).
    pub keys: BTreeMap<String, Value>,
    /// The key value or the id as sent, as JSON text; `None` for a plain create.
    pub asked: Option<Box<RawValue>>,
    /// The row as sent, as JSON text; `None` for a delete.
    pub fields: Option<Box<RawValue>>,
    /// The options of the call.
    pub options: CallOptions,
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    changes: Vec<Change>,
    applied: u64,
}

/// A selection of changes.
#[derive(Debug, Default)]
pub(crate) struct Filter {
    pub(crate) sobject: Option<String>,
    pub(crate) id: Option<RecordId>,
    /// The changes after this `seq` only.
    pub(crate) since: u64,
    pub(crate) limit: Option<usize>,
}

impl Journal {
    /// `keep` is off in benchmarks, where only the count is wanted.
    pub(super) fn append(&mut self, changes: Vec<Change>, keep: bool) {
        for mut change in changes {
            self.applied += 1;
            change.seq = self.applied;
            if keep {
                self.changes.push(change);
            }
        }
    }

    pub(crate) fn applied(&self) -> u64 {
        self.applied
    }

    pub(crate) fn select(&self, filter: &Filter) -> Vec<Change> {
        let from = self.changes.partition_point(|change| change.seq <= filter.since);
        self.changes[from..]
            .iter()
            .filter(|change| filter.sobject.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(&change.sobject)))
            .filter(|change| filter.id.is_none_or(|id| id == change.id))
            .take(filter.limit.unwrap_or(usize::MAX))
            .cloned()
            .collect()
    }
}
