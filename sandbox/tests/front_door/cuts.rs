//! Calls whose outcome their caller does not learn, or learns late.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Client, collection};

const PATH: &str = "composite/sobjects/MyObject__c/ExternalId__c";

fn row(key: &str) -> Value {
    collection(false, "MyObject__c", &[json!({"ExternalId__c": key})])
}

/// The body, if there was an answer to its end.
async fn attempt(client: &Client, key: &str) -> Option<String> {
    let body = row(key).to_string();
    let request = client.http.patch(format!("{}/services/data/v66.0/{PATH}", client.org.url()));
    let request = request.bearer_auth(&client.token).header("content-type", "application/json").body(body);
    request.timeout(Duration::from_millis(500)).send().await.ok()?.text().await.ok()
}

/// Waits for a condition that is bound to come.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "waited for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_connection_is_cut_before_after_and_within_an_answer() {
    let client = Client::start().await;
    for (when, applied) in [("before", 0), ("after", 1), ("mid_answer", 2)] {
        client.script(json!({"on": "upsert", "do": {"kind": "cut", "when": when}}));
        let started = Instant::now();
        assert_eq!(attempt(&client, when).await, None, "{when}");
        assert!(started.elapsed() < Duration::from_millis(400), "{when}: a cut, not a time-out");
        assert_eq!(client.org.journal().len(), applied, "{when}");
    }
    assert!(attempt(&client, "z").await.is_some());
    // Half of an answer means that its head and a part of its body are there.
    client.script(json!({"on": "upsert", "do": {"kind": "cut", "when": "mid_answer"}}));
    let mut response = client.send("PATCH".parse().unwrap(), PATH, Some(&row("y").to_string())).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.chunk().await.unwrap().is_some());
    assert!(response.chunk().await.is_err());
}

#[tokio::test]
async fn a_call_hangs_until_the_script_is_cleared() {
    let client = Client::start().await;
    client.script(json!({"on": "upsert", "times": 3, "do": {"kind": "hang", "apply": true}}));
    assert_eq!(attempt(&client, "gone").await, None);
    assert_eq!(client.org.journal().len(), 1);
    until("the call whose caller has gone to end", || client.org.calls().concurrent == 0).await;
    let (answer, ()) = tokio::join!(attempt(&client, "a"), async {
        until("the call to hang", || client.org.calls().concurrent == 1).await;
        client.org.clear_faults();
    });
    assert!(answer.unwrap().contains(r#""success":true"#));

    client.script(json!({"on": "upsert", "do": {"kind": "hang"}}));
    let (answer, ()) = tokio::join!(attempt(&client, "b"), async {
        until("the call to hang", || client.org.calls().concurrent == 1).await;
        client.org.clear_faults();
    });
    assert_eq!(answer, None);
    assert_eq!(client.org.records("MyObject__c").len(), 2);
}

#[tokio::test]
async fn a_call_is_applied_after_its_caller_has_gone() {
    let client = Client::start().await;
    client.script(json!({"on": "upsert", "do": {"kind": "apply_later", "ms": 300, "answer": "cut"}}));
    assert_eq!(attempt(&client, "late").await, None);
    assert!(attempt(&client, "newer").await.is_some());
    assert_eq!(client.org.journal().len(), 1);
    until("the late call", || client.org.journal().len() == 2).await;
    let keys: Vec<_> = client.org.journal().iter().map(|change| change.keys["ExternalId__c"].clone()).collect();
    assert_eq!(keys.iter().map(|key| key.as_text().unwrap()).collect::<Vec<_>>(), ["newer", "late"]);
}

#[tokio::test]
async fn a_slow_call_is_applied_after_its_caller_has_gone() {
    let client = Client::start().await;
    client.script(json!({"on": "upsert", "do": {"kind": "latency", "ms": 700}}));
    assert_eq!(attempt(&client, "slow").await, None);
    assert!(client.org.journal().is_empty());
    until("the slow call", || client.org.journal().len() == 1).await;
    client.org.change_settings(json!({"latency_ms": 100})).unwrap();
    let started = Instant::now();
    assert!(attempt(&client, "b").await.is_some());
    assert!(started.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn a_stopped_org_closes_its_connections() {
    let client = Client::start().await;
    client.script(json!({"on": "upsert", "do": {"kind": "hang"}}));
    let (url, addr, http, token) =
        (client.org.url().to_owned(), client.org.addr(), client.http.clone(), client.token.clone());
    let hanging = tokio::spawn(async move {
        let request = http.patch(format!("{url}/services/data/v66.0/{PATH}")).bearer_auth(token);
        request.header("content-type", "application/json").body(row("a").to_string()).send().await
    });
    until("the call to hang", || client.org.calls().concurrent == 1).await;
    client.org.shutdown().await;
    let ended = tokio::time::timeout(Duration::from_secs(2), hanging).await.unwrap().unwrap();
    assert!(ended.is_err());
    assert!(tokio::net::TcpStream::connect(addr).await.is_err());
}
