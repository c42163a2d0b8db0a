//! External ids that another integration moves to other living records.
//!
//! The record that had the id keeps its values and gets a key that no change names; a new record with the same values
//! gets the id, in one transaction. A change that reaches the old record afterwards is written under another's
//! identity. Ids may be cached for [`CACHED`], for updates only, and between the look-up of an id and its use there is
//! a moment.

use std::{collections::HashMap, time::Duration};

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    change::Op,
    org::{Entry, Org},
    scenario::CACHED,
    topics::SOBJECT,
};

const KEYS: [&str; 2] = ["ExternalId__c", "ExternalIdCase__c"];
/// The prefix of the keys of records that have lost their own key, which follows it.
const LOST: &str = "lost:";
/// The longest time from the look-up of an id until its call is applied: a latency of the schedule, and a busy machine.
const RACE: Duration = Duration::from_secs(4);

/// Moves up to `count` external ids, from the record `first` on.
pub(crate) async fn move_ids(org: &Org, first: usize, count: usize) -> Result<()> {
    let mut records = org.records(SOBJECT).await?;
    if !records.is_empty() {
        let from = first % records.len();
        records.rotate_left(from);
    }
    let mut moved = 0;
    for stored in records {
        let key = KEYS.iter().find_map(|key| Some((*key, stored.fields.get(*key)?.as_str()?)));
        let Some((field, key)) = key.filter(|(_, key)| moved < count && !key.starts_with(LOST)) else { continue };
        let mut new = stored.fields.clone();
        new.retain(|name, _| !["Id", "Serial__c"].contains(&name.as_str()));
        let rows = json!([{"Id": stored.id, field: format!("{LOST}{}:{key}", stored.id)}, new]);
        // A record that was deleted meanwhile is left alone.
        moved += usize::from(org.put(SOBJECT, &rows).await?);
    }
    Ok(())
}

/// The times at which records lost their keys, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Losses(HashMap<String, u64>);

/// A change of a record that had lost its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stray {
    /// Its id was looked up before, and may still be cached.
    Allowed,
    Wrong {
        after_ms: u64,
    },
}

impl Losses {
    pub(crate) fn read(journal: &[Entry]) -> Self {
        let lost = |entry: &&Entry| entry.outside && entry.keys.values().any(is_lost);
        Self(journal.iter().filter(lost).map(|entry| (entry.id.clone(), entry.at_ms)).collect())
    }

    /// Judges a change of a record that had lost its key before; `None` for any other change.
    pub(crate) fn stray(&self, entry: &Entry) -> Option<Stray> {
        let lost_ms = self.0.get(&entry.id).filter(|_| !entry.outside && entry.keys.values().any(is_lost))?;
        let after_ms = entry.at_ms.saturating_sub(*lost_ms);
        let cached = if entry.op == Op::Delete { RACE } else { CACHED + RACE };
        Some(if u128::from(after_ms) <= cached.as_millis() { Stray::Allowed } else { Stray::Wrong { after_ms } })
    }
}

/// Whether this is the key of a record that has lost its own.
pub(crate) fn is_lost(key: &Value) -> bool {
    key.as_str().is_some_and(|key| key.starts_with(LOST))
}

/// The key that a record has had.
pub(crate) fn had(key: &Value) -> Option<&str> {
    Some(key.as_str()?.strip_prefix(LOST)?.split_once(':')?.1)
}
