//! What the org says of its SObjects, asked once for each and again when a field is missed.

use std::{
    collections::HashMap,
    fmt, io,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use reqwest::Method;
use serde::{Deserialize, Deserializer, Serialize, de};
use tokio::{sync::Semaphore, time::Instant};

use super::{
    answer,
    call::{Ask, Calls, Failure, Place},
    distil::Distil,
    http::Content,
    verdicts::Purpose,
};
use crate::record::{Access, Cause, Field, Holds, SObject};

/// A field that is missed is looked for in a newer description at most this often.
const REFRESH: Duration = Duration::from_secs(5 * 60);

#[derive(Debug)]
pub(super) struct Describes {
    calls: Arc<Calls>,
    /// Questions at a time. All others wait here, and not for the org's permits, in an order that nothing could change
    /// when the org goes away.
    places: Semaphore,
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
    /// `at_once`: of how many SObjects the org is asked at a time.
    pub(super) fn new(calls: Arc<Calls>, at_once: usize) -> Self {
        Self { calls, places: Semaphore::new(at_once.max(1)), entries: Mutex::default() }
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
        // The semaphore is never closed.
        let _place = self.places.acquire().await;
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

/// An SObject of 800 fields, half of them with long picklists, has less than `most`; what is kept of it, a hundredth.
pub(super) const DISTIL: Distil = Distil { make: distil, most: 32 * 1024 * 1024 };
/// No SObject has more.
const MAX_FIELDS: usize = 5_000;

/// What matters of a description, as its own JSON.
fn distil(body: &mut dyn io::Read) -> Result<Vec<u8>, Cause> {
    let raw: Result<RawSObject, _> = serde_json::from_reader(io::BufReader::new(body));
    raw.and_then(|raw| serde_json::to_vec(&raw)).map_err(|error| answer::unreadable(&error))
}

fn few<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<RawField>, D::Error> {
    struct Few;
    impl<'de> de::Visitor<'de> for Few {
        type Value = Vec<RawField>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {MAX_FIELDS} fields")
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
            let mut fields = Vec::new();
            while let Some(field) = from.next_element()? {
                if fields.len() == MAX_FIELDS {
                    return Err(de::Error::invalid_length(MAX_FIELDS + 1, &self));
                }
                fields.push(field);
            }
            Ok(fields)
        }
    }
    deserializer.deserialize_seq(Few)
}

#[derive(Deserialize, Serialize)]
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
    #[serde(deserialize_with = "few")]
    fields: Vec<RawField>,
}

#[derive(Deserialize, Serialize)]
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
