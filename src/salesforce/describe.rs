//! What the org says of its SObjects, asked once for each and again when a field is missed.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use reqwest::Method;
use serde::Deserialize;
use tokio::time::Instant;

use super::{
    answer,
    call::{Ask, Calls, Failure, Place},
    http::Content,
    verdicts::Purpose,
};
use crate::record::{Access, Cause, Field, Holds, SObject};

/// A field that is missed is looked for in a newer description at most this often.
const REFRESH: Duration = Duration::from_secs(5 * 60);

#[derive(Debug)]
pub(super) struct Describes {
    calls: Arc<Calls>,
    /// By name, folded: as many as there are SObjects in routes.
    entries: Mutex<HashMap<String, Arc<Entry>>>,
}

#[derive(Debug, Default)]
struct Entry {
    known: RwLock<Option<(Arc<SObject>, Instant)>>,
    /// The org does not describe it to this user: not asked for again with every record that names it.
    refused: RwLock<Option<(Cause, Instant)>>,
    /// Held while the org is asked.
    asking: tokio::sync::Mutex<()>,
}

impl Describes {
    pub(super) fn new(calls: Arc<Calls>) -> Self {
        Self { calls, entries: Mutex::default() }
    }

    /// As [`crate::pipeline::Org::describe`].
    pub(super) async fn describe(&self, name: &str, missing: Option<&str>) -> Result<Arc<SObject>, Cause> {
        let entry = {
            let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            entries.entry(name.to_ascii_lowercase()).or_default().clone()
        };
        if let Some(known) = entry.good_enough(missing) {
            return Ok(known);
        }
        let _asking = entry.asking.lock().await;
        if let Some(known) = entry.good_enough(missing) {
            return Ok(known);
        }
        if let Some(cause) = entry.refused() {
            return Err(cause);
        }
        let sobject = match self.ask(name).await {
            Ok(sobject) => Arc::new(sobject),
            Err(cause) => {
                *entry.refused.write().unwrap_or_else(PoisonError::into_inner) = Some((cause.clone(), Instant::now()));
                return Err(cause);
            }
        };
        *entry.known.write().unwrap_or_else(PoisonError::into_inner) = Some((sobject.clone(), Instant::now()));
        Ok(sobject)
    }

    async fn ask(&self, name: &str) -> Result<SObject, Cause> {
        loop {
            let _turn = self.calls.state.turn().await;
            let ask = Ask {
                kind: "describe",
                purpose: Purpose::Describe,
                rows: 0,
                method: Method::GET,
                place: Place::Data { segments: vec!["sobjects".into(), name.into(), "describe".into()], query: None },
                content: Content::None,
                options: Arc::default(),
                leave: None,
            };
            match self.calls.make(&ask, read).await {
                Ok(sobject) => return Ok(sobject),
                Err(Failure::Refused(cause) | Failure::Fatal(cause)) => return Err(cause),
                // The next turn is where one waits.
                Err(failure) => tracing::debug!(sobject = name, cause = %failure.cause(), "not described yet"),
            }
        }
    }
}

impl Entry {
    fn refused(&self) -> Option<Cause> {
        let refused = self.refused.read().unwrap_or_else(PoisonError::into_inner);
        refused.as_ref().filter(|(_, at)| at.elapsed() < REFRESH).map(|(cause, _)| cause.clone())
    }

    fn good_enough(&self, missing: Option<&str>) -> Option<Arc<SObject>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let (sobject, at) = known.as_ref()?;
        let good = missing.is_none_or(|name| sobject.knows(name) || at.elapsed() < REFRESH);
        good.then(|| sobject.clone())
    }
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct RawSObject {
    name: String,
    #[serde(default, rename = "keyPrefix")]
    key_prefix: Option<Box<str>>,
    #[serde(default = "yes")]
    createable: bool,
    #[serde(default = "yes")]
    updateable: bool,
    #[serde(default = "yes")]
    deletable: bool,
    fields: Vec<RawField>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the org's own words")]
struct RawField {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    relationship_name: Option<String>,
    #[serde(default)]
    reference_to: Option<Vec<String>>,
    #[serde(default)]
    scale: Option<u32>,
    /// Where it is not said, the org will say it of the row.
    #[serde(default = "yes")]
    createable: bool,
    #[serde(default = "yes")]
    updateable: bool,
    #[serde(default = "yes")]
    nillable: bool,
    #[serde(default = "yes")]
    filterable: bool,
    #[serde(default)]
    auto_number: bool,
    #[serde(default)]
    defaulted_on_create: bool,
    #[serde(default)]
    external_id: bool,
    #[serde(default)]
    id_lookup: bool,
    #[serde(default)]
    unique: bool,
    #[serde(default)]
    case_sensitive: bool,
}

pub(super) fn read(body: &[u8]) -> Result<SObject, Cause> {
    let raw: RawSObject = serde_json::from_slice(body).map_err(|error| answer::unreadable(&error))?;
    let fields = raw.fields.into_iter().map(|field| Field {
        name: field.name.into(),
        holds: Holds::of(&field.kind),
        kind: field.kind.into(),
        relationship: field.relationship_name.map(Into::into),
        reference_to: field.reference_to.unwrap_or_default().into_iter().map(Into::into).collect(),
        scale: field.scale,
        createable: field.createable,
        required: field.createable && !field.nillable && !field.defaulted_on_create,
        updateable: field.updateable,
        filterable: field.filterable,
        auto_number: field.auto_number,
        external_id: field.external_id,
        id_lookup: field.id_lookup,
        unique: field.unique,
        case_sensitive: field.case_sensitive,
    });
    let access = Access { createable: raw.createable, updateable: raw.updateable, deletable: raw.deletable };
    // Shorter or longer than in an id it would fit none.
    let key_prefix = raw.key_prefix.filter(|prefix| prefix.len() == 3);
    Ok(SObject::new(&raw.name, fields).with_access(access).with_key_prefix(key_prefix))
}

#[cfg(test)]
#[path = "tests/describe.rs"]
mod tests;
