//! Two routes, one of which has trouble of its own: the other one goes on as if it were alone. Time is virtual, so that
//! rows a second are exact.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::harness::{Letters, settings};
use crate::{
    config::{self, OnRejection},
    ops::{
        health::{Health, State},
        metrics::Metrics,
    },
    record::{
        BatchKey, BatchRow, Cause, ConnectStage, Field, Position, Reason, Record, Refresh, Rejection, RetryKind,
        SObject, Verdict,
    },
    runtime::{
        lease::{Lease, WritePermit},
        progress::Progress,
        stop::Stop,
    },
    sink::{CallPermit, Org, Parts, Pipeline, budget::Budget, lane::Lane, route::Route},
};

const CALLS: usize = 20;
const ROWS: usize = 20;
const QUICK: Duration = Duration::from_millis(200);
const SECOND: Duration = Duration::from_secs(1);

/// The trouble of an SObject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// All calls are refused.
    Refused,
    /// Each call takes a minute.
    Slow,
    Parked,
    Storage,
    Rejected,
    /// The record of the key `hot` is locked.
    Locked,
    /// Calls with the record of the key `hot` are refused.
    Disliked,
    /// No parent is there.
    NoParent,
}

/// An org that is well, but for the SObjects that have trouble.
struct TroubledOrg {
    start: Instant,
    permits: Arc<Semaphore>,
    /// The trouble of SObjects, and when it begins.
    troubles: Mutex<HashMap<String, (Trouble, Duration)>>,
    /// The times of written rows, in whole seconds, by SObject.
    written: Mutex<HashMap<(String, u64), usize>>,
    /// The calls that were refused, with their times.
    refused: Mutex<Vec<Duration>>,
    calls: AtomicUsize,
    probes: AtomicUsize,
    describes: AtomicUsize,
}

struct Permit(#[expect(dead_code, reason = "it is given back when it is dropped")] OwnedSemaphorePermit);

impl CallPermit for Permit {
    fn is_probe(&self) -> bool {
        false
    }
}

impl TroubledOrg {
    fn trouble(&self, sobject: &str) -> Option<Trouble> {
        let troubles = self.troubles.lock();
        troubles.get(sobject).filter(|(_, from)| self.start.elapsed() >= *from).map(|(trouble, _)| *trouble)
    }
}

impl Org for TroubledOrg {
    type Permit = Permit;

    async fn permit(&self) -> Permit {
        Permit(self.permits.clone().acquire_owned().await.unwrap())
    }

    async fn wait_for_outage(&self, _: Duration) {
        std::future::pending::<()>().await;
    }

    async fn wait_for_exhausted_quota(&self) -> Cause {
        std::future::pending().await
    }

    async fn write(&self, key: &BatchKey, rows: &[BatchRow<'_>], _: &WritePermit) -> Vec<Verdict> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let trouble = self.trouble(&key.sobject);
        tokio::time::sleep(if trouble == Some(Trouble::Slow) { 60 * SECOND } else { QUICK }).await;
        if trouble == Some(Trouble::Refused) {
            self.refused.lock().push(self.start.elapsed());
        }
        let retry = |kind| Verdict::retry(kind, Cause::new("no"));
        let is_hot =
            |row: &BatchRow<'_>| row.command.target.as_ref().is_some_and(|target| target.to_string().ends_with("=hot"));
        let has_hot = rows.iter().any(is_hot);
        let verdict = |row: &BatchRow<'_>| match trouble {
            Some(Trouble::Disliked) if has_hot => retry(RetryKind::Place),
            Some(Trouble::Refused) => retry(RetryKind::Place),
            Some(Trouble::Parked) => retry(RetryKind::Parked),
            Some(Trouble::Storage) => retry(RetryKind::Storage),
            Some(Trouble::NoParent) => retry(RetryKind::Parent),
            Some(Trouble::Rejected) => {
                let cause = Cause { code: Some("RULE".into()), ..Cause::new("no") };
                Verdict::Rejected(Rejection { reason: Reason::Refused, stage: ConnectStage::Put, cause })
            }
            Some(Trouble::Locked) if is_hot(row) => retry(RetryKind::Backoff),
            Some(Trouble::Locked | Trouble::Slow | Trouble::Disliked) | None => {
                Verdict::Written { id: None, created: true }
            }
        };
        let verdicts: Vec<_> = rows.iter().map(verdict).collect();
        let written = verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Written { .. })).count();
        *self.written.lock().entry((key.sobject.to_string(), self.start.elapsed().as_secs())).or_default() += written;
        verdicts
    }

    async fn probe(&self) {
        self.probes.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(QUICK).await;
    }

    async fn describe(&self, name: &str, _: Refresh<'_>) -> Result<Arc<SObject>, Cause> {
        self.describes.fetch_add(1, Ordering::Relaxed);
        let fields = [Field::sample("Ext__c", "string", true), Field::sample("V__c", "double", false)];
        Ok(Arc::new(SObject::new(name, fields)))
    }
}

struct Running {
    org: Arc<TroubledOrg>,
    pipeline: Arc<Pipeline<TroubledOrg, Letters>>,
    health: Health,
    metrics: Metrics,
    letters: Letters,
    lanes: Vec<(CancellationToken, JoinHandle<()>)>,
}

impl Running {
    fn new() -> Self {
        Self::with_budget(2 * CALLS * ROWS)
    }

    fn with_budget(rows: usize) -> Self {
        let org = Arc::new(TroubledOrg {
            start: Instant::now(),
            permits: Arc::new(Semaphore::new(CALLS)),
            troubles: Mutex::default(),
            written: Mutex::default(),
            refused: Mutex::default(),
            calls: AtomicUsize::default(),
            probes: AtomicUsize::default(),
            describes: AtomicUsize::default(),
        });
        let (metrics, letters) = (Metrics::new(), Letters::default());
        let health = Health::new(metrics.clone());
        health.set(State::Running);
        let (pipeline, _) = Pipeline::start(Parts {
            org: org.clone(),
            dead_letters: Some(letters.clone()),
            on_rejection: OnRejection::Stop,
            name: "test".into(),
            budget: Budget::new(rows, 1 << 24),
            calls: crate::sink::Settings { rows: ROWS, calls: CALLS, ..settings() },
            lease: Lease::for_ever(),
            health: health.clone(),
            metrics: metrics.clone(),
            stop: Stop::default(),
        });
        Self { org, pipeline, health, metrics, letters, lanes: Vec::new() }
    }

    fn troubles(&self, sobject: &str, trouble: Trouble, from: Duration) {
        self.org.troubles.lock().insert(sobject.to_owned(), (trouble, from));
    }

    /// Starts a lane that reads these records into the SObject.
    fn lane(&mut self, sobject: &str, breaker: u32, source: impl Stream<Item = Record> + Send + 'static) {
        let route: config::Route = toml::from_str(&format!(
            "topic = \"{sobject}\"\nsobject = \"{sobject}\"\noperation = \"upsert\"\nexternal_id_field = \"Ext__c\"\nbreaker = {breaker}",
        ))
        .unwrap();
        let route = Arc::new(Route::new(&route, 1 << 20, None).unwrap());
        let draining = CancellationToken::new();
        let lane = Lane::new(self.pipeline.clone(), route, draining.clone(), Arc::new(Progress::new(0)));
        let source = source.map(Ok::<_, std::convert::Infallible>).chain(futures::stream::pending());
        let task = tokio::spawn(async move {
            lane.run(Box::pin(source)).await.unwrap();
        });
        self.lanes.push((draining, task));
    }

    /// The rows of the SObject that were written in these seconds.
    fn written(&self, sobject: &str, seconds: std::ops::Range<u64>) -> usize {
        let written = self.org.written.lock();
        seconds.filter_map(|second| written.get(&(sobject.to_owned(), second))).sum()
    }

    async fn until(&self, second: u64) {
        tokio::time::sleep_until(self.org.start + Duration::from_secs(second)).await;
    }
}

/// Records of this many keys, one after the other, without an end.
fn records(keys: Option<usize>) -> impl Stream<Item = Record> + Send {
    let key = move |number: usize| keys.map_or(number, |keys| number % keys);
    futures::stream::iter((0_usize..).map(move |number| record(&format!("k{}", key(number)), number)))
}

fn record(key: &str, offset: usize) -> Record {
    Record {
        position: Position { topic: "t".into(), partition: 0, offset: i64::try_from(offset).unwrap() },
        timestamp: None,
        key: Some(Bytes::copy_from_slice(key.as_bytes())),
        value: Some(Bytes::from_static(b"{\"V__c\":1}")),
        headers: Vec::new(),
        excess: None,
    }
}

/// The rows of `Good__c` that are written in seconds 20 to 45, while `Bad__c` has this trouble.
async fn good_beside(trouble: Option<(Trouble, u64)>) -> usize {
    let mut running = Running::new();
    if let Some((trouble, from)) = trouble {
        running.troubles("Bad__c", trouble, Duration::from_secs(from));
        let breaker = if trouble == Trouble::Rejected { 3 } else { 0 };
        match trouble {
            Trouble::Locked => {
                let hot = futures::stream::iter((0..10_000).map(|offset| record("hot", offset)));
                running.lane("Bad__c", breaker, hot);
            }
            _ => running.lane("Bad__c", breaker, records(None)),
        }
    }
    running.lane("Good__c", 0, records(None));
    running.until(45).await;
    running.written("Good__c", 20..45)
}

#[tokio::test(start_paused = true)]
async fn a_route_keeps_its_rate_beside_one_with_trouble() {
    let alone = good_beside(None).await;
    assert!(alone > 49_000, "{alone}");
    for trouble in [
        (Trouble::Refused, 10),
        (Trouble::Slow, 0),
        (Trouble::Parked, 10),
        (Trouble::Storage, 10),
        (Trouble::Rejected, 10),
        (Trouble::Locked, 0),
    ] {
        let beside = good_beside(Some(trouble)).await;
        assert!(beside * 100 >= alone * 95, "{trouble:?}: {beside} rows, and {alone} alone");
    }
}

/// Of 500 places 499 are refused, and later given back.
#[tokio::test(start_paused = true)]
async fn hundreds_of_refused_places_are_probed_slowly_and_healed_at_once() {
    const PLACES: usize = 500;
    let mut running = Running::with_budget(4 * PLACES);
    for place in 1..PLACES {
        running.troubles(&format!("Bad{place}__c"), Trouble::Refused, Duration::ZERO);
        let name = format!("Bad{place}__c");
        running.lane(&name, 0, futures::stream::iter((0..3).map(|offset| record(&format!("k{offset}"), offset))));
    }
    running.lane("Good__c", 0, records(None));
    running.until(300).await;
    let snapshot = running.health.snapshot();
    assert_eq!((snapshot.closed.len(), snapshot.state), (PLACES - 1, State::Running), "the rest goes on");
    let refused = running.org.refused.lock().clone();
    assert!(refused.len() <= PLACES - 1 + 30, "{} calls are refused in five minutes", refused.len());
    // The first ones may begin before many are closed.
    let probes: Vec<_> = refused[PLACES + 3..].to_vec();
    let is_spaced = |pair: &[Duration]| pair[1].saturating_sub(pair[0]) >= Duration::from_millis(9_900);
    assert!(!probes.is_empty() && probes.windows(2).all(is_spaced), "{probes:?}");
    let good = running.written("Good__c", 100..300);
    assert!(good >= 200 * 2_000 * 95 / 100, "{good}");
    // All is given back.
    running.org.troubles.lock().clear();
    let calls_before = running.org.calls.load(Ordering::Relaxed);
    let good_before: usize = running.written("Good__c", 0..10_000);
    let healed = async {
        while !running.health.snapshot().closed.is_empty() {
            tokio::time::sleep(QUICK).await;
        }
    };
    tokio::time::timeout(600 * SECOND, healed).await.expect("all places are open again");
    tokio::time::sleep(SECOND).await;
    let good_calls = (running.written("Good__c", 0..10_000) - good_before).div_ceil(ROWS);
    let calls = running.org.calls.load(Ordering::Relaxed) - calls_before - good_calls;
    assert!(calls <= 2 * PLACES, "{calls} calls: a probe each, and then the rest");
    for place in 1..PLACES {
        assert_eq!(running.written(&format!("Bad{place}__c"), 0..10_000), 3, "{place}");
    }
    assert!(!running.metrics.render().contains("sobjectd_closed{"), "no place is shown as closed");
}

/// Nothing else goes on: the org is asked whether it is well, at most every ten seconds.
#[tokio::test(start_paused = true)]
async fn a_refusal_that_no_other_call_explains_asks_the_org_itself() {
    let mut running = Running::new();
    running.troubles("Bad__c", Trouble::Refused, Duration::ZERO);
    running.lane("Bad__c", 0, records(None));
    running.until(61).await;
    let probes = running.org.probes.load(Ordering::Relaxed);
    assert!((3..=7).contains(&probes), "{probes}");
    let snapshot = running.health.snapshot();
    assert_eq!(snapshot.state, State::Waiting, "nothing goes on: {snapshot:?}");
    assert_eq!(snapshot.closed[0].what, "upsert Bad__c by Ext__c");
    assert!(running.org.describes.load(Ordering::Relaxed) > 1, "its description is asked for again");
    assert_eq!(running.letters.count(), 0);
}

/// A proxy dislikes one record, and takes all others of its place.
#[tokio::test(start_paused = true)]
async fn a_record_that_is_refused_for_its_content_costs_one_dead_letter() {
    let mut running = Running::new();
    running.troubles("Bad__c", Trouble::Disliked, Duration::ZERO);
    let mut keys: Vec<_> = (0..100).map(|number| format!("k{number}")).collect();
    keys[33] = "hot".to_owned();
    let bad = keys.into_iter().enumerate().map(|(offset, key)| record(&key, offset));
    let later = futures::stream::iter(100..200).then(|offset| async move {
        tokio::time::sleep(2 * SECOND).await;
        record(&format!("k{offset}"), offset)
    });
    running.lane("Bad__c", 0, futures::stream::iter(bad).chain(later));
    running.until(600).await;
    assert_eq!((running.written("Bad__c", 0..600), running.letters.count()), (199, 1));
    assert!(running.health.snapshot().closed.is_empty());
    let calls = running.org.calls.load(Ordering::Relaxed);
    assert!(calls <= 100 + 40, "{calls}: a call for each later record, and those that find the bad one");
}

/// A hundred rows whose parent does not come share their attempts.
#[tokio::test(start_paused = true)]
async fn rows_that_wait_for_a_parent_go_in_rounds() {
    let mut running = Running::new();
    running.troubles("Bad__c", Trouble::NoParent, Duration::ZERO);
    running.lane("Bad__c", 0, futures::stream::iter((0..100).map(|offset| record(&format!("k{offset}"), offset))));
    running.until(60).await;
    let calls = running.org.calls.load(Ordering::Relaxed);
    // Five full calls a round; the rounds are 1, 2, 4, 8 seconds apart, less up to a half.
    assert!((30..=90).contains(&calls), "{calls} calls for 100 rows in a minute");
}

#[tokio::test(start_paused = true)]
async fn storage_that_is_full_stops_creates_and_not_updates() {
    let mut running = Running::new();
    running.troubles("Bad__c", Trouble::Storage, Duration::ZERO);
    running.lane("Bad__c", 0, records(None));
    running.until(300).await;
    let calls = running.org.calls.load(Ordering::Relaxed);
    assert!(calls <= 90, "{calls}: what was in flight once, and a few probes");
    let snapshot = running.health.snapshot();
    assert_eq!(snapshot.closed.len(), 1);
    assert_eq!(snapshot.closed[0].what, "new records");
    running.org.troubles.lock().clear();
    running.until(700).await;
    assert!(running.written("Bad__c", 300..700) > 10_000, "it goes on by itself");
    assert!(running.health.snapshot().closed.is_empty());
}
