//! Descriptions of the org's SObjects, fetched once for each, and again when one is in doubt.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indexmap::IndexMap;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Deserializer, Serialize, de};
use tokio::time::Instant;

use super::{
    super::{
        answer,
        call::Calls,
        http::{
            distil::Distil,
            request::{ApiRequest, Endpoint, Purpose},
        },
    },
    slots::CallKind,
};
use crate::record::{Access, AnyCase, ApiName, Cause, Field, Refresh, RetryKind, SObject, ValueClass, Verdict};

#[derive(Debug)]
pub(crate) struct Describes {
    calls: Arc<Calls>,
    /// A description that is in doubt is asked for again at most this often.
    interval: Duration,
    /// The number of descriptions that were received, of all SObjects.
    generation: AtomicU64,
    /// One for each SObject that was asked for: those of the routes, and parents.
    entries: Mutex<IndexMap<ApiName, Arc<Entry>>>,
}

#[derive(Debug, Default)]
struct Entry {
    known: RwLock<Option<(Arc<SObject>, Instant)>>,
    /// The org does not describe it to this user: it is not asked for again with every record that names it.
    undescribed: RwLock<Option<(Cause, Instant)>>,
    /// The lock that is held during a describe call.
    fetching: tokio::sync::Mutex<()>,
}

impl Describes {
    /// Makes no call yet. `interval`: the least time between two descriptions of one SObject.
    pub(crate) fn new(calls: Arc<Calls>, interval: Duration) -> Self {
        Self { calls, interval, generation: AtomicU64::new(0), entries: Mutex::default() }
    }

    /// The number of descriptions that were received, of all SObjects. It is raised with each new one.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The SObject as the org describes it. Waits for the org as long as it takes; an error says what an operator must
    /// fix.
    pub(crate) async fn describe(&self, name: &str, refresh: Refresh<'_>) -> Result<Arc<SObject>, Cause> {
        let entry = self.entry(name);
        if let Some(known) = entry.usable(refresh, self.interval) {
            return Ok(known);
        }
        let _fetching = entry.fetching.lock().await;
        if let Some(known) = entry.usable(refresh, self.interval) {
            return Ok(known);
        }
        if let Some(cause) = entry.undescribed(self.interval) {
            return Err(cause);
        }
        loop {
            let _permit = self.calls.limiter.permit(CallKind::Read).await;
            match self.fetch(name).await {
                Ok(sobject) => return Ok(self.learn(&entry, sobject)),
                Err(Verdict::Retry { cause, kind: RetryKind::Smaller { .. } } | Verdict::Fatal(cause)) => {
                    return entry.keep_after_failure(cause);
                }
                // The next permit is what is waited for.
                Err(verdict) => tracing::debug!(
                    sobject = name,
                    cause = verdict.cause().map(tracing::field::display),
                    "not described yet"
                ),
            }
        }
    }

    /// Returns the description of an SObject whose last one rejects a row: it is asked for again, once, if it is old
    /// enough.
    ///
    /// The caller holds a permit, and the request is made under it: this waits neither for another permit nor for a
    /// task that waits for one.
    pub(crate) async fn refetch_if_old(&self, name: &str) -> Option<Arc<SObject>> {
        let entry = self.entry(name);
        if let Some(fresh) = entry.usable(Refresh::IfOld, self.interval) {
            return Some(fresh);
        }
        let Ok(_fetching) = entry.fetching.try_lock() else { return entry.known() };
        match self.fetch(name).await {
            Ok(sobject) => Some(self.learn(&entry, sobject)),
            Err(Verdict::Retry { cause, kind: RetryKind::Smaller { .. } }) => entry.keep_after_failure(cause).ok(),
            Err(verdict) => {
                tracing::debug!(
                    sobject = name,
                    cause = verdict.cause().map(tracing::field::display),
                    "not described again"
                );
                entry.known()
            }
        }
    }

    /// The last description, without a question.
    pub(crate) fn known(&self, name: &str) -> Option<Arc<SObject>> {
        self.entry(name).known()
    }

    fn entry(&self, name: &str) -> Arc<Entry> {
        let mut entries = self.entries.lock();
        if let Some(entry) = entries.get(&AnyCase(name)) {
            return entry.clone();
        }
        entries.entry(name.into()).or_default().clone()
    }

    fn learn(&self, entry: &Entry, sobject: SObject) -> Arc<SObject> {
        let sobject = Arc::new(sobject);
        *entry.known.write() = Some((sobject.clone(), Instant::now()));
        self.generation.fetch_add(1, Ordering::AcqRel);
        sobject
    }

    async fn fetch(&self, name: &str) -> Result<SObject, Verdict> {
        let segments = vec!["sobjects".into(), name.into(), "describe".into()];
        let endpoint = Endpoint::Data { segments, query: None };
        let request = ApiRequest { distil: Some(DISTIL), ..ApiRequest::get("describe", Purpose::Describe, endpoint) };
        self.calls.make(&request, read).await
    }
}

impl Entry {
    fn undescribed(&self, interval: Duration) -> Option<Cause> {
        let undescribed = self.undescribed.read();
        undescribed.as_ref().filter(|(_, at)| at.elapsed() < interval).map(|(cause, _)| cause.clone())
    }

    fn known(&self) -> Option<Arc<SObject>> {
        let known = self.known.read();
        known.as_ref().map(|(sobject, _)| sobject.clone())
    }

    fn usable(&self, refresh: Refresh<'_>, interval: Duration) -> Option<Arc<SObject>> {
        let known = self.known.read();
        let (sobject, at) = known.as_ref()?;
        let is_fresh = || at.elapsed() < interval;
        let good = match refresh {
            Refresh::IfUnknown => true,
            Refresh::IfLacking(name) => sobject.knows(name) || is_fresh(),
            Refresh::IfOld => is_fresh(),
        };
        good.then(|| sobject.clone())
    }

    /// The org does not describe the SObject: what it said before holds until it is asked the next time.
    fn keep_after_failure(&self, cause: Cause) -> Result<Arc<SObject>, Cause> {
        let now = Instant::now();
        if let Some((sobject, at)) = &mut *self.known.write() {
            tracing::debug!(sobject = &*sobject.name, %cause, "not described any more");
            *at = now;
            return Ok(sobject.clone());
        }
        *self.undescribed.write() = Some((cause.clone(), now));
        Err(cause)
    }
}

fn allowed() -> bool {
    true
}

/// An SObject of 800 fields, half of them with long picklists, has less than `most`; what is kept of it, a hundredth.
const DISTIL: Distil = Distil { make: distil, most: 32 * 1024 * 1024 };
/// The most fields of one description: no SObject has more.
const MAX_FIELDS: usize = 5_000;

/// Makes a short description of a long one: JSON with the keys that matter.
fn distil(body: &mut dyn io::Read) -> Result<Vec<u8>, Cause> {
    let raw: Result<RawSObject, _> = serde_json::from_reader(io::BufReader::new(body));
    raw.and_then(|raw| serde_json::to_vec(&raw)).map_err(|error| answer::unreadable(&error))
}

fn at_most_max_fields<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<RawField>, D::Error> {
    struct FieldsVisitor;
    impl<'de> de::Visitor<'de> for FieldsVisitor {
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
    deserializer.deserialize_seq(FieldsVisitor)
}

#[derive(Deserialize, Serialize)]
struct RawSObject {
    name: String,
    #[serde(default, rename = "keyPrefix")]
    key_prefix: Option<Box<str>>,
    #[serde(default = "allowed")]
    createable: bool,
    #[serde(default = "allowed")]
    updateable: bool,
    #[serde(default = "allowed")]
    deletable: bool,
    #[serde(deserialize_with = "at_most_max_fields")]
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
    /// Allowed where the description does not say: then the org will say it of the row.
    #[serde(default = "allowed")]
    createable: bool,
    #[serde(default = "allowed")]
    updateable: bool,
    #[serde(default = "allowed")]
    nillable: bool,
    #[serde(default = "allowed")]
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

pub(crate) fn read(body: &[u8]) -> Result<SObject, Cause> {
    let raw: RawSObject = serde_json::from_slice(body).map_err(|error| answer::unreadable(&error))?;
    let fields = raw.fields.into_iter().map(|field| Field {
        name: field.name.into(),
        class: ValueClass::of(&field.kind),
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
