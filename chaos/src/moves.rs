//! External ids that an outside hand moves to other living records.
//!
//! The record that had the id keeps its values and gets a key that no change names; a new record with the same values
//! gets the id, in one transaction. A change that reaches the old record afterwards is written under another's identity.
//! Ids may be cached for [`CACHED`], for updates only, and between the look-up of an id and its use there is a moment.

use std::{collections::HashMap, time::Duration};

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    change::Op,
    org::{Entry, Org},
    setting::CACHED,
    world::SOBJECT,
};

const KEYS: [&str; 2] = ["ExternalId__c", "ExternalIdCase__c"];
/// What the keys of records begin with that have lost their own; the own one follows.
const LOST: &str = "lost:";
/// From the look-up of an id to the moment in which its call is applied: a latency that a schedule may give, and a busy
/// machine.
const RACE: Duration = Duration::from_secs(4);

pub(crate) async fn carry_out(org: &Org, first: usize, count: usize) -> Result<()> {
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
        // A record that is gone meanwhile is left alone.
        moved += usize::from(org.put(SOBJECT, &rows).await?);
    }
    Ok(())
}

/// When records have lost their keys, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Losses(HashMap<String, u64>);

/// A change of a record that had lost its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stray {
    /// Its id was looked up before, and may be believed.
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

    /// What this change is, if its record had lost its key before.
    pub(crate) fn stray(&self, entry: &Entry) -> Option<Stray> {
        let lost_ms = self.0.get(&entry.id).filter(|_| !entry.outside && entry.keys.values().any(is_lost))?;
        let after_ms = entry.at_ms.saturating_sub(*lost_ms);
        let believed = if entry.op == Op::Delete { RACE } else { CACHED + RACE };
        Some(if u128::from(after_ms) <= believed.as_millis() { Stray::Allowed } else { Stray::Wrong { after_ms } })
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
