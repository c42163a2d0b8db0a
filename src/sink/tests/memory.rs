//! What a record takes of the heap between its source and the org.

use std::{convert::Infallible, future::pending, sync::Arc, time::Duration};

use bytes::Bytes;
use bytestring::ByteString;
use futures::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::harness::{Letters, settings};
use crate::{
    config::OnRejection,
    ops::{health::Health, metrics::Metrics},
    record::{BatchKey, BatchRow, Cause, Field, Fields, Position, Record, Refresh, SObject, Verdict},
    runtime::{
        lease::{Lease, WritePermit},
        progress::Progress,
        stop::Stop,
    },
    sink::{CallPermit, Org, Parts, Pipeline, budget::Budget, lane::Lane, route::Route},
};

const FIELDS: [(&str, &str); 8] = [
    ("Key__c", "string"),
    ("FirstName__c", "string"),
    ("LastName__c", "string"),
    ("Email__c", "email"),
    ("Phone__c", "phone"),
    ("Amount__c", "double"),
    ("Active__c", "boolean"),
    ("Note__c", "textarea"),
];

/// An org that grants no call.
struct BusyOrg;

struct NoPermit;

impl CallPermit for NoPermit {
    fn is_probe(&self) -> bool {
        false
    }
}

impl Org for BusyOrg {
    type Permit = NoPermit;

    async fn permit(&self) -> NoPermit {
        pending().await
    }

    async fn wait_for_outage(&self, _: Duration) {
        pending::<()>().await;
    }

    async fn wait_for_exhausted_quota(&self) -> Cause {
        pending().await
    }

    async fn write(&self, _: &BatchKey, _: &[BatchRow<'_>], _: &WritePermit) -> Vec<Verdict> {
        pending().await
    }

    async fn probe(&self) {}

    async fn describe(&self, _: &str, _: Refresh<'_>) -> Result<Arc<SObject>, Cause> {
        let fields = FIELDS.map(|(name, kind)| Field::sample(name, kind, name == "Key__c"));
        Ok(Arc::new(SObject::new("Person__c", fields)))
    }
}

/// 200 bytes of JSON with seven members, each record of another identity.
fn record(offset: usize) -> Record {
    let value = format!(
        r#"{{"FirstName__c":"Ada","LastName__c":"Lovelace","Email__c":"ada{offset:08}@example.com","Phone__c":"+44 20 7946 0018","Amount__c":{offset:04}.25,"Active__c":true,"Note__c":"as the first of all programmers"}}"#
    );
    Record {
        position: Position { topic: "contacts".into(), partition: 0, offset: i64::try_from(offset).unwrap() },
        timestamp: None,
        key: Some(Bytes::copy_from_slice(format!("key-{offset:08}").as_bytes())),
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: Vec::new(),
        excess: None,
    }
}

/// Bytes on the heap while the given number of records is in flight.
fn heap_of(records: usize) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    // What is in flight stays there until the runtime is dropped.
    let measured = allocation_counter::measure(|| runtime.block_on(hold(records)));
    u64::try_from(measured.bytes_current).unwrap()
}

/// Starts a lane with these records, and waits until all are in flight.
async fn hold(records: usize) {
    let metrics = Metrics::new();
    let lease = Lease::new(Duration::MAX);
    lease.renew(tokio::time::Instant::now());
    let (pipeline, _scheduler) = Pipeline::start(Parts {
        org: Arc::new(BusyOrg),
        dead_letters: Some(Letters::default()),
        on_rejection: OnRejection::Stop,
        name: "memory".into(),
        budget: Budget::new(records, usize::MAX),
        calls: settings(),
        lease,
        health: Health::new(metrics.clone()),
        metrics: metrics.clone(),
        stop: Stop::default(),
    });
    let text = "topic = 'contacts'\nsobject = 'Person__c'\noperation = 'upsert'\nexternal_id_field = 'Key__c'";
    let route = Arc::new(Route::new(&toml::from_str(text).unwrap(), 4 << 20, None).unwrap());
    let lane = Lane::new(pipeline, route, CancellationToken::new(), Arc::new(Progress::new(0)));
    let source = stream::iter(0..records).map(record).map(Ok::<_, Infallible>).chain(stream::pending());
    let _lane = tokio::spawn(lane.run(source));
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[test]
fn a_record_in_flight_takes_at_most_its_own_bytes_and_768_more() {
    let [few, many] = [2_000, 10_000].map(heap_of);
    let (own, taken) = (record(0).whole_bytes() as u64, (many - few) / 8_000);
    assert!(taken <= own + 768, "{taken} bytes for a record of {own}");
    // The budget charges what a record takes, and no more than a quarter beyond: the allocator takes some of that.
    let fields = Fields::new(ByteString::new(), FIELDS.len() - 1);
    let charged = (record(0).charge() + fields.charge()) as u64;
    assert!((taken..taken + taken / 4).contains(&charged), "{charged} bytes are charged for {taken}");
}
