//! What makes the org a thing to wait for, and what a describe says.

use serde_json::json;

use super::*;
use crate::record::{OrgAvailability::*, OrgTrouble::*};

#[tokio::test]
async fn what_the_org_cannot_take_now_is_a_state() {
    for (status, code, message, expected, availability) in [
        (503, Some("SERVER_UNAVAILABLE"), "x", "org_unavailable SERVER_UNAVAILABLE", Down(Unavailable)),
        (503, None, "<html>", "unknown", Up),
        (502, None, "", "unknown", Up),
        (500, Some("UNKNOWN_EXCEPTION"), "x", "unknown UNKNOWN_EXCEPTION", Up),
        (420, None, "", "org_unavailable", Down(Unavailable)),
        (
            403,
            Some("REQUEST_LIMIT_EXCEEDED"),
            "TotalRequests Limit exceeded.",
            "quota_exhausted REQUEST_LIMIT_EXCEEDED",
            Down(Quota),
        ),
        (
            403,
            Some("REQUEST_LIMIT_EXCEEDED"),
            "ConcurrentPerOrgLongTxn Limit exceeded.",
            "org_unavailable REQUEST_LIMIT_EXCEEDED",
            Down(Unavailable),
        ),
        (404, Some("NOT_FOUND"), "x", "org_unavailable NOT_FOUND", Down(Unavailable)),
        (413, None, "", "refused", Up),
    ] {
        let fixture = Fixture::start().await;
        let error = code.map(|code| json!({"code": code, "message": message}));
        let body = code.is_none().then_some(message);
        fixture
            .script(json!({"on": "write", "do": {"kind": "status", "status": status, "error": error, "body": body}}));
        let commands = fixture.by_key(Action::Upsert, KEY, &["a"], "{}");
        assert_eq!(shorts(&fixture.write(&commands).await), [expected], "{status}");
        assert_eq!(*fixture.salesforce.watch().borrow(), availability, "{status}");
    }
}

#[tokio::test]
async fn the_probe_ends_it() {
    let fixture = Fixture::start().await;
    fixture.script(json!({"on": "data", "times": 2, "do": {"kind": "status", "status": 420, "body": ""}}));
    fixture.salesforce.probe().await;
    for probe in [true, true, false] {
        let turn = fixture.salesforce.turn().await;
        assert_eq!(turn.is_probe(), probe);
        fixture.salesforce.probe().await;
    }
}

#[tokio::test]
async fn a_query_that_fails_is_never_unknown() {
    let fixture = Fixture::start().await;
    fixture.upsert(KEY, &["a"]).await;
    let commands = fixture.by_key(Action::Update, KEY, &["a"], "{}");
    for fault in [
        json!({"kind": "cut", "when": "after"}),
        json!({"kind": "garbage", "body": "<html>"}),
        json!({"kind": "status", "status": 500, "body": ""}),
    ] {
        fixture.salesforce.clear_cache();
        fixture.script(json!({"on": "query", "do": fault}));
        assert_eq!(shorts(&fixture.write(&commands).await), ["org_unavailable"], "{fault}");
    }
    assert_eq!(fixture.org.calls().update, 0);
}

#[tokio::test]
async fn usage_below_the_reserve_is_seen_in_every_answer() {
    let fixture = Fixture::start().await;
    fixture.org.change_settings(json!({"quota_max": 100, "quota_used": 93})).unwrap();
    fixture.upsert(KEY, &["a"]).await;
    assert_eq!(*fixture.salesforce.watch().borrow(), Down(Quota));
    fixture.org.change_settings(json!({"quota_used": 10})).unwrap();
    fixture.salesforce.probe().await;
    assert_eq!(*fixture.salesforce.watch().borrow(), Up);
}

#[tokio::test]
async fn a_describe_is_asked_for_once_and_waits_for_the_org() {
    let org = sandbox().await;
    org.script(json!({"on": "describe", "times": 3, "do": {"kind": "status", "status": 503, "body": ""}})).unwrap();
    let salesforce = salesforce(&config(&org));
    let names = ["Account", "ACCOUNT", "account"];
    let described =
        futures::future::join_all(names.map(|name| salesforce.describe(name, Refresh::IfLacking("no_such__c")))).await;
    assert!(described.iter().all(|sobject| &*sobject.as_ref().unwrap().name == "Account"));
    assert_eq!(org.calls().describe, 4);
}

#[tokio::test]
async fn what_is_not_in_the_org_is_said_so() {
    let fixture = Fixture::start().await;
    let cause = fixture.salesforce.describe("Nothing__c", Refresh::IfUnknown).await.unwrap_err();
    assert_eq!(cause.to_string(), "NOT_FOUND: The requested resource does not exist");
    assert_eq!(*fixture.salesforce.watch().borrow(), Up);
}
