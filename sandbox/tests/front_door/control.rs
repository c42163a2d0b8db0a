//! The org's book over HTTP.

use serde_json::{Value, json};

use crate::{Client, collection};

async fn get(client: &Client, path: &str) -> Value {
    let (status, body) = client.call("GET", &format!("/sandbox/{path}"), None).await;
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn the_journal_is_read_in_parts() {
    let client = Client::start().await;
    for n in 0..3 {
        client.upsert("ExternalId__c", &[json!({"ExternalId__c": format!("k{n}")})]).await;
    }
    client.call("POST", "sobjects/Account", json!({"Name": "a"})).await;
    let all = get(&client, "journal").await;
    assert_eq!(all.as_array().unwrap().iter().map(|c| c["seq"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let first = &all[0];
    assert_eq!(first["asked"], "k0");
    assert_eq!(first["op"], "create");
    assert_eq!(first["keys"], json!({"ExternalId__c": "k0"}));
    assert_eq!(first["fields"], json!({"ExternalId__c": "k0", "attributes": {"type": "MyObject__c"}}));
    assert_eq!(all[3]["asked"], Value::Null);
    assert_eq!(get(&client, "journal?sobject=Account").await[0]["seq"], 4);
    assert_eq!(get(&client, "journal?since=2&limit=1").await[0]["seq"], 3);
    let id = first["id"].as_str().unwrap();
    assert_eq!(get(&client, &format!("journal?id={id}")).await.as_array().unwrap().len(), 1);
    assert_eq!(client.call("GET", "/sandbox/journal?nope=1", None).await.0, 400);
}

#[tokio::test]
async fn calls_are_counted_by_kind() {
    let client = Client::start().await;
    let rows = [json!({"ExternalId__c": "a"}), json!({"ExternalId__c": "b"})];
    client.upsert("ExternalId__c", &rows).await;
    client.call("POST", "composite/sobjects", collection(false, "Account", &[json!({"Name": "a"})])).await;
    client.call("PATCH", "sobjects/MyObject__c/ExternalId__c/c", json!({})).await;
    client.query("SELECT Id FROM Account").await;
    client.call("GET", "limits", None).await;
    let calls = get(&client, "calls").await;
    let expected = json!({
        "login": 1, "logins_granted": 1, "upsert": 2, "create": 1, "query": 1, "limits": 1, "row_calls": 1,
        "rows_upsert": 3, "rows_create": 1, "applied": 4, "quota_used": 5, "max_concurrent": 1, "concurrent": 0,
    });
    for (name, count) in expected.as_object().unwrap() {
        assert_eq!(&calls[name], count, "{name}");
    }
    client.call("POST", "/sandbox/reset", None).await;
    assert_eq!(get(&client, "calls").await["applied"], 0);
    assert_eq!(get(&client, "records/MyObject__c").await, json!([]));
    assert_eq!(client.call("GET", "limits", None).await.0, 200, "sessions outlive a reset");
}

#[tokio::test]
async fn faults_and_settings_are_checked_when_they_are_posted() {
    let client = Client::start().await;
    let fault = json!({"on": "any", "times": null, "do": {"kind": "latency", "ms": 1}});
    let (status, body) = client.call("POST", "/sandbox/faults", json!([fault, fault])).await;
    assert_eq!((status, body.as_str()), (200, r#"{"ids":[1,2]}"#));
    client.call("GET", "limits", None).await;
    let listed = get(&client, "faults").await;
    assert_eq!(
        listed[1],
        json!({"id": 2, "matched": 1, "hits": 1, "on": "any", "after": 0, "times": null, "do": {"kind": "latency", "ms": 1}})
    );
    client.call("DELETE", "/sandbox/faults", None).await;
    assert_eq!(get(&client, "faults").await, json!([]));
    for bad in [
        json!({"on": "any"}),
        json!({"on": "x", "do": {"kind": "lock"}}),
        json!({"on": "any", "do": {"kind": "lock", "ms": 1}}),
        json!(1),
    ] {
        assert_eq!(client.call("POST", "/sandbox/faults", bad.clone()).await.0, 400, "{bad}");
    }
    let (status, body) = client.call("POST", "/sandbox/settings", json!({"failed_rows_say_created": true})).await;
    assert!(status == 200 && body.contains(r#""failed_rows_say_created":true"#), "{body}");
    for bad in [json!({"nope": 1}), json!({"page_size": "x"}), json!([])] {
        assert_eq!(client.call("POST", "/sandbox/settings", bad.clone()).await.0, 400, "{bad}");
    }
    assert_eq!(get(&client, "settings").await["page_size"], 2000);
}

/// A guard against a store that grows slow, with room for unoptimised builds and busy machines.
#[tokio::test]
async fn twenty_thousand_records_stay_quick() {
    let client = Client::start().await;
    let batch = |n: usize| -> Vec<Value> {
        (0..200)
            .map(|row| json!({"ExternalId__c": format!("k{}", n * 200 + row), "Number__c": row, "Text__c": "text"}))
            .collect()
    };
    for n in 0..100 {
        client.upsert("ExternalId__c", &batch(n)).await;
    }
    let body = collection(false, "MyObject__c", &batch(50));
    let started = std::time::Instant::now();
    for _ in 0..10 {
        client.call("PATCH", "composite/sobjects/MyObject__c/ExternalId__c", body.clone()).await;
    }
    let each = started.elapsed() / 10;
    println!("200 rows over 20,000 records: {each:?}");
    assert!(each < std::time::Duration::from_millis(200), "{each:?}");
    assert_eq!(client.org.records("MyObject__c").len(), 20_000);
}
