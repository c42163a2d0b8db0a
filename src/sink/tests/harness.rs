use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{SinkExt as _, channel::mpsc};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{self, OnRejection},
    dead_letter::{DeadLetter, Rejected},
    ops::{
        health::{Health, State},
        metrics::Metrics,
    },
    record::{BatchKey, BatchRow, Cause, Doubt, Field, Position, Record, Refresh, SObject, Verdict},
    runtime::{
        lease::{Lease, WritePermit},
        progress::Progress,
        stop::Stop,
    },
    sink::{
        CallPermit, LaneError, Org, Parts, Pipeline, Settings,
        budget::Budget,
        dead_letters::{DeadLetterError, DeadLetters},
        lane::{Drained, Lane},
        route::Route,
    },
};

/// One call as the org saw it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    /// The time since the start.
    pub(super) at: Duration,
    /// Identity and value of each row.
    pub(super) rows: Vec<String>,
}

type Script = dyn Fn(&[String], usize) -> (Duration, Vec<Verdict>) + Send + Sync;

/// An org that is always well, and whose answers are scripted: rows and the number of the call → how long it takes, and
/// a verdict for each row.
pub(super) struct ScriptedOrg {
    script: Box<Script>,
    start: Instant,
    calls: Mutex<Vec<Call>>,
    pub(super) is_out: AtomicBool,
    /// The number of calls that may be under way.
    permits: Arc<Semaphore>,
    /// Each permit is a probe's; and how many of these were not used for a call.
    pub(super) probing: AtomicBool,
    pub(super) unused: AtomicUsize,
    /// Whether the org has the field `New__c`.
    pub(super) has_new: AtomicBool,
    /// Whether the org describes nothing any more.
    pub(super) is_hidden: AtomicBool,
}

#[derive(Debug)]
pub(super) struct ScriptedPermit {
    is_probe: bool,
    _permit: OwnedSemaphorePermit,
}

impl CallPermit for ScriptedPermit {
    fn is_probe(&self) -> bool {
        self.is_probe
    }
}

impl ScriptedOrg {
    fn used(&self) {
        self.unused.fetch_sub(usize::from(self.probing.load(Ordering::Relaxed)), Ordering::Relaxed);
    }
}

impl Org for ScriptedOrg {
    type Permit = ScriptedPermit;

    async fn permit(&self) -> ScriptedPermit {
        let permit = self.permits.clone().acquire_owned().await.unwrap();
        let is_probe = self.probing.load(Ordering::Relaxed);
        self.unused.fetch_add(usize::from(is_probe), Ordering::Relaxed);
        ScriptedPermit { is_probe, _permit: permit }
    }

    async fn wait_for_outage(&self, patience: Duration) {
        if self.is_out.load(Ordering::Relaxed) {
            tokio::time::sleep(patience).await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    async fn wait_for_exhausted_quota(&self) -> Cause {
        std::future::pending().await
    }

    async fn write(&self, _: &BatchKey, rows: &[BatchRow<'_>], _: &WritePermit) -> Vec<Verdict> {
        self.used();
        let rows: Vec<_> = rows
            .iter()
            .map(|row| {
                let target = row.command.target.as_ref().map_or(String::new(), ToString::to_string);
                let fields: Vec<_> = row.command.fields.iter().map(|(_, value)| value.to_owned()).collect();
                format!("{}:{}", target.trim_start_matches("Ext__c="), fields.join(","))
            })
            .collect();
        let number = {
            let mut calls = self.calls.lock().unwrap();
            calls.push(Call { at: self.start.elapsed(), rows: rows.clone() });
            calls.len()
        };
        let (latency, verdicts) = (self.script)(&rows, number);
        tokio::time::sleep(latency).await;
        verdicts
    }

    async fn probe(&self) {
        self.used();
    }

    async fn describe(&self, _: &str, _: Refresh<'_>) -> Result<Arc<SObject>, Cause> {
        if self.is_hidden.load(Ordering::Relaxed) {
            return Err(Cause::new("hidden"));
        }
        let mut fields = vec![
            Field::sample("Ext__c", "string", true),
            Field::sample("V__c", "double", false),
            Field::sample("Parent__c", "reference", false),
        ];
        fields.extend(self.has_new.load(Ordering::Relaxed).then(|| Field::sample("New__c", "double", false)));
        Ok(Arc::new(SObject::new("Thing__c", fields)))
    }
}

/// A dead-letter topic that takes everything.
#[derive(Default, Clone)]
pub(super) struct Letters {
    taken: Arc<Mutex<Vec<DeadLetter>>>,
    /// Whether each letter takes a minute.
    pub(super) slow: Arc<AtomicBool>,
}

impl Letters {
    pub(super) fn count(&self) -> usize {
        self.taken.lock().unwrap().len()
    }
}

impl DeadLetters for Letters {
    async fn deliver(&self, rejected: Rejected<'_>) -> Result<(), DeadLetterError> {
        if self.slow.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
        self.taken.lock().unwrap().push(rejected.letter());
        Ok(())
    }
}

pub(super) struct Harness {
    pub(super) org: Arc<ScriptedOrg>,
    pub(super) pipeline: Arc<Pipeline<ScriptedOrg, Letters>>,
    pub(super) metrics: Metrics,
    pub(super) health: Health,
    pub(super) letters: Letters,
}

pub(super) struct RunningLane {
    pub(super) draining: CancellationToken,
    pub(super) progress: Arc<Progress>,
    pub(super) task: JoinHandle<Result<Drained, LaneError<std::convert::Infallible>>>,
    records: mpsc::Sender<Result<Record, std::convert::Infallible>>,
    next: i64,
}

pub(super) const HOLD: Duration = Duration::from_secs(30);
pub(super) const TIMEOUT: Duration = Duration::from_secs(120);
pub(super) const ROW_TIMEOUT: Duration = Duration::from_secs(60);
pub(super) const PARENT_WAIT: Duration = Duration::from_secs(300);

pub(super) fn settings() -> Settings {
    Settings {
        rows: 200,
        bytes: 1 << 20,
        linger: Duration::from_millis(10),
        retry: config::Retry {
            max_attempts: 3,
            initial_backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(8),
            row_timeout: ROW_TIMEOUT,
            missing_parent_wait: PARENT_WAIT,
        },
        unknown_hold: HOLD,
        timeout: TIMEOUT,
        insert_unknown: config::InsertUnknown::Retry,
        on_quota: config::OnQuota::Wait,
        parked: Duration::from_secs(60),
        calls: 4,
    }
}

impl Harness {
    pub(super) fn new(script: impl Fn(&[String], usize) -> (Duration, Vec<Verdict>) + Send + Sync + 'static) -> Self {
        Self::tuned(1000, |_| {}, script)
    }

    /// Builds a harness with a budget of `rows`, and settings that differ from the usual ones.
    pub(super) fn tuned(
        rows: usize,
        tune: impl FnOnce(&mut Settings),
        script: impl Fn(&[String], usize) -> (Duration, Vec<Verdict>) + Send + Sync + 'static,
    ) -> Self {
        let mut settings = settings();
        tune(&mut settings);
        let org = ScriptedOrg {
            script: Box::new(script),
            start: Instant::now(),
            calls: Mutex::default(),
            is_out: AtomicBool::default(),
            permits: Arc::new(Semaphore::new(settings.calls)),
            probing: AtomicBool::default(),
            unused: AtomicUsize::default(),
            has_new: AtomicBool::default(),
            is_hidden: AtomicBool::default(),
        };
        let (org, letters) = (Arc::new(org), Letters::default());
        let metrics = Metrics::new();
        let health = Health::new(metrics.clone());
        health.set(State::Running);
        let (budget, stop) = (Budget::new(rows, 1 << 24), Stop::default());
        let (pipeline, _) = Pipeline::start(Parts {
            org: org.clone(),
            dead_letters: Some(letters.clone()),
            on_rejection: OnRejection::Stop,
            name: "test".into(),
            budget,
            calls: settings,
            lease: Lease::for_ever(),
            health: health.clone(),
            metrics: metrics.clone(),
            stop,
        });
        Self { org, pipeline, metrics, health, letters }
    }

    pub(super) fn lane(&self) -> RunningLane {
        self.lane_of("t", 0)
    }

    /// Starts a lane of a route with this topic and breaker.
    pub(super) fn lane_of(&self, topic: &str, breaker: u32) -> RunningLane {
        let route: config::Route = toml::from_str(&format!(
            r#"
            topic = "{topic}"
            sobject = "Thing__c"
            operation = "upsert"
            external_id_field = "Ext__c"
            lock_parent = "Parent__c"
            breaker = {breaker}
            "#,
        ))
        .unwrap();
        let (draining, progress) = (CancellationToken::new(), Arc::new(Progress::new(0)));
        let route = Arc::new(Route::new(&route, 1 << 20, None).unwrap());
        let (records, source) = mpsc::channel(1000);
        let lane = Lane::new(self.pipeline.clone(), route, draining.clone(), progress.clone());
        let task = tokio::spawn(lane.run(source));
        RunningLane { draining, progress, task, records, next: 0 }
    }

    /// How many identities have a change under way.
    pub(super) fn identities(&self) -> i64 {
        self.metrics.identities().get()
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.org.calls.lock().unwrap().clone()
    }

    /// The rows of all calls, one after the other.
    pub(super) fn rows(&self) -> Vec<Vec<String>> {
        self.calls().into_iter().map(|call| call.rows).collect()
    }

    /// Offsets and exception classes of the dead letters.
    pub(super) fn dead(&self) -> Vec<(i64, String)> {
        self.letters("__connect.errors.exception.class.name")
    }

    /// Offsets of the dead letters, and what one of their headers says.
    pub(super) fn letters(&self, header: &str) -> Vec<(i64, String)> {
        let said = |letter: &DeadLetter| {
            let mut headers = letter.record.headers_named(header);
            headers
                .next()
                .and_then(|header| header.value.clone())
                .map(|value| String::from_utf8(value.to_vec()).unwrap())
        };
        let letters = self.letters.taken.lock().unwrap();
        letters.iter().map(|letter| (letter.record.position.offset, said(letter).unwrap_or_default())).collect()
    }
}

impl RunningLane {
    /// Sends a record that sets `V__c` to `value`.
    pub(super) async fn send(&mut self, key: &str, value: &str) {
        self.send_value(key, &format!("{{\"V__c\":{value}}}")).await;
    }

    /// A record that sets `Parent__c`, which it locks.
    pub(super) async fn child(&mut self, key: &str, parent: &str) {
        self.send_value(key, &format!("{{\"Parent__c\":\"{parent}\"}}")).await;
    }

    pub(super) async fn send_value(&mut self, key: &str, value: &str) {
        let record = Record {
            position: Position { topic: "t".into(), partition: 0, offset: self.next },
            timestamp: None,
            key: Some(Bytes::copy_from_slice(key.as_bytes())),
            value: Some(Bytes::copy_from_slice(value.as_bytes())),
            headers: Vec::new(),
            excess: None,
        };
        self.next += 1;
        self.records.send(Ok(record)).await.unwrap();
    }

    /// Waits, in paused time, until everything that was sent is settled.
    pub(super) async fn settled(&self) {
        self.reaches(self.next).await;
    }

    pub(super) async fn reaches(&self, offset: i64) {
        let reached = async {
            while self.progress.next_offset() < offset {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(3600), reached).await.expect("the offset is reached within an hour");
    }
}

pub(super) fn written(rows: &[String]) -> Vec<Verdict> {
    rows.iter().map(|_| Verdict::Written { id: None, created: true }).collect()
}

/// Gives `verdict` to the rows of which `guilty` says so; the others are written.
pub(super) fn verdicts(rows: &[String], guilty: impl Fn(&str) -> bool, verdict: impl Fn() -> Verdict) -> Vec<Verdict> {
    let one = |row: &String| if guilty(row) { verdict() } else { Verdict::Written { id: None, created: true } };
    rows.iter().map(one).collect()
}

/// An attempt that ends now, and whose result is not known.
pub(super) fn unknown(doubt: Doubt) -> Verdict {
    Verdict::Unknown { cause: Cause::new("cut"), ended: Instant::now().into_std(), doubt }
}
