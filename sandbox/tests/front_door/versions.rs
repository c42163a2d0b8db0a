//! The versions that the org speaks, and the resources of one.

use reqwest::Method;
use serde_json::{Value, json};

use crate::Client;

#[tokio::test]
async fn the_versions_are_listed_without_a_session() {
    let mut client = Client::start().await;
    client.org.change_settings(json!({"oldest_version": 40, "newest_version": 64})).unwrap();
    client.token = "none".to_owned();
    let response = client.send(Method::GET, "/services/data", None).await.unwrap();
    assert!(response.status() == 200 && !response.headers().contains_key("sforce-limit-info"), "{response:?}");
    let list: Vec<Value> = response.json().await.unwrap();
    assert_eq!((list[0]["version"].as_str(), list.len()), (Some("40.0"), 25));
    let newest = json!({"label": "Summer '25", "url": "/services/data/v64.0", "version": "64.0"});
    assert_eq!(list[24], newest);
    assert_eq!(client.org.calls().versions, 1);
}

#[tokio::test]
async fn the_resources_of_a_version_need_a_session_and_say_what_is_used() {
    let mut client = Client::start().await;
    let response = client.send(Method::GET, "/services/data/v66.0", None).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers()["sforce-limit-info"].to_str().unwrap().starts_with("api-usage=1/"));
    let list: Value = response.json().await.unwrap();
    assert_eq!(list["limits"], "/services/data/v66.0/limits");
    assert_eq!((client.org.calls().resources, client.org.calls().other), (1, 0));
    client.token = "none".to_owned();
    assert_eq!(client.call("GET", "/services/data/v66.0/", None).await.0, 401);
}

#[tokio::test]
async fn other_versions_are_unknown_or_retired() {
    let client = Client::start().await;
    client.org.change_settings(json!({"oldest_version": 40, "newest_version": 64})).unwrap();
    for (version, status, code) in [(66, 404, "NOT_FOUND"), (39, 410, "UNSUPPORTED_API_VERSION")] {
        for path in ["", "/limits", "/sobjects/Account/describe"] {
            let (answered, body) = client.call("GET", &format!("/services/data/v{version}.0{path}"), None).await;
            assert!(answered == status && body.contains(code), "{version}{path}: {answered} {body}");
        }
    }
    assert_eq!(client.call("GET", "/services/data/v64.0", None).await.0, 200);
}

#[tokio::test]
async fn the_versions_and_the_resources_fail_on_their_own() {
    let client = Client::start().await;
    let busy = json!({"kind": "status", "status": 503});
    client.script(json!([{"on": "versions", "do": busy}, {"on": "resources", "do": busy}, {"on": "data", "do": busy}]));
    assert_eq!(client.call("GET", "/services/data", None).await.0, 503);
    assert_eq!(client.call("GET", "/services/data", None).await.0, 200, "the list of versions is not data");
    assert_eq!(client.call("GET", "/services/data/v66.0", None).await.0, 503);
    assert_eq!(client.call("GET", "/services/data/v66.0", None).await.0, 503, "it is data");
    assert_eq!(client.call("GET", "/services/data/v66.0", None).await.0, 200);
}

#[tokio::test]
async fn limits_need_a_right_that_resources_do_not() {
    let client = Client::start().await;
    client.org.change_settings(json!({"view_setup": false})).unwrap();
    let (status, body) = client.call("GET", "limits", None).await;
    assert!(status == 403 && body.contains("INSUFFICIENT_ACCESS"), "{status} {body}");
    assert_eq!(client.call("GET", "/services/data/v66.0", None).await.0, 200);
}
