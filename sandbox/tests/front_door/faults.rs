//! Faults that change an answer, and which calls they strike.

use serde_json::{Value, json};

use crate::{Client, codes, collection};

fn keys(names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| json!({"ExternalId__c": name})).collect()
}

#[tokio::test]
async fn rows_fail_alone() {
    let client = Client::start().await;
    client.script(json!([
        {"on": "upsert", "sobject": "MyObject__c", "key": "B", "times": 2,
         "do": {"kind": "row_error", "code": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "no", "fields": ["Text__c"]}},
        {"on": "write", "key": "c", "do": {"kind": "lock"}},
        {"on": "upsert", "after": 1, "do": {"kind": "row_error", "code": "X", "message": "y", "rows": [0]}},
    ]));
    let results = client.upsert("ExternalId__c", &keys(&["a", "b", "c"])).await;
    assert_eq!(codes(&results), ["ok", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "UNABLE_TO_LOCK_ROW"]);
    assert_eq!(results[1]["errors"][0]["fields"], json!(["Text__c"]));
    let text = "unable to obtain exclusive access to this record or 1 records: c";
    assert_eq!(results[2]["errors"][0]["message"], text);
    let results = client.upsert("ExternalId__c", &keys(&["a", "b", "c"])).await;
    assert_eq!(codes(&results), ["X", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "ok"]);
    assert_eq!(codes(&client.upsert("ExternalId__c", &keys(&["a", "b"])).await), ["ok", "ok"]);
    assert_eq!(client.org.faults().iter().map(|fault| fault.hits).collect::<Vec<_>>(), [2, 1, 1]);
    // A row named by its id is found by its key.
    client.script(json!({"on": "update", "key": "a", "do": {"kind": "lock", "message": "locked"}}));
    let id = client.org.records("MyObject__c")[0].id;
    let (status, body) = client.call("PATCH", &format!("sobjects/MyObject__c/{id}"), json!({})).await;
    let text = r#"[{"message":"locked","errorCode":"UNABLE_TO_LOCK_ROW","fields":[]}]"#;
    assert_eq!((status, body.as_str()), (400, text));
}

#[tokio::test]
async fn a_trigger_fails_all_rows_of_its_call() {
    let client = Client::start().await;
    client.script(json!({"on": "write", "key": "bad", "times": null,
        "do": {"kind": "trigger", "code": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "message": "T: execution of BeforeInsert"}}));
    let code = "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY";
    assert_eq!(codes(&client.upsert("ExternalId__c", &keys(&["a", "bad", "c"])).await), [code; 3]);
    assert!(client.org.records("MyObject__c").is_empty());
    assert_eq!(codes(&client.upsert("ExternalId__c", &keys(&["a", "c"])).await), ["ok", "ok"]);
    client.script(json!({"on": "write", "min_rows": 3, "times": null,
        "do": {"kind": "trigger", "code": "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "message": "T: CPU time limit"}}));
    assert_eq!(codes(&client.upsert("ExternalId__c", &keys(&["a", "b", "c"])).await), [code; 3]);
    assert_eq!(codes(&client.upsert("ExternalId__c", &keys(&["a", "c"])).await), ["ok", "ok"]);
}

#[tokio::test]
async fn calls_meet_at_the_parents_of_their_rows() {
    let client = Client::start().await;
    for key in ["p", "q"] {
        let (status, body) = client.call("POST", "sobjects/Account", json!({"Name": key, "ExternalId__c": key})).await;
        assert_eq!(status, 201, "{body}");
    }
    client.org.change_settings(json!({"parent_locks": true})).unwrap();
    client.script(json!({"on": "upsert", "key": "a", "do": {"kind": "latency", "ms": 500}}));
    let child = |key: &str, parent: &str| json!({"ExternalId__c": key, "Account__r": {"ExternalId__c": parent}});
    let (slow, quick) =
        ([child("a", "p"), child("b", "p")], [child("c", "q"), child("d", "p"), json!({"ExternalId__c": "e"})]);
    let (slow, quick) = tokio::join!(client.upsert("ExternalId__c", &slow), async {
        while client.org.calls().upsert == 0 {
            tokio::task::yield_now().await;
        }
        client.upsert("ExternalId__c", &quick).await
    });
    assert_eq!(codes(&slow), ["ok", "ok"]);
    assert_eq!(codes(&quick), ["ok", "UNABLE_TO_LOCK_ROW", "ok"]);
    assert_eq!(codes(&client.upsert("ExternalId__c", &[child("d", "p")]).await), ["ok"]);
}

#[tokio::test]
async fn a_lock_is_waited_for_before_its_row_fails() {
    let client = Client::start().await;
    let (status, body) = client.call("POST", "sobjects/Account", json!({"Name": "p", "ExternalId__c": "p"})).await;
    assert_eq!(status, 201, "{body}");
    client.upsert("ExternalId__c", &keys(&["k"])).await;
    client.org.change_settings(json!({"parent_locks": true, "lock_wait_ms": 300})).unwrap();
    let child = |key: &str| json!({"ExternalId__c": key, "Account__r": {"ExternalId__c": "p"}});
    // The first holds a parent and a record of its own for long, and then for so short that the wait is enough.
    for (ms, code) in [(700, "UNABLE_TO_LOCK_ROW"), (100, "ok")] {
        client.script(json!({"on": "upsert", "key": "a", "do": {"kind": "latency", "ms": ms}}));
        let upserts = client.org.calls().upsert;
        let slow = [child("a"), json!({"ExternalId__c": "k"})];
        let quick = [child("b")];
        let (slow, (took, quick), own) = tokio::join!(
            client.upsert("ExternalId__c", &slow),
            async {
                until_upserts(&client, upserts + 1).await;
                let started = std::time::Instant::now();
                let results = client.upsert("ExternalId__c", &quick).await;
                (started.elapsed(), results)
            },
            async {
                until_upserts(&client, upserts + 2).await;
                client.upsert("ExternalId__c", &keys(&["K"])).await
            },
        );
        assert_eq!(codes(&slow), ["ok", "ok"]);
        assert_eq!((codes(&quick), codes(&own)), (vec![code.to_owned()], vec![code.to_owned()]), "{ms}");
        assert!(took.as_millis() >= if code == "ok" { 20 } else { 300 }, "{took:?}");
    }
}

async fn until_upserts(client: &Client, count: u64) {
    while client.org.calls().upsert < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_lock_in_a_trigger_says_so_in_its_text_only() {
    let client = Client::start().await;
    client.script(json!({"on": "upsert", "key": "a", "do": {"kind": "lock", "in_trigger": true, "wait_ms": 60}}));
    let started = std::time::Instant::now();
    let results = client.upsert("ExternalId__c", &keys(&["a", "b"])).await;
    assert!(started.elapsed().as_millis() >= 60);
    assert_eq!(codes(&results), ["CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "ok"]);
    let text = results[0]["errors"][0]["message"].as_str().unwrap();
    assert!(text.contains("Record Currently Unavailable") && !text.contains("UNABLE_TO_LOCK_ROW"), "{text}");
}

#[tokio::test]
async fn a_status_takes_the_whole_answer() {
    let client = Client::start().await;
    client.script(json!([
        {"on": "write", "do": {"kind": "status", "status": 503, "error": {"code": "SERVER_UNAVAILABLE", "message": "busy"}}},
        {"on": "write", "do": {"kind": "status", "status": 500, "body": "<html>", "content_type": "text/html", "apply": true}},
        {"on": "write", "do": {"kind": "status", "status": 502}},
    ]));
    let path = "composite/sobjects/MyObject__c/ExternalId__c";
    let body = collection(false, "MyObject__c", &keys(&["a"]));
    let text = r#"[{"message":"busy","errorCode":"SERVER_UNAVAILABLE"}]"#;
    assert_eq!(client.call("PATCH", path, body.clone()).await, (503, text.to_owned()));
    assert!(client.org.journal().is_empty());
    assert_eq!(client.call("PATCH", path, body.clone()).await, (500, "<html>".to_owned()));
    assert_eq!(client.org.journal().len(), 1);
    assert_eq!(client.call("PATCH", path, body.clone()).await, (502, String::new()));
    assert_eq!(client.call("PATCH", path, body).await.0, 200);
}

#[tokio::test]
async fn answers_are_spoilt() {
    let client = Client::start().await;
    client.script(json!([
        {"on": "upsert", "do": {"kind": "truncate", "bytes": 10}},
        {"on": "upsert", "do": {"kind": "garbage", "body": "[[[", "apply": false}},
        {"on": "upsert", "do": {"kind": "garbage", "body": "<p>"}},
        {"on": "upsert", "do": {"kind": "trickle", "ms_per_byte": 1}},
    ]));
    let path = "composite/sobjects/MyObject__c/ExternalId__c";
    let body = collection(false, "MyObject__c", &keys(&["a"]));
    assert_eq!(client.call("PATCH", path, body.clone()).await, (200, r#"[{"id":"a0"#.to_owned()));
    assert_eq!(client.call("PATCH", path, body.clone()).await, (200, "[[[".to_owned()));
    assert_eq!(client.org.journal().len(), 1);
    assert_eq!(client.call("PATCH", path, body.clone()).await, (200, "<p>".to_owned()));
    let (status, slow) = client.call("PATCH", path, body).await;
    assert!(status == 200 && slow.ends_with(r#""created":false}]"#), "{slow}");
    assert_eq!(client.org.journal().len(), 3);

    client.script(json!({"on": "upsert", "do": {"kind": "fewer_results", "by": 2}}));
    assert_eq!(client.upsert("ExternalId__c", &keys(&["a", "b", "c"])).await.len(), 1);
    assert_eq!(client.org.records("MyObject__c").len(), 3);
}

#[tokio::test]
async fn sessions_expire_and_may_not_heal() {
    let mut client = Client::start().await;
    client.script(json!({"on": "data", "do": {"kind": "expire_sessions"}}));
    let expired = r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#;
    assert_eq!(client.call("GET", "limits", None).await, (401, expired.to_owned()));
    assert_eq!(client.call("GET", "limits", None).await.0, 401);
    client.login().await;
    assert_eq!(client.call("GET", "limits", None).await.0, 200);

    client.script(json!({"on": "limits", "do": {"kind": "expire_sessions", "heals": false}}));
    assert_eq!(client.call("GET", "limits", None).await.0, 401);
    client.login().await;
    assert_eq!(client.call("GET", "limits", None).await.0, 401);
    client.org.clear_faults();
    client.login().await;
    assert_eq!(client.call("GET", "limits", None).await.0, 200);
}

#[tokio::test]
async fn a_login_fails() {
    let client = Client::start().await;
    client.script(json!({"on": "login", "do": {"kind": "oauth_error", "error": "invalid_grant", "description": "login rate exceeded"}}));
    let url = format!("{}/services/oauth2/token", client.org.url());
    let form =
        [("grant_type", "client_credentials"), ("client_id", "sandbox-client"), ("client_secret", "sandbox-secret")];
    let response = client.http.post(&url).form(&form).send().await.unwrap();
    assert_eq!(response.status(), 400);
    let text = r#"{"error":"invalid_grant","error_description":"login rate exceeded"}"#;
    assert_eq!(response.text().await.unwrap(), text);
    assert_eq!(client.http.post(&url).form(&form).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_fault_strikes_only_what_it_names() {
    let client = Client::start().await;
    let busy = |on: &str, more: Value| {
        let mut fault = json!({"on": on, "times": null, "do": {"kind": "status", "status": 503}});
        fault.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fault
    };
    client.script(json!([
        busy("describe", json!({"sobject": "Account"})),
        busy("query", json!({"key": "k1"})),
        busy("query", json!({"sobject": "MyObject__c", "min_rows": 2})),
        busy("create", json!({"key": "k1"})),
        busy("delete", json!({})),
        busy("upsert", json!({"min_rows": 2})),
    ]));
    assert_eq!(client.call("GET", "sobjects/Account/describe", None).await.0, 503);
    assert_eq!(client.call("GET", "sobjects/Contact/describe", None).await.0, 200);
    assert_eq!(client.query("SELECT Id FROM Account WHERE ExternalId__c = 'k1'").await.0, 503);
    assert_eq!(client.query("SELECT Id FROM Account WHERE ExternalId__c = 'k2'").await.0, 200);
    assert_eq!(client.query("SELECT Id FROM MyObject__c WHERE ExternalId__c IN ('k1', 'k2')").await.0, 503);
    assert_eq!(client.query("SELECT Id FROM MyObject__c WHERE ExternalId__c IN ('k2')").await.0, 200);
    let path = "composite/sobjects";
    assert_eq!(client.call("POST", path, collection(false, "MyObject__c", &keys(&["k0", "k1"]))).await.0, 503);
    assert_eq!(client.call("POST", path, collection(false, "MyObject__c", &keys(&["k2"]))).await.0, 200);
    assert_eq!(client.call("DELETE", "composite/sobjects?ids=001000000000000AAA", None).await.0, 503);
    assert_eq!(client.call("GET", "limits", None).await.0, 200);
    let path = "composite/sobjects/MyObject__c/ExternalId__c";
    for (names, status) in [(&["u0"][..], 200), (&["u0", "u1"], 503)] {
        assert_eq!(client.call("PATCH", path, collection(false, "MyObject__c", &keys(names))).await.0, status);
    }
}
