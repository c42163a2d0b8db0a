//! One attempt, one verdict for each row.

use serde_json::json;

use super::*;

#[tokio::test]
async fn four_actions_leave_the_org_as_it_should_be() {
    let fixture = Fixture::start().await;
    let created = fixture.command(Action::Create, None, r#"{"Text__c":"created","Number__c":1.10}"#);
    let verdicts = fixture.write(&[created]).await;
    let Verdict::Written { id: Some(id), created: true } = verdicts[0] else { panic!("{verdicts:?}") };
    let by_id = || Some(Identity::RecordId(id));
    let update = fixture.command(Action::Update, by_id(), r#"{"Text__c":"updated","Number__c":null}"#);
    assert_eq!(shorts(&fixture.write(&[update]).await), ["written true false"]);
    let upsert = fixture.by_key(Action::Upsert, KEY, &["a"], r#"{"Text__c":"upserted"}"#);
    assert_eq!(shorts(&fixture.write(&upsert).await), ["written true true"]);
    assert_eq!(shorts(&fixture.write(&upsert).await), ["written true false"]);
    assert_eq!(fixture.texts(), ["updated", "upserted"]);
    let delete = fixture.command(Action::Delete, by_id(), "");
    assert_eq!(shorts(&fixture.write(std::slice::from_ref(&delete)).await), ["written true false"]);
    assert_eq!(shorts(&fixture.write(&[delete]).await), ["written true false"], "deleted is deleted");
    assert_eq!(fixture.texts(), ["upserted"]);
    let calls = fixture.org.calls();
    assert_eq!((calls.row_calls, calls.create, calls.update, calls.upsert, calls.delete), (0, 1, 1, 2, 2));
}

#[tokio::test]
async fn both_lengths_of_a_record_id_are_one() {
    let fixture = Fixture::start().await;
    let id = fixture.upsert(KEY, &["a"]).await[0];
    let short_form = id.as_str()[..15].parse().unwrap();
    let update = fixture.command(Action::Update, Some(Identity::RecordId(short_form)), r#"{"Text__c":"short"}"#);
    assert_eq!(shorts(&fixture.write(&[update]).await), ["written true false"]);
    assert_eq!(fixture.texts(), ["short"]);
}

#[tokio::test]
async fn a_record_that_never_was_is_rejected_unless_this_delete_removed_it() {
    let fixture = Fixture::start().await;
    let made = fixture.upsert(KEY, &["a"]).await[0];
    let mut text = made.as_str()[..15].to_owned();
    text.replace_range(10..15, "zzzzz");
    let never = || Some(Identity::RecordId(text.parse().unwrap()));
    let delete = fixture.command(Action::Delete, never(), "");
    let update = fixture.command(Action::Update, never(), r#"{"Text__c":"x"}"#);
    for (maybe_applied, expected) in [(false, "rejected NotFound"), (true, "written true false")] {
        let verdicts = shorts(&fixture.attempt(std::slice::from_ref(&delete), maybe_applied).await);
        assert!(verdicts[0].starts_with(expected), "{verdicts:?}");
        let verdicts = shorts(&fixture.attempt(std::slice::from_ref(&update), maybe_applied).await);
        assert!(verdicts[0].starts_with("rejected NotFound"), "{verdicts:?}");
    }
}

#[tokio::test]
async fn a_row_whose_parent_is_not_there_waits() {
    let fixture = Fixture::start().await;
    let mut commands = fixture.by_key(Action::Upsert, KEY, &["a", "b"], r#"{"Text__c":"good"}"#);
    let orphan = json!({"Parent__r": {KEY: "a"}}).to_string();
    commands[1] = fixture.command(Action::Upsert, Some(fixture.key(KEY, "b")), &orphan);
    let missing = "parent INVALID_FIELD";
    assert_eq!(shorts(&fixture.write(&commands).await), ["written true true", missing], "both in one call");
    assert_eq!(shorts(&fixture.write(&commands[1..]).await), ["written true true"]);
    let text = "Foreign key external ID: z not found for field ExternalId__c in entity MyObject__c";
    let whole = json!({"kind": "status", "status": 400, "error": {"code": "INVALID_FIELD", "message": text}});
    fixture.script(json!({"on": "upsert", "times": 2, "do": whole}));
    assert_eq!(shorts(&fixture.write(&commands[1..]).await), [missing], "the call as a whole, of one row");
    assert_eq!(shorts(&fixture.write(&commands).await), ["call rejected INVALID_FIELD"; 2], "and of more");
}

#[tokio::test]
async fn a_bad_row_costs_itself() {
    let fixture = Fixture::start().await;
    let mut commands = fixture.by_key(Action::Upsert, KEY, &["a", "b", "c"], r#"{"Text__c":"good"}"#);
    commands[1] = fixture.command(Action::Upsert, Some(fixture.key(KEY, "b")), &json!({"Email__c": "no"}).to_string());
    let verdicts = shorts(&fixture.write(&commands).await);
    assert_eq!(verdicts, ["written true true", "rejected Refused INVALID_EMAIL_ADDRESS", "written true true"]);
}

#[tokio::test]
async fn row_errors_become_their_verdicts() {
    for (code, fields, of_two, of_one) in [
        ("UNABLE_TO_LOCK_ROW", json!([]), "backoff UNABLE_TO_LOCK_ROW", "backoff UNABLE_TO_LOCK_ROW"),
        ("DUPLICATE_VALUE", json!([]), "alone DUPLICATE_VALUE", "alone DUPLICATE_VALUE"),
        ("DUPLICATE_VALUE", json!([KEY]), "alone DUPLICATE_VALUE", "alone DUPLICATE_VALUE"),
        (
            "DUPLICATE_VALUE",
            json!(["Other__c"]),
            "rejected Refused DUPLICATE_VALUE",
            "rejected Refused DUPLICATE_VALUE",
        ),
        ("STORAGE_LIMIT_EXCEEDED", json!([]), "storage STORAGE_LIMIT_EXCEEDED", "storage STORAGE_LIMIT_EXCEEDED"),
        (
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            json!([]),
            "smaller CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            "rejected Refused CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        ),
        ("UNKNOWN_EXCEPTION", json!([]), "unknown UNKNOWN_EXCEPTION", "unknown UNKNOWN_EXCEPTION"),
    ] {
        let fixture = Fixture::start().await;
        let fault = json!({"on": "upsert", "times": 2, "do": {"kind": "row_error", "code": code, "message": "x", "fields": fields}});
        fixture.script(fault);
        let commands = fixture.by_key(Action::Upsert, KEY, &["a", "b"], "{}");
        assert_eq!(shorts(&fixture.write(&commands).await), [of_two, of_two]);
        assert_eq!(shorts(&fixture.write(&commands[..1]).await), [of_one]);
    }
}

#[tokio::test]
async fn a_rejected_call_names_its_suspect_where_it_can() {
    let fixture = Fixture::start().await;
    let mut commands = fixture.by_key(Action::Upsert, KEY, &["a", "b", "c"], r#"{"Text__c":"good"}"#);
    commands[1] = fixture.command(Action::Upsert, Some(fixture.key(KEY, "b")), r#"{"Stray__c":1}"#);
    let verdicts = shorts(&fixture.write(&commands).await);
    assert_eq!(verdicts, ["next call", "rejected InvalidField", "next call"], "the description says so, too");
    commands[1] =
        fixture.command(Action::Upsert, Some(fixture.key(KEY, "b")), r#"{"DateTime__c":"2013-08-12T15:20:00+0000"}"#);
    let verdicts = shorts(&fixture.write(&commands).await);
    assert_eq!(
        verdicts,
        [
            "call rejected JSON_PARSER_ERROR",
            "call rejected, named JSON_PARSER_ERROR",
            "call rejected JSON_PARSER_ERROR"
        ]
    );
}

#[tokio::test]
async fn three_answers_in_a_row_that_do_not_fit_are_fatal() {
    let fixture = Fixture::start().await;
    let commands = fixture.by_key(Action::Upsert, KEY, &["a", "b"], "{}");
    let unfit = [
        json!({"kind": "garbage", "body": "<html>"}),
        json!({"kind": "fewer_results"}),
        json!({"kind": "truncate", "bytes": 10}),
    ];
    for fault in [&unfit[0], &unfit[1]] {
        fixture.script(json!({"on": "write", "do": fault}));
        assert_eq!(shorts(&fixture.write(&commands).await), ["unknown", "unknown"]);
    }
    assert_eq!(shorts(&fixture.write(&commands).await), ["written true false"; 2], "one that fits starts over");
    for (fault, expected) in unfit.iter().zip(["unknown", "unknown", "fatal"]) {
        fixture.script(json!({"on": "write", "do": fault}));
        assert_eq!(shorts(&fixture.write(&commands).await), [expected; 2]);
    }
}

#[tokio::test]
async fn keys_that_their_field_takes_as_equal_are_one_record() {
    let fixture = Fixture::start().await;
    for (field, key, created) in [
        (KEY, "K", true),
        (KEY, "k", false),
        (KEY, " K ", false),
        (CASE, "K", true),
        (CASE, "k", true),
        (NUMBER, "1", true),
        (NUMBER, "1.00", false),
    ] {
        let commands = fixture.by_key(Action::Upsert, field, &[key], "{}");
        assert_eq!(shorts(&fixture.write(&commands).await), [format!("written true {created}")], "{field} {key}");
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_holds_nothing() {
    let fixture = Fixture::with(|config| config.max_concurrent_requests = 1).await;
    fixture.script(json!({"on": "write", "times": 3, "do": {"kind": "hang"}}));
    let commands = fixture.by_key(Action::Upsert, KEY, &["a"], "{}");
    for _ in 0..3 {
        assert!(tokio::time::timeout(Duration::from_millis(50), fixture.write(&commands)).await.is_err());
    }
    assert_eq!(shorts(&fixture.write(&commands).await), ["written true true"]);
}
