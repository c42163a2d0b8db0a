//! Headers as recorded, sessions, and the limits of a request.

use serde_json::json;

use crate::Client;

#[tokio::test]
async fn answers_carry_the_recorded_headers() {
    let client = Client::start().await;
    let post = |path: &'static str, body: &'static str| client.send("POST".parse().unwrap(), path, Some(body));
    let created = post("sobjects/Account", r#"{"Name":"a"}"#).await.unwrap();
    let header = |response: &reqwest::Response, name: &str| {
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    };
    let id = client.org.records("Account")[0].id;
    let expect = [
        ("strict-transport-security", Some("max-age=63072000; includeSubDomains".to_owned())),
        ("x-content-type-options", Some("nosniff".to_owned())),
        ("x-robots-tag", Some("none".to_owned())),
        ("cache-control", Some("no-cache,must-revalidate,max-age=0,no-store,private".to_owned())),
        ("sforce-limit-info", Some("api-usage=1/5000000".to_owned())),
        ("location", Some(format!("/services/data/v66.0/sobjects/Account/{id}"))),
        ("content-type", Some("application/json;charset=UTF-8".to_owned())),
        ("vary", Some("Accept-Encoding".to_owned())),
    ];
    for (name, value) in expect {
        assert_eq!(header(&created, name), value, "{name}");
    }
    assert!(header(&created, "date").is_some());

    let unknown = post("sobjects/Nope__c", "{}").await.unwrap();
    assert_eq!(header(&unknown, "sforce-limit-info").as_deref(), Some("api-usage=2/5000000"));
    assert_eq!(header(&unknown, "vary"), None);
    let version = post("/services/data/vX/sobjects/Account", "{}").await.unwrap();
    assert_eq!(header(&version, "sforce-limit-info"), None);
    let deleted = client.send("DELETE".parse().unwrap(), &format!("sobjects/Account/{id}"), None).await.unwrap();
    assert_eq!((header(&deleted, "content-type"), header(&deleted, "vary")), (None, None));
}

#[tokio::test]
async fn a_call_needs_a_session() {
    let client = Client::start().await;
    let url = format!("{}/services/data/v66.0/limits", client.org.url());
    let expired = r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#;
    let malformed = r#"[{"message":"INVALID_HEADER_TYPE","errorCode":"INVALID_AUTH_HEADER"}]"#;
    for (authorization, body) in [
        (None, expired),
        (Some("Bearer 00D!nope"), expired),
        (Some("Basic abc"), malformed),
        (Some("Bearer"), malformed),
    ] {
        let mut request = client.http.get(&url);
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["www-authenticate"], "Token");
        assert!(response.headers().get("sforce-limit-info").is_none());
        assert_eq!(response.text().await.unwrap(), body);
    }
    assert_eq!(client.org.calls().quota_used, 0, "a 401 is not counted");
    assert_eq!(client.org.calls().unauthorized, 4);
}

#[tokio::test]
async fn a_session_ends() {
    let mut client = Client::start().await;
    client.org.change_settings(json!({"session_seconds": 0})).unwrap();
    client.login().await;
    assert_eq!(client.call("GET", "limits", None).await.0, 401);
    client.org.change_settings(json!({"session_seconds": 60})).unwrap();
    client.login().await;
    assert_eq!(client.call("GET", "limits", None).await.0, 200);
    client.org.expire_sessions();
    assert_eq!(client.call("GET", "limits", None).await.0, 401);
}

#[tokio::test]
async fn a_request_has_a_size_and_a_type() {
    let client = Client::start().await;
    let long = format!("composite/sobjects?ids={}", "a".repeat(16_384));
    assert_eq!(client.call("DELETE", &long, None).await.0, 414);
    let ids = vec!["001SB0000000001AAA"; 200].join(",");
    assert_eq!(client.call("DELETE", &format!("composite/sobjects?ids={ids}"), None).await.0, 200);
    let url = format!("{}/services/data/v66.0/sobjects/Account", client.org.url());
    let response = client.http.post(url).bearer_auth(&client.token).body(r#"{"Name":"a"}"#).send().await.unwrap();
    assert_eq!(response.status(), 415);
    let huge = vec![b' '; 50 * 1024 * 1024 + 1];
    let url = format!("{}/services/data/v66.0/sobjects/Account", client.org.url());
    // The org may close the connection while the rest is still being sent.
    if let Ok(response) = client.http.post(url).bearer_auth(&client.token).body(huge).send().await {
        assert_eq!(response.status(), 413);
    }
}

#[tokio::test]
async fn options_of_a_write_are_read_strictly_and_kept() {
    let client = Client::start().await;
    let url = format!("{}/services/data/v66.0/sobjects/Account", client.org.url());
    let post = async |headers: &[(&str, &str)]| {
        let mut request = client.http.post(&url).bearer_auth(&client.token).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(r#"{"Name":"a"}"#).send().await.unwrap().status().as_u16()
    };
    let (assign, rule, call) = ("Sforce-Auto-Assign", "Sforce-Duplicate-Rule-Header", "Sforce-Call-Options");
    assert_eq!(
        post(&[(assign, "FALSE"), (rule, "allowSave=true; runAsCurrentUser=false"), (call, "client=crm")]).await,
        201
    );
    assert_eq!(post(&[(assign, "01QD0000000EqAn")]).await, 201);
    for (name, value) in [
        (assign, "no"),
        (rule, "allowSave=yes"),
        (rule, "allowSave=true; allowSave=true"),
        (rule, "everything=true"),
        (call, "crm"),
        (call, "client="),
    ] {
        assert_eq!(post(&[(name, value)]).await, 400, "{name}: {value}");
    }
    assert_eq!(post(&[(assign, "TRUE"), (assign, "TRUE")]).await, 400);
    let journal = client.org.journal();
    assert_eq!(journal.len(), 2, "what is not understood is not applied");
    let options = &journal[0].options;
    assert_eq!(options.auto_assign.as_deref(), Some("FALSE"));
    assert_eq!(options.duplicate_rule.as_deref(), Some("allowSave=true; runAsCurrentUser=false"));
    assert_eq!(options.call_options.as_deref(), Some("client=crm"));
}
