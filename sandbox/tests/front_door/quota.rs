//! The daily allocation.

use serde_json::{Value, json};

use crate::Client;

const SPENT: &str = r#"[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]"#;

#[tokio::test]
async fn a_spent_allocation_refuses_calls() {
    let client = Client::start().await;
    client.org.change_settings(json!({"quota_max": 3, "quota_used": 1})).unwrap();
    let (_, body) = client.call("GET", "limits", None).await;
    let limits: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(limits["DailyApiRequests"], json!({"Max": 3, "Remaining": 1}), "asking costs a request");
    assert_eq!(client.call("GET", "sobjects", None).await.0, 200);
    assert_eq!(client.call("GET", "sobjects", None).await, (403, SPENT.to_owned()));
    assert_eq!((client.org.calls().quota_used, client.org.calls().over_quota), (3, 1));
    assert_eq!(client.call("GET", "/services/data", None).await.0, 200, "the versions list is not counted");

    client.org.change_settings(json!({"quota_hard": false})).unwrap();
    let response = client.send("GET".parse().unwrap(), "limits", None).await.unwrap();
    assert_eq!(response.headers()["sforce-limit-info"], "api-usage=4/3");
}

#[tokio::test]
async fn a_fault_spends_the_allocation() {
    let client = Client::start().await;
    client.script(json!({"on": "query", "do": {"kind": "quota_spent"}}));
    assert_eq!(client.query("SELECT Id FROM Account").await, (403, SPENT.to_owned()));
    assert_eq!(client.call("GET", "limits", None).await, (403, SPENT.to_owned()));
    client.org.change_settings(json!({"quota_used": 0})).unwrap();
    assert_eq!(client.call("GET", "limits", None).await.0, 200);
}
