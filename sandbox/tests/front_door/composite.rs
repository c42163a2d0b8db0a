//! Several calls in one: each part by itself, and faults that strike single parts.

use serde_json::{Value, json};

use crate::{Client, codes, collection};

const BASE: &str = "/services/data/v66.0";

/// A collections upsert of `MyObject__c` with one row for each key.
fn upsert(reference: &str, keys: &[&str]) -> Value {
    let rows: Vec<_> = keys.iter().map(|key| json!({"ExternalId__c": key, "Text__c": reference})).collect();
    let url = format!("{BASE}/composite/sobjects/MyObject__c/ExternalId__c");
    part(reference, "PATCH", &url, collection(false, "MyObject__c", &rows))
}

fn part(reference: &str, method: &str, url: &str, body: impl Into<Option<Value>>) -> Value {
    let mut part = json!({"referenceId": reference, "method": method, "url": url});
    if let Some(body) = body.into() {
        part["body"] = body;
    }
    part
}

async fn send(client: &Client, more: Value, parts: &[Value]) -> (u16, Value) {
    let mut body = json!({"collateSubrequests": false, "compositeRequest": parts});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, text) = client.call("POST", "composite", body).await;
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// For each part its reference, its status, and the codes of its rows or of its errors.
async fn outcomes(client: &Client, parts: &[Value]) -> Vec<(String, u64, Vec<String>)> {
    let (status, answer) = send(client, json!({}), parts).await;
    assert_eq!(status, 200, "{answer}");
    let outcome = |part: &Value| {
        let codes = match &part["body"] {
            Value::Array(items) if items.iter().all(|item| item["errorCode"].is_string()) => {
                items.iter().map(|item| item["errorCode"].as_str().unwrap().to_owned()).collect()
            }
            Value::Array(rows) => codes(rows),
            Value::String(text) => vec![text.clone()],
            _ => Vec::new(),
        };
        (part["referenceId"].as_str().unwrap().to_owned(), part["httpStatusCode"].as_u64().unwrap(), codes)
    };
    answer["compositeResponse"].as_array().unwrap().iter().map(outcome).collect()
}

fn outcome(reference: &str, status: u64, codes: &[&str]) -> (String, u64, Vec<String>) {
    (reference.to_owned(), status, codes.iter().map(|code| (*code).to_owned()).collect())
}

#[tokio::test]
async fn parts_are_applied_in_their_order_and_fail_alone() {
    let client = Client::start().await;
    let (status, answer) = send(
        &client,
        json!({}),
        &[
            upsert("one", &["a", "b"]),
            part("gone", "PATCH", &format!("{BASE}/composite/sobjects/Nothing__c/X__c"), json!({"records": [{}]})),
            // Recorded: an address may have spaces.
            part("found", "GET", &format!("{BASE}/query?q=SELECT Id, Text__c FROM MyObject__c ORDER BY Id"), None),
            upsert("two", &["B", "c"]),
            part("row", "POST", &format!("{BASE}/sobjects/Contact"), json!({"LastName": "x"})),
        ],
    )
    .await;
    assert_eq!(status, 200);
    let parts = answer["compositeResponse"].as_array().unwrap();
    assert_eq!(parts[0]["httpHeaders"], json!({}));
    assert_eq!(codes(parts[0]["body"].as_array().unwrap()), ["ok", "ok"]);
    let missing = json!({"body": [{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}], "httpHeaders": {}, "httpStatusCode": 404, "referenceId": "gone"});
    assert_eq!(parts[1], missing);
    assert_eq!(parts[2]["body"]["records"][1]["Text__c"], "one", "the later part is not applied yet");
    assert_eq!((&parts[3]["body"][0]["created"], &parts[3]["body"][1]["created"]), (&json!(false), &json!(true)));
    assert_eq!(parts[4]["httpStatusCode"], 201);
    assert!(parts[4]["httpHeaders"]["Location"].as_str().unwrap().starts_with(BASE), "{}", parts[4]);
    let calls = client.org.calls();
    assert_eq!((calls.composite, calls.composite_parts, calls.rows_upsert, calls.upsert), (1, 5, 4, 0));
    assert_eq!(calls.quota_used, 1, "one call of the allocation");
    let numbers: Vec<_> = client.org.journal().iter().map(|change| change.call).collect();
    assert!(numbers.len() == 5 && numbers.iter().all(|number| *number == numbers[0]), "{numbers:?}");
}

#[tokio::test]
async fn a_composite_that_breaks_the_rules_is_refused_as_a_whole() {
    let client = Client::start().await;
    let six: Vec<_> = ["a", "b", "c", "d", "e", "f"].iter().map(|name| upsert(name, &[name])).collect();
    let many: Vec<_> =
        (0..26).map(|n| part(&format!("r{n}"), "GET", &format!("{BASE}/sobjects/Contact"), None)).collect();
    let mut authorized = upsert("a", &["a"]);
    authorized["httpHeaders"] = json!({"authorization": "Bearer x"});
    for (more, parts, code) in [
        (json!({}), six, "LIMIT_EXCEEDED"),
        (json!({}), many, "LIMIT_EXCEEDED"),
        (json!({}), vec![], "MISSING_ARGUMENT"),
        (json!({}), vec![upsert("a", &["a"]), upsert("a", &["b"])], "INVALID_INPUT"),
        (json!({}), vec![upsert("_a", &["a"])], "INVALID_INPUT"),
        (json!({}), vec![upsert("a-b", &["a"])], "INVALID_INPUT"),
        (json!({}), vec![part("a", "GET", "/sobjects/Contact", None)], "INVALID_INPUT"),
        (json!({}), vec![authorized], "INVALID_INPUT"),
        (json!({"all_or_none": false}), vec![upsert("a", &["a"])], "JSON_PARSER_ERROR"),
        (json!({"allOrNone": true}), vec![upsert("a", &["a"])], "FUNCTIONALITY_NOT_ENABLED"),
    ] {
        let (status, answer) = send(&client, more, &parts).await;
        assert_eq!((status, &answer[0]["errorCode"]), (400, &json!(code)), "{answer}");
    }
    let oldest = part("a", "PATCH", "/services/data/v42.0/composite/sobjects", json!({"records": []}));
    let parts = [oldest, part("b", "GET", &format!("{BASE}/limits"), None), part("c", "get", BASE, None)];
    let outcomes = outcomes(&client, &parts).await;
    assert_eq!(outcomes.iter().map(|(_, status, _)| *status).collect::<Vec<_>>(), [404, 404, 405]);
    assert!(client.org.journal().is_empty());
    assert_eq!(client.call("GET", "composite", None).await.0, 405);
}

#[tokio::test]
async fn a_reference_is_the_value_of_another_part() {
    let client = Client::start().await;
    let account = part("acc", "POST", &format!("{BASE}/sobjects/Account"), json!({"Name": "A \"quoted\""}));
    let rows = [json!({"ExternalId__c": "k", "Account__c": "@{acc.id}", "Text__c": "of @{acc.id}, @{acc.success}"})];
    let child = part(
        "child",
        "PATCH",
        &format!("{BASE}/composite/sobjects/MyObject__c/ExternalId__c"),
        collection(false, "MyObject__c", &rows),
    );
    let read = part("read", "GET", &format!("{BASE}/sobjects/MyObject__c/@{{child[0].id}}?fields=Text__c"), None);
    // In a value it is a reference, too, whatever its writer has meant.
    let stray = |reference: &str, text: &str| {
        let row = json!({"ExternalId__c": reference, "Text__c": text});
        part(
            reference,
            "PATCH",
            &format!("{BASE}/composite/sobjects/MyObject__c/ExternalId__c"),
            collection(false, "MyObject__c", &[row]),
        )
    };
    let parts = [account, child, read, stray("s1", "mail @{name}"), stray("s2", "@{acc.Id}")];
    let (_, answer) = send(&client, json!({}), &parts).await;
    let parts = answer["compositeResponse"].as_array().unwrap();
    let id = parts[0]["body"]["id"].as_str().unwrap();
    assert_eq!(parts[2]["body"]["Text__c"], format!("of {id}, true"), "{answer}");
    for part in &parts[3..] {
        let refused = (&part["httpStatusCode"], &part["body"][0]["errorCode"]);
        assert_eq!(refused, (&json!(400), &json!("PROCESSING_HALTED")), "names are case-sensitive: {part}");
    }
}

#[tokio::test]
async fn parts_that_are_collated_may_go_in_another_order() {
    let client = Client::start().await;
    let text = async |more: Value| {
        let (status, answer) = send(&client, more, &[upsert("first", &["k"]), upsert("second", &["k"])]).await;
        assert_eq!(status, 200);
        let references: Vec<_> =
            answer["compositeResponse"].as_array().unwrap().iter().map(|part| part["referenceId"].clone()).collect();
        assert_eq!(references, ["first", "second"], "the results are in the order of the parts");
        client.org.records("MyObject__c")[0].fields["Text__c"].as_text().unwrap().to_owned()
    };
    assert_eq!(text(json!({})).await, "second");
    assert_eq!(text(json!({"collateSubrequests": true})).await, "first");
    assert_eq!(text(json!({"collateSubrequests": null})).await, "first", "the default since v49");
}

#[tokio::test]
async fn a_fault_strikes_the_parts_that_it_selects() {
    let client = Client::start().await;
    client.script(json!([
        {"on": "upsert", "key": "locked", "do": {"kind": "lock"}},
        {"on": "upsert", "text": "<script>", "do": {"kind": "status", "status": 403, "body": "<html>"}},
        {"on": "query", "do": {"kind": "status", "status": 400, "error": {"code": "INVALID_TYPE", "message": "x"}}},
        {"on": "create", "do": {"kind": "status", "status": 500, "error": {"code": "UNKNOWN_EXCEPTION", "message": "x"}, "apply": true}},
        {"on": "delete", "do": {"kind": "garbage", "body": "[]", "apply": false}},
    ]));
    let create = format!("{BASE}/composite/sobjects");
    let parts = [
        upsert("a", &["a", "locked"]),
        upsert("b", &["b", "<script>"]),
        part("c", "GET", &format!("{BASE}/query?q=SELECT Id FROM Contact"), None),
        part("d", "POST", &create, collection(false, "Contact", &[json!({"LastName": "x"})])),
        part("e", "DELETE", &format!("{create}?ids=003000000000001AAA"), None),
    ];
    let expected = [
        outcome("a", 200, &["ok", "UNABLE_TO_LOCK_ROW"]),
        outcome("b", 403, &["<html>"]),
        outcome("c", 400, &["INVALID_TYPE"]),
        outcome("d", 500, &["UNKNOWN_EXCEPTION"]),
        outcome("e", 200, &[]),
    ];
    assert_eq!(outcomes(&client, &parts).await, expected);
    assert_eq!((client.org.records("MyObject__c").len(), client.org.records("Contact").len()), (1, 1));
    assert!(client.org.faults().iter().all(|fault| fault.hits == 1), "{:?}", client.org.faults());
    // These strike the whole, once.
    client.script(json!([
        {"on": "composite", "do": {"kind": "status", "status": 503, "error": {"code": "SERVER_UNAVAILABLE", "message": "x"}}},
        {"on": "data", "do": {"kind": "status", "status": 502}},
    ]));
    assert_eq!(send(&client, json!({}), &[upsert("a", &["z"])]).await.0, 503);
    assert_eq!(send(&client, json!({}), &[upsert("a", &["z"])]).await.0, 502);
    assert_eq!(outcomes(&client, &[upsert("a", &["z"])]).await, [outcome("a", 200, &["ok"])]);
}

#[tokio::test]
async fn a_connection_is_cut_between_the_parts() {
    for (when, applied) in [("before", 1), ("after", 2), ("mid_answer", 3)] {
        let client = Client::start().await;
        client.script(json!({"on": "upsert", "key": "b", "do": {"kind": "cut", "when": when}}));
        let body = json!({"collateSubrequests": false, "compositeRequest": [upsert("a", &["a"]), upsert("b", &["b"]), upsert("c", &["c"])]});
        let sent = client.send("POST".parse().unwrap(), "composite", Some(&body.to_string())).await;
        let answer = match sent {
            Ok(response) => response.text().await,
            Err(error) => Err(error),
        };
        assert!(answer.is_err(), "{when}: {answer:?}");
        assert_eq!(client.org.records("MyObject__c").len(), applied, "{when}");
    }
}

/// The parts of one call do not wait for each other's locks, and others do.
#[tokio::test]
async fn parts_lock_their_rows_for_the_whole_call() {
    let client = Client::start().await;
    client.upsert("ExternalId__c", &[json!({"ExternalId__c": "k"})]).await;
    client.org.change_settings(json!({"parent_locks": true, "latency_ms": 300})).unwrap();
    let parts = [upsert("a", &["k"]), upsert("b", &["k"])];
    let (together, apart) = tokio::join!(outcomes(&client, &parts), async {
        while client.org.calls().composite_parts == 0 {
            tokio::task::yield_now().await;
        }
        client.upsert("ExternalId__c", &[json!({"ExternalId__c": "k"})]).await
    });
    assert_eq!(together, [outcome("a", 200, &["ok"]), outcome("b", 200, &["ok"])]);
    assert_eq!(codes(&apart), ["UNABLE_TO_LOCK_ROW"]);
}
