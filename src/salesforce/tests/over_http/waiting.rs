//! Answers after which the org is waited for, and describe calls.

use serde_json::json;

use super::*;
use crate::record::{OrgAvailability::*, OrgTrouble::*};

#[tokio::test]
async fn answers_of_an_org_that_takes_no_calls_change_its_state() {
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
        (403, Some("API_DISABLED_FOR_ORG"), "x", "session_expired API_DISABLED_FOR_ORG", Down(Session)),
        (404, Some("NOT_FOUND"), "x", "place NOT_FOUND", Up),
        (403, None, "<html>", "place", Up),
        (413, None, "", "call rejected", Up),
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
async fn a_probe_that_succeeds_ends_an_outage() {
    let fixture = Fixture::start().await;
    fixture.script(json!({"on": "data", "times": 2, "do": {"kind": "status", "status": 420, "body": ""}}));
    fixture.salesforce.probe().await;
    for probe in [true, true, false] {
        let permit = fixture.salesforce.permit().await;
        assert_eq!(permit.is_probe(), probe);
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
async fn an_sobject_that_the_org_lacks_is_an_error_that_says_so() {
    let fixture = Fixture::start().await;
    let cause = fixture.salesforce.describe("Nothing__c", Refresh::IfUnknown).await.unwrap_err();
    assert_eq!(cause.to_string(), "NOT_FOUND: The requested resource does not exist");
    assert_eq!(*fixture.salesforce.watch().borrow(), Up);
}

/// A limit of one suffices: nothing that is done under a permit waits for another one.
#[tokio::test]
async fn one_permit_covers_a_query_a_write_and_what_is_sent_again() {
    let fixture = Fixture::with(|config| config.max_concurrent_requests = 1).await;
    let ids = fixture.upsert(KEY, &["a"]).await;
    let native = fixture.command(Action::Update, Some(Identity::RecordId(ids[0])), r#"{"Text__c":"native"}"#);
    for (commands, text) in
        [(fixture.by_key(Action::Update, KEY, &["a"], r#"{"Text__c":"by key"}"#), "by key"), (vec![native], "native")]
    {
        let permit = fixture.salesforce.permit().await;
        fixture.salesforce.clear_cache();
        fixture.org.expire_sessions();
        let soon = Duration::from_secs(5);
        let written =
            tokio::time::timeout(soon, fixture.write(&commands)).await.expect("no other permit is waited for");
        assert_eq!(shorts(&written), ["written true false"], "{text}");
        assert_eq!(fixture.texts(), [text]);
        let another = tokio::time::timeout(Duration::from_millis(50), fixture.salesforce.permit()).await;
        assert!(another.is_err(), "its permit is still out");
        drop(permit);
    }
}

/// The row is rejected for a field that its description has, and the org has not: the description is fetched again.
#[tokio::test]
async fn a_description_in_doubt_is_fetched_under_the_permit_of_the_write() {
    let fixture = Fixture::with(|config| {
        config.max_concurrent_requests = 1;
        config.describe_interval = Duration::ZERO;
    })
    .await;
    let refused =
        json!({"code": "INVALID_FIELD", "message": "No such column 'Text__c' on sobject of type MyObject__c"});
    fixture.script(json!({"on": "write", "do": {"kind": "status", "status": 400, "error": refused}}));
    let commands = fixture.by_key(Action::Upsert, KEY, &["a"], "{}");
    let described = fixture.org.calls().describe;
    let _permit = fixture.salesforce.permit().await;
    let soon = Duration::from_secs(5);
    tokio::time::timeout(soon, fixture.write(&commands)).await.expect("no other permit is waited for");
    assert_eq!(fixture.org.calls().describe, described + 1);
}

#[tokio::test]
async fn descriptions_at_the_start_pass_a_limit_of_one() {
    let org = sandbox().await;
    let config = config::Salesforce { max_concurrent_requests: 1, ..config(&org) };
    let salesforce = salesforce(&config);
    let held = salesforce.permit().await;
    let names = ["Account", "Contact", OBJECT];
    let describing = futures::future::join_all(names.map(|name| salesforce.describe(name, Refresh::IfUnknown)));
    tokio::pin!(describing);
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut describing).await.is_err(), "the permit is out");
    drop(held);
    assert!(describing.await.iter().all(Result::is_ok));
    assert_eq!((org.calls().describe, org.calls().max_concurrent), (3, 1));
}
