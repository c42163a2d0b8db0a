//! What a record costs between its partition's stream and its verdict: decode, route, order, batch and settle, without
//! Kafka's client and HTTP's. `script/bench rows` shows time and allocations; `script/instructions` counts instructions,
//! which do not depend on the machine's load. docs/performance.md has the figures.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use divan::{AllocProfiler, Bencher, counter::ItemsCount};
use futures::stream;
use sobjectd::{
    config::{InsertUnknown, OnQuota, OnRejection, Retry},
    dead_letter::Rejected,
    ops::{health::Health, metrics::Metrics},
    record::{BatchKey, BatchRow, Cause, Field, Position, Record, Refresh, SObject, Verdict},
    runtime::{
        lease::{Lease, WritePermit},
        progress::Progress,
        stop::Stop,
    },
    sink::{
        CallPermit, Org, Parts, Pipeline, Settings,
        budget::Budget,
        dead_letters::{DeadLetterError, DeadLetters},
        lane::Lane,
        route::Route,
    },
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

/// Runs the benchmarks. With `ROWS` in the environment it runs that number of records once, for a tool that counts
/// instructions.
fn main() {
    match std::env::var("ROWS").ok().and_then(|rows| rows.parse().ok()) {
        Some(rows) => run(&records(rows)),
        None => divan::main(),
    }
}

#[divan::bench(args = [20_000], sample_count = 10)]
fn upserts(bencher: Bencher<'_, '_>, rows: usize) {
    bencher.counter(ItemsCount::new(rows)).with_inputs(|| records(rows)).bench_local_values(|records| run(&records));
}

/// 200 bytes of JSON with seven members, each of another record.
fn records(count: usize) -> Vec<Record> {
    let record = |at: usize| {
        let value = format!(
            r#"{{"FirstName__c":"Ada","LastName__c":"Lovelace","Email__c":"ada{at:08}@example.com","Phone__c":"+44 20 7946 0018","Amount__c":{at}.25,"Active__c":true,"Note__c":"as the first of all programmers"}}"#
        );
        Record {
            position: Position {
                topic: "contacts".into(),
                partition: 0,
                offset: i64::try_from(at).unwrap_or(i64::MAX),
            },
            timestamp: None,
            key: Some(Bytes::from(format!("key-{at:08}"))),
            value: Some(Bytes::from(value)),
            headers: Vec::new(),
            excess: None,
        }
    };
    (0..count).map(record).collect()
}

/// Runs in virtual time, so that a timer costs no more on a slow machine.
fn run(records: &[Record]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime").block_on(write(records));
}

async fn write(records: &[Record]) {
    let org = Arc::new(WillingOrg { rows: AtomicUsize::new(0), permits: Arc::new(Semaphore::new(4)) });
    let metrics = Metrics::new();
    let lease = Lease::new(Duration::MAX);
    lease.renew(tokio::time::Instant::now());
    let (pipeline, batching) = Pipeline::start(Parts {
        org: org.clone(),
        dead_letters: Some(NoLetters),
        on_rejection: OnRejection::Stop,
        name: "bench".into(),
        budget: Budget::new(2_000, 16 << 20),
        calls: Settings {
            rows: 200,
            bytes: 1 << 20,
            linger: Duration::from_millis(10),
            retry: Retry::default(),
            unknown_hold: Duration::from_secs(30),
            timeout: Duration::from_secs(120),
            insert_unknown: InsertUnknown::Retry,
            on_quota: OnQuota::Wait,
            parked: Duration::from_secs(60),
            calls: 4,
        },
        lease,
        health: Health::new(metrics.clone()),
        metrics,
        stop: Stop::default(),
    });
    let (draining, progress) = (CancellationToken::new(), Arc::new(Progress::new(0)));
    let lane = Lane::new(pipeline.clone(), route(), draining.clone(), progress.clone());
    let endless = stream::StreamExt::chain(
        stream::iter(records.iter().cloned().map(Ok::<_, std::convert::Infallible>).collect::<Vec<_>>()),
        stream::pending(),
    );
    let lane = tokio::spawn(lane.run(endless));
    let end = i64::try_from(records.len()).unwrap_or(i64::MAX);
    while progress.next_offset() < end {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    draining.cancel();
    let drained = lane.await.expect("the lane does not panic");
    assert!(drained.is_ok(), "the lane drains: {drained:?}");
    drop(pipeline);
    batching.await.expect("the scheduler does not panic");
    assert_eq!(org.rows.load(Ordering::Relaxed), records.len(), "each record is one row");
}

fn route() -> Arc<Route> {
    let text = "topic = 'contacts'\nsobject = 'Person__c'\noperation = 'upsert'\nexternal_id_field = 'Key__c'";
    let route = toml::from_str(text).expect("the route is valid");
    Arc::new(Route::new(&route, 4 << 20, None).expect("JSON needs no registry"))
}

/// Takes each row at once.
struct WillingOrg {
    rows: AtomicUsize,
    permits: Arc<Semaphore>,
}

/// One of a limited number.
struct Permit(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit);

impl CallPermit for Permit {
    fn is_probe(&self) -> bool {
        false
    }
}

impl Org for WillingOrg {
    type Permit = Permit;

    async fn permit(&self) -> Permit {
        Permit(self.permits.clone().acquire_owned().await.expect("never closed"))
    }

    async fn wait_for_outage(&self, _: Duration) {
        pending::<()>().await;
    }

    async fn wait_for_exhausted_quota(&self) -> Cause {
        pending().await
    }

    async fn write(&self, _: &BatchKey, rows: &[BatchRow<'_>], _: &WritePermit) -> Vec<Verdict> {
        self.rows.fetch_add(rows.len(), Ordering::Relaxed);
        // A call takes some time, so that the next one can fill.
        tokio::time::sleep(Duration::from_millis(1)).await;
        rows.iter().map(|_| Verdict::Written { id: None, created: true }).collect()
    }

    async fn probe(&self) {}

    async fn describe(&self, _: &str, _: Refresh<'_>) -> Result<Arc<SObject>, Cause> {
        let mut fields =
            vec![Field { external_id: true, id_lookup: true, unique: true, ..Field::writable("Key__c", "string") }];
        for name in ["FirstName__c", "LastName__c", "Email__c", "Phone__c", "Note__c"] {
            fields.push(Field::writable(name, "string"));
        }
        fields.extend([Field::writable("Amount__c", "double"), Field::writable("Active__c", "boolean")]);
        Ok(Arc::new(SObject::new("Person__c", fields)))
    }
}

/// Nothing is rejected here.
struct NoLetters;

impl DeadLetters for NoLetters {
    async fn deliver(&self, rejected: Rejected<'_>) -> Result<(), DeadLetterError> {
        panic!("a record of the benchmark is rejected: {:?}", rejected.rejection)
    }
}
