use std::collections::{BTreeMap, HashMap};

use super::{ids::RowIndex, row::Row};
use crate::record::{Command, ParentName};

/// Rows that wait for a missing parent.
#[derive(Debug, Default)]
pub(super) struct MissingParents {
    /// The oldest wait first.
    pub(super) by_age: BTreeMap<u64, RowIndex>,
    /// The rows by the parents that they name.
    by_parent: HashMap<ParentName, Vec<RowIndex>>,
    /// A row has begun to wait, or waits again, so that the shares are to be looked at.
    pub(super) is_to_check: bool,
}

impl MissingParents {
    pub(super) fn insert(&mut self, order: u64, index: RowIndex, row: &Row) {
        self.by_age.insert(order, index);
        for parent in parents_of(row) {
            self.by_parent.entry(parent).or_default().push(index);
        }
    }

    pub(super) fn has_names(&self) -> bool {
        !self.by_parent.is_empty()
    }

    /// The rows that wait for a parent of this name.
    pub(super) fn of_name(&self, name: &ParentName) -> Vec<RowIndex> {
        self.by_parent.get(name).cloned().unwrap_or_default()
    }

    pub(super) fn remove(&mut self, order: u64, index: RowIndex) {
        self.by_age.remove(&order);
        // Few rows wait, and fewer end to do so: the names of a row whose body is away are not known.
        self.by_parent.retain(|_, rows| {
            rows.retain(|other| *other != index);
            !rows.is_empty()
        });
    }
}

fn parents_of(row: &Row) -> Vec<ParentName> {
    row.body.as_ref().and_then(|body| body.command()).map(Command::parent_names).unwrap_or_default()
}
