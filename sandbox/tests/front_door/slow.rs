//! An org that takes its time for each row, and goes on when its caller has gone.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{Client, collection};

#[tokio::test]
async fn a_write_takes_its_time_for_each_row() {
    let client = Client::with(serde_json::from_value(json!({"latency_ms_per_row": 20})).unwrap()).await;
    let rows: Vec<_> = (0..10).map(|n| json!({"ExternalId__c": format!("k{n}")})).collect();
    let started = Instant::now();
    client.upsert("ExternalId__c", &rows).await;
    assert!(started.elapsed() >= Duration::from_millis(200), "{:?}", started.elapsed());
    let ids: Vec<_> = client.org.records("MyObject__c").iter().map(|record| record.id.to_string()).collect();
    let started = Instant::now();
    client.call("DELETE", &format!("composite/sobjects?ids={}", ids.join(",")), None).await;
    assert!(started.elapsed() >= Duration::from_millis(200), "{:?}", started.elapsed());
    // Reads have no rows to save.
    let started = Instant::now();
    client.query("SELECT Id FROM MyObject__c").await;
    assert!(started.elapsed() < Duration::from_millis(150), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_call_that_its_caller_abandons_is_applied_and_its_repeat_shows_as_a_double() {
    let client = Client::with(serde_json::from_value(json!({"latency_ms_per_row": 100})).unwrap()).await;
    let rows: Vec<_> = (0..3).map(|n| json!({"Text__c": format!("t{n}")})).collect();
    let body = collection(false, "MyObject__c", &rows).to_string();
    let url = format!("{}/services/data/v66.0/composite/sobjects", client.org.url());
    for _ in 0..2 {
        let request = client.http.post(&url).bearer_auth(&client.token).header("content-type", "application/json");
        let sent = request.body(body.clone()).timeout(Duration::from_millis(50)).send().await;
        assert!(sent.unwrap_err().is_timeout());
        assert!(client.org.journal().is_empty(), "not before its time");
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    while client.org.journal().len() < 6 {
        assert!(Instant::now() < deadline, "{:?}", client.org.journal());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (status, counts) = client.call("GET", "/sandbox/creates/MyObject__c?by=Text__c", None).await;
    assert_eq!((status, counts.as_str()), (200, r#"{"t0":2,"t1":2,"t2":2}"#));
    assert_eq!(client.org.creates_by("MyObject__c", "text__C")["t1"], 2);
}
