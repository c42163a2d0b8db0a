//! Refusals of one SObject, action and key field: the org goes on for all others.

use serde_json::json;

use super::*;
use crate::{
    record::{OrgAvailability::*, OrgTrouble::*},
    salesforce::NoDescription,
};

const SOON: Duration = Duration::from_secs(5);

/// A page of a firewall or a proxy.
fn page(status: u16) -> Value {
    json!({"kind": "status", "status": status, "body": "<html>no</html>", "headers": {"location": "https://other/"}})
}

fn error(status: u16, code: &str, message: &str) -> Value {
    json!({"kind": "status", "status": status, "error": {"code": code, "message": message}})
}

/// Refusals, and whether the org itself has spoken.
fn refusals() -> Vec<(Value, bool)> {
    let mut refusals = Vec::new();
    for status in [302, 307, 400, 402, 403, 404, 405, 406, 407, 409, 410, 415, 451] {
        refusals.push((page(status), false));
    }
    for (status, code) in [
        (403, "FORBIDDEN"),
        (404, "NOT_FOUND"),
        (405, "METHOD_NOT_ALLOWED"),
        (415, "UNSUPPORTED_MEDIA_TYPE"),
        (400, "INSUFFICIENT_ACCESS"),
        (403, "INSUFFICIENT_ACCESS"),
    ] {
        refusals.push((error(status, code, "x"), true));
    }
    refusals
}

#[tokio::test]
async fn a_refused_write_is_its_places_and_the_org_stays_up() {
    let fixture = Fixture::start().await;
    let commands = fixture.by_key(Action::Upsert, KEY, &["a", "b"], "{}");
    for (refusal, is_orgs_word) in refusals() {
        fixture.script(json!({"on": "write", "do": refusal}));
        let answered = fixture.salesforce.answered_calls();
        let verdicts = shorts(&fixture.write(&commands).await);
        assert!(verdicts.iter().all(|verdict| verdict.starts_with("place")), "{refusal}: {verdicts:?}");
        assert_eq!(*fixture.salesforce.watch().borrow(), Up, "{refusal}");
        let is_alive = fixture.salesforce.answered_calls() > answered;
        assert_eq!(is_alive, is_orgs_word, "the org's own word shows that it is alive: {refusal}");
    }
    assert!(fixture.texts().is_empty());
    assert_eq!(shorts(&fixture.write(&commands).await), ["written true true"; 2]);
}

#[tokio::test]
async fn after_a_refused_look_up_nothing_is_sent_and_nothing_forgotten() {
    let fixture = Fixture::start().await;
    fixture.upsert(KEY, &["a", "b"]).await;
    let known = fixture.by_key(Action::Update, KEY, &["a"], r#"{"Text__c":"known"}"#);
    assert_eq!(shorts(&fixture.write(&known).await), ["written true false"]);
    let both = fixture.by_key(Action::Update, KEY, &["a", "b"], r#"{"Text__c":"both"}"#);
    let (queries, updates) = (fixture.org.calls().query, fixture.org.calls().update);
    let refusals = refusals();
    for (refusal, _) in &refusals {
        fixture.script(json!({"on": "query", "do": refusal}));
        let verdicts = shorts(&fixture.write(&both).await);
        assert!(verdicts.iter().all(|verdict| verdict.starts_with("place")), "{refusal}: {verdicts:?}");
        assert_eq!(*fixture.salesforce.watch().borrow(), Up, "{refusal}");
    }
    let calls = fixture.org.calls();
    assert_eq!((calls.query - queries, calls.update - updates), (refusals.len() as u64, 0));
    assert_eq!(shorts(&fixture.write(&known).await), ["written true false"]);
    assert_eq!(fixture.org.calls().query, calls.query, "its record id is still known");
}

#[tokio::test]
async fn the_bare_probe_shows_that_the_org_refuses_everything() {
    for refusal in [page(302), page(403), error(403, "FORBIDDEN", "x"), error(403, "INSUFFICIENT_ACCESS", "x")] {
        let fixture = Fixture::start().await;
        fixture.script(json!({"on": "data", "times": 2, "do": refusal}));
        let commands = fixture.by_key(Action::Upsert, KEY, &["a"], "{}");
        assert!(shorts(&fixture.write(&commands).await)[0].starts_with("place"), "{refusal}");
        assert_eq!(*fixture.salesforce.watch().borrow(), Up, "{refusal}");
        fixture.salesforce.probe().await;
        assert_eq!(*fixture.salesforce.watch().borrow(), Down(Unavailable), "{refusal}");
    }
}

#[tokio::test]
async fn rights_that_are_taken_away_refuse_the_place_until_they_are_given_back() {
    for (hidden, of_upsert, of_update) in [
        (OBJECT.to_owned(), "place NOT_FOUND", "place INVALID_TYPE"),
        (format!("{OBJECT}.{KEY}"), "place NOT_FOUND", "place INVALID_FIELD"),
    ] {
        let fixture = Fixture::start().await;
        fixture.upsert(KEY, &["a"]).await;
        let upsert = fixture.by_key(Action::Upsert, KEY, &["a"], "{}");
        let update = fixture.by_key(Action::Update, KEY, &["a"], "{}");
        fixture.org.change_settings(json!({"hidden": [hidden]})).unwrap();
        assert_eq!(shorts(&fixture.write(&upsert).await), [of_upsert], "{hidden}");
        assert_eq!(shorts(&fixture.write(&update).await), [of_update], "{hidden}");
        assert_eq!(*fixture.salesforce.watch().borrow(), Up, "{hidden}");
        fixture.org.change_settings(json!({"hidden": []})).unwrap();
        assert_eq!(shorts(&fixture.write(&upsert).await), ["written true false"], "{hidden}");
        assert_eq!(shorts(&fixture.write(&update).await), ["written true false"], "{hidden}");
    }
}

/// Texts follow the user's language.
#[tokio::test]
async fn a_look_up_rejected_in_any_language_is_the_places_if_the_key_field_is_not_described() {
    for (hidden, expected) in
        [(json!([format!("{OBJECT}.{KEY}")]), "place INVALID_FIELD"), (json!([]), "call rejected INVALID_FIELD")]
    {
        let fixture = Fixture::with(|config| config.describe_interval = Duration::ZERO).await;
        fixture.org.change_settings(json!({"hidden": hidden})).unwrap();
        fixture.script(json!({"on": "query", "do": error(400, "INVALID_FIELD", "Spalte nicht vorhanden")}));
        let update = fixture.by_key(Action::Update, KEY, &["a", "b"], "{}");
        assert_eq!(shorts(&fixture.write(&update).await), [expected; 2]);
        assert_eq!(fixture.org.calls().update, 0);
    }
}

#[tokio::test]
async fn a_refused_describe_waits_alone_and_without_a_permit() {
    for status in [302, 403, 404] {
        let fixture = Fixture::with(|config| config.max_concurrent_requests = 1).await;
        let salesforce = fixture.salesforce.clone();
        fixture.script(json!({"on": "describe", "sobject": "Account", "times": null, "do": page(status)}));
        let waiting = tokio::spawn(async move { salesforce.describe("Account", Refresh::IfUnknown).await });
        let described = fixture.org.calls().describe;
        let begun = async {
            while fixture.org.calls().describe < described + 3 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(SOON, begun).await.expect("it is asked for again");
        let others = async {
            fixture.salesforce.describe("Contact", Refresh::IfUnknown).await.unwrap();
            drop(fixture.salesforce.permit().await);
            fixture.upsert(KEY, &["a"]).await;
        };
        tokio::time::timeout(SOON, others).await.expect("others go on");
        assert_eq!(*fixture.salesforce.watch().borrow(), Up);
        assert_eq!(fixture.org.calls().resources, 1, "the org is asked once in ten seconds: {status}");
        let refused = fixture.salesforce.try_describe("Account").await;
        assert!(matches!(refused, Err(NoDescription::Refused { .. })), "a check does not wait: {refused:?}");
        fixture.org.clear_faults();
        let described = tokio::time::timeout(SOON, waiting).await.expect("the refusal has ended").unwrap();
        assert_eq!(&*described.unwrap().name, "Account");
    }
}

#[tokio::test]
async fn an_org_that_is_away_shows_after_a_refused_describe() {
    let org = sandbox().await;
    let salesforce = salesforce(&config(&org));
    org.script(json!([
        {"on": "describe", "do": page(403)},
        {"on": "resources", "do": error(503, "SERVER_UNAVAILABLE", "maintenance")},
    ]))
    .unwrap();
    let refused = salesforce.try_describe("Account").await;
    assert!(matches!(refused, Err(NoDescription::Refused { .. })), "{refused:?}");
    assert_eq!(*salesforce.watch().borrow(), Down(Unavailable));
    let described = tokio::time::timeout(SOON, salesforce.describe("Account", Refresh::IfUnknown)).await;
    assert!(described.expect("it waits for the org, and then has its answer").is_ok());
    assert_eq!(*salesforce.watch().borrow(), Up);
}

/// A refusal under the permit of a write costs no describe more until it may be made again.
#[tokio::test]
async fn a_description_in_doubt_that_is_refused_is_not_waited_for() {
    let fixture = Fixture::with(|config| config.describe_interval = Duration::ZERO).await;
    let stray = error(400, "INVALID_FIELD", "No such column 'Text__c' on sobject of type MyObject__c");
    fixture.script(json!([
        {"on": "describe", "times": null, "do": page(403)},
        {"on": "write", "times": 2, "do": stray},
    ]));
    let described = fixture.org.calls().describe;
    let commands = fixture.by_key(Action::Upsert, KEY, &["a"], r#"{"Text__c":"x"}"#);
    for _ in 0..2 {
        assert_eq!(shorts(&fixture.write(&commands).await), ["call rejected, named INVALID_FIELD"]);
    }
    assert!((1..=2).contains(&(fixture.org.calls().describe - described)));
    assert_eq!(*fixture.salesforce.watch().borrow(), Up);
}
