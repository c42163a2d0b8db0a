//! An org that is slow: its triggers and flows need longer for 200 rows than a call waits, and it works on after the
//! caller has gone. Times are a sixtieth of real ones: a second a row, and two minutes for a call.

use std::collections::BTreeMap;

use serde_json::json;

use super::started;
use crate::harness::{Metrics, TestBed, until};

async fn slow_org(name: &str) -> TestBed {
    let mut bed = TestBed::new(name).await;
    bed.config.set("salesforce.request_timeout", "'2s'").set("salesforce.unknown_hold", "'500ms'");
    bed.org.change_settings(json!({"latency_ms_per_row": 17})).unwrap();
    bed
}

fn timeouts(metrics: &Metrics, kind: &str) -> u64 {
    metrics.sum("sobjectd_calls_total", &[("kind", kind), ("status", "unanswered")])
}

#[tokio::test(flavor = "multi_thread")]
async fn upserts_into_a_slow_org_time_out_four_times_and_then_no_more() {
    let bed = slow_org("slow-upserts").await;
    let daemon = started(&bed, 1_000).await;
    daemon.event("calls_time_out").with("operation", "upsert").await;
    let told = async || {
        let (code, body) = daemon.page("/ready").await?;
        (code == 503 && body.contains("take longer than salesforce.request_timeout")).then_some(())
    };
    until("the state to tell of it", told).await;
    let metrics = daemon.settled(1_000).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (1_000, 0));
    let found = timeouts(&metrics, "upsert");
    assert!((1..=4).contains(&found), "{found} time-outs");
    daemon.ready().await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_plain_insert_is_three_times_in_a_slow_org() {
    let mut bed = slow_org("slow-inserts").await;
    bed.native();
    bed.config.in_route("operation", "'insert'");
    let daemon = started(&bed, 600).await;
    let metrics = daemon.settled(600).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (600, 0));
    assert!(timeouts(&metrics, "create") <= 4, "{} time-outs", timeouts(&metrics, "create"));
    daemon.stop().await;
    let mut made = BTreeMap::<String, usize>::new();
    for change in bed.org.journal() {
        *made.entry(change.fields.unwrap().get().to_owned()).or_default() += 1;
    }
    assert_eq!(made.len(), 600);
    assert!(made.values().all(|times| *times <= 2), "{:?}", made.values().max());
}
