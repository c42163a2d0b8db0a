//! Descriptions of the org's SObjects, fetched once for each, and again when one is in doubt.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indexmap::IndexMap;
use parking_lot::{Mutex, RwLock};
use tokio::time::Instant;

use super::{
    super::{
        call::Calls,
        http::request::{ApiRequest, Endpoint, Purpose},
    },
    description::{DISTIL, read},
    slots::CallKind,
};
use crate::{
    record::{AnyCase, ApiName, Cause, Refresh, RetryKind, SObject, Verdict},
    runtime::backoff::Backoff,
};

#[derive(Debug)]
pub(crate) struct Describes {
    calls: Arc<Calls>,
    /// A description that is in doubt is asked for again at most this often.
    interval: Duration,
    /// The waits after which a refused description is asked for again.
    backoff: Backoff,
    /// The time at which a refused description was last the reason to ask how the org is.
    witnessed: Mutex<Option<Instant>>,
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
    /// The last of the refusals that have come one after the other.
    refusal: Mutex<Option<Refusal>>,
    /// The lock that is held during a describe call.
    fetching: tokio::sync::Mutex<()>,
}

/// A describe call was refused, which says nothing of the SObject: by something before the org, or by the org for now.
#[derive(Debug, Clone)]
struct Refusal {
    cause: Cause,
    times: u32,
    /// The time before which the description is not asked for again.
    until: Instant,
}

/// The reason why there is no description of an SObject.
#[derive(Debug)]
pub enum NoDescription {
    /// The org does not describe it to this user.
    Undescribed(Cause),
    /// The call is refused, and is not made again before `until`. It says nothing of the SObject.
    Refused { cause: Cause, until: Instant },
}

/// The least time between two questions how the org is, for all descriptions together.
const WITNESS_INTERVAL: Duration = Duration::from_secs(10);

impl Describes {
    /// Makes no call yet. `interval`: the least time between two descriptions of one SObject. `backoff`: the waits after
    /// a refusal.
    pub(crate) fn new(calls: Arc<Calls>, interval: Duration, backoff: Backoff) -> Self {
        let (witnessed, entries) = (Mutex::default(), Mutex::default());
        Self { calls, interval, backoff, witnessed, generation: AtomicU64::new(0), entries }
    }

    /// The number of descriptions that were received, of all SObjects. It is raised with each new one.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The SObject as the org describes it. Waits for the org, and while the call is refused, as long as it takes; an
    /// error says what an operator must fix.
    pub(crate) async fn describe(&self, name: &str, refresh: Refresh<'_>) -> Result<Arc<SObject>, Cause> {
        loop {
            match self.try_describe(name, refresh).await {
                Ok(sobject) => return Ok(sobject),
                Err(NoDescription::Undescribed(cause)) => return Err(cause),
                // Without a permit. Of several callers the first one asks, and the others learn from it.
                Err(NoDescription::Refused { until, .. }) => tokio::time::sleep_until(until).await,
            }
        }
    }

    /// As [`Self::describe`], without a wait for a description that is refused.
    pub(crate) async fn try_describe(&self, name: &str, refresh: Refresh<'_>) -> Result<Arc<SObject>, NoDescription> {
        let entry = self.entry(name);
        if let Some(known) = entry.usable(refresh, self.interval) {
            return Ok(known);
        }
        let _fetching = entry.fetching.lock().await;
        if let Some(known) = entry.usable(refresh, self.interval) {
            return Ok(known);
        }
        if let Some(cause) = entry.undescribed(self.interval) {
            return Err(NoDescription::Undescribed(cause));
        }
        if let Some(Refusal { cause, until, .. }) = entry.standing_refusal() {
            return Err(NoDescription::Refused { cause, until });
        }
        loop {
            let _permit = self.calls.limiter.permit(CallKind::Read).await;
            match self.fetch(name).await {
                Ok(sobject) => return Ok(self.learn(&entry, sobject)),
                Err(Verdict::Retry { cause, kind: RetryKind::Smaller { .. } } | Verdict::Fatal(cause)) => {
                    return entry.keep_after_failure(cause).map_err(NoDescription::Undescribed);
                }
                Err(Verdict::Retry { cause, kind: RetryKind::Place }) => {
                    let until = self.refused(name, &entry, &cause);
                    self.ask_witness(&cause).await;
                    return Err(NoDescription::Refused { cause, until });
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
        if entry.standing_refusal().is_some() {
            return entry.known();
        }
        match self.fetch(name).await {
            Ok(sobject) => Some(self.learn(&entry, sobject)),
            Err(Verdict::Retry { cause, kind: RetryKind::Smaller { .. } }) => entry.keep_after_failure(cause).ok(),
            Err(Verdict::Retry { cause, kind: RetryKind::Place }) => {
                self.refused(name, &entry, &cause);
                entry.known()
            }
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

    /// Notes a refusal. Returns when the description may be asked for again.
    fn refused(&self, name: &str, entry: &Entry, cause: &Cause) -> Instant {
        let mut refusal = entry.refusal.lock();
        let times = refusal.as_ref().map_or(0, |last| last.times);
        let wait = self.backoff.wait(times);
        let until = Instant::now() + wait;
        if times == 0 {
            tracing::warn!(
                event = "describe_refused",
                sobject = name,
                %cause,
                "an SObject's description is refused: what needs it waits until it is not, and all else goes on"
            );
        } else {
            tracing::debug!(sobject = name, %cause, times, ?wait, "the description is still refused");
        }
        *refusal = Some(Refusal { cause: cause.clone(), times: times.saturating_add(1), until });
        until
    }

    /// Asks how the org is, after a refusal that is not its own word. Under the permit of the refused call.
    async fn ask_witness(&self, refusal: &Cause) {
        if refusal.code.is_some() {
            return;
        }
        {
            let now = Instant::now();
            let mut witnessed = self.witnessed.lock();
            if witnessed.is_some_and(|at| now < at + WITNESS_INTERVAL) {
                return;
            }
            *witnessed = Some(now);
        }
        self.calls.probe().await;
    }

    fn learn(&self, entry: &Entry, sobject: SObject) -> Arc<SObject> {
        let sobject = Arc::new(sobject);
        *entry.refusal.lock() = None;
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

    /// The last refusal, until the description may be asked for again.
    fn standing_refusal(&self) -> Option<Refusal> {
        self.refusal.lock().clone().filter(|refusal| Instant::now() < refusal.until)
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
        *self.refusal.lock() = None;
        if let Some((sobject, at)) = &mut *self.known.write() {
            tracing::debug!(sobject = &*sobject.name, %cause, "not described any more");
            *at = now;
            return Ok(sobject.clone());
        }
        *self.undescribed.write() = Some((cause.clone(), now));
        Err(cause)
    }
}
