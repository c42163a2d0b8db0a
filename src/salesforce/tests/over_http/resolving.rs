//! Record ids by external id, as a real query answers.

use serde_json::json;

use super::*;

const TEXT: &str = r#"{"Text__c":"changed"}"#;

async fn update(fixture: &Fixture, field: &str, values: &[&str]) -> Vec<String> {
    shorts(&fixture.write(&fixture.by_key(Action::Update, field, values, TEXT)).await)
}

#[tokio::test]
async fn two_hundred_updates_are_two_calls_and_then_one() {
    let fixture = Fixture::start().await;
    let values: Vec<String> = (0..200).map(|n| format!("key {n}")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    fixture.upsert(KEY, &values).await;
    fixture.salesforce.clear_cache();
    for queries in [1, 1] {
        assert!(update(&fixture, KEY, &values).await.iter().all(|v| v == "written true false"));
        assert_eq!(fixture.org.calls().query, queries, "the second time out of the cache");
    }
    assert_eq!(fixture.org.calls().update, 2);
}

/// The number of queries that an update of these keys makes.
async fn queries_of_update(fixture: &Fixture, values: &[&str]) -> usize {
    let before = fixture.org.calls().query;
    assert_eq!(update(fixture, KEY, values).await, vec!["written true false"; values.len()], "{values:?}");
    (fixture.org.calls().query - before).try_into().unwrap()
}

/// Makes the first look-up of the field, after which its ids are remembered.
async fn look_up(fixture: &Fixture, field: &str) {
    assert_eq!(update(fixture, field, &["nothing has this key"]).await, ["rejected NotFound"]);
}

#[tokio::test]
async fn upserts_are_not_remembered_before_the_first_look_up_and_are_after_it() {
    let fixture = Fixture::start().await;
    fixture.upsert(KEY, &["a", "b"]).await;
    assert_eq!(fixture.salesforce.cached_ids(), 0);
    assert_eq!(queries_of_update(&fixture, &["a"]).await, 1, "the first look-up");
    assert_eq!(queries_of_update(&fixture, &["a"]).await, 0);
    assert_eq!(queries_of_update(&fixture, &["b"]).await, 1, "it was upserted before the first look-up");
    fixture.upsert(KEY, &["c"]).await;
    assert_eq!(queries_of_update(&fixture, &["a", "b", "c"]).await, 0);
    fixture.upsert(NUMBER, &["1"]).await;
    assert_eq!(fixture.salesforce.cached_ids(), 3, "nothing has looked up the other field");
}

#[tokio::test]
async fn the_look_ups_of_deletes_make_no_upsert_remembered() {
    let fixture = Fixture::start().await;
    fixture.upsert(KEY, &["a"]).await;
    assert_eq!(shorts(&fixture.write(&fixture.by_key(Action::Delete, KEY, &["a"], "")).await), ["written true false"]);
    fixture.upsert(KEY, &["a"]).await;
    assert_eq!(fixture.salesforce.cached_ids(), 0);
}

/// The upserts are sent before the field is looked up, and applied after that.
#[tokio::test]
async fn upserts_on_the_wire_during_the_first_look_up_leave_nothing_stale() {
    let fixture = Fixture::start().await;
    let numbered = |number: &str, fields: serde_json::Value| {
        fixture.command(Action::Upsert, Some(fixture.key(NUMBER, number)), &fields.to_string())
    };
    let made = [("1", "moves"), ("2", "other")];
    fixture.write(&made.map(|(number, key)| numbered(number, json!({KEY: key, "Text__c": number})))).await;
    let moving = [numbered("1", json!({KEY: "was"})), numbered("2", json!({KEY: "moves"}))];
    let keyed = fixture.by_key(Action::Upsert, KEY, &["on the wire"], r#"{"Text__c":"3"}"#);
    fixture.script(json!({"on": "upsert", "times": 2, "do": {"kind": "latency", "ms": 1000}}));
    let first_look_up = async {
        while fixture.org.calls().upsert < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(queries_of_update(&fixture, &["moves"]).await, 1);
        assert_eq!(fixture.texts(), ["changed", "2"], "neither upsert is applied yet");
    };
    let (moved, written, ()) = tokio::join!(fixture.write(&moving), fixture.write(&keyed), first_look_up);
    assert_eq!(
        (shorts(&moved), shorts(&written)),
        (vec!["written true false".into(); 2], vec!["written true true".into()])
    );
    assert_eq!(queries_of_update(&fixture, &["moves", "on the wire"]).await, 1);
    assert_eq!(fixture.texts(), ["changed", "changed", "changed"]);
}

#[tokio::test]
async fn a_delete_asks_and_clears_the_cache() {
    let fixture = Fixture::start().await;
    look_up(&fixture, KEY).await;
    fixture.upsert(KEY, &["a"]).await;
    assert_eq!(queries_of_update(&fixture, &["a"]).await, 0);
    let delete = fixture.by_key(Action::Delete, KEY, &["a"], "");
    assert_eq!(shorts(&fixture.write(&delete).await), ["written true false"]);
    assert_eq!(fixture.org.calls().query, 2);
    assert_eq!(update(&fixture, KEY, &["a"]).await, ["rejected NotFound"]);
    assert_eq!(fixture.org.calls().query, 3);
    assert_eq!(shorts(&fixture.write(&delete).await), ["written false false"], "nothing to delete is done");
}

#[tokio::test]
async fn external_ids_with_special_characters_are_resolved() {
    let fixture = Fixture::start().await;
    let values = ["O'Hara", r"back\slash", r"\'", "100% & + ü\u{1F600}", "a,b)", "'; DROP", "tab\tin", "\" quoted"];
    fixture.upsert(KEY, &values).await;
    fixture.salesforce.clear_cache();
    assert_eq!(update(&fixture, KEY, &values).await, vec!["written true false"; values.len()]);
    assert_eq!(fixture.texts(), vec!["changed"; values.len()]);
}

#[tokio::test]
async fn text_is_compared_as_the_org_stores_it() {
    let fixture = Fixture::start().await;
    fixture.upsert(KEY, &[" a ", "K"]).await;
    fixture.salesforce.clear_cache();
    assert_eq!(update(&fixture, KEY, &["a "]).await, ["written true false"]);
    assert_eq!(update(&fixture, KEY, &["k"]).await, ["written true false"]);
}

#[tokio::test]
async fn a_field_that_knows_case_has_two_records_for_two_cases() {
    for soql_ignores_case in [false, true] {
        let fixture = Fixture::start().await;
        fixture.org.change_settings(json!({"soql_ignores_case": soql_ignores_case})).unwrap();
        let ids = fixture.upsert(CASE, &["K", "k"]).await;
        fixture.salesforce.clear_cache();
        for (value, id) in ["K", "k"].iter().zip(&ids) {
            let commands = fixture.by_key(Action::Update, CASE, &[value], TEXT);
            let verdict = &fixture.write(&commands).await[0];
            assert!(matches!(verdict, Verdict::Written { id: Some(written), .. } if written == id), "{verdict:?}");
        }
        // The Kelvin sign is neither.
        assert_eq!(update(&fixture, CASE, &["\u{212A}"]).await, ["rejected NotFound"]);
    }
}

#[tokio::test]
async fn a_field_that_is_not_unique_can_be_ambiguous() {
    let fixture = Fixture::start().await;
    let create = r#"{"ExternalLoose__c":"twice"}"#;
    let commands = [fixture.command(Action::Create, None, create), fixture.command(Action::Create, None, create)];
    assert_eq!(shorts(&fixture.write(&commands).await), ["written true true"; 2]);
    assert_eq!(update(&fixture, LOOSE, &["twice"]).await, ["rejected Ambiguous"]);
    // Exactly equal text goes first; text in another case names another record, as an upsert has it.
    let commands = ["Case", "case", "Single"].map(|text| {
        fixture.command(Action::Create, None, &json!({"ExternalLoose__c": text, "Text__c": text}).to_string())
    });
    fixture.write(&commands).await;
    assert_eq!(
        update(&fixture, LOOSE, &["case", "single", "twice"]).await,
        ["written true false", "rejected NotFound", "rejected Ambiguous"]
    );
    assert_eq!(fixture.texts(), ["Case", "changed", "Single"]);
    let delete = fixture.by_key(Action::Delete, LOOSE, &["SINGLE"], "");
    assert_eq!(shorts(&fixture.write(&delete).await), ["written false false"]);
    assert_eq!(fixture.texts(), ["Case", "changed", "Single"], "nothing was deleted");
    assert_eq!(fixture.org.calls().query, 3, "keys in another case cost no query of their own");
}

#[tokio::test]
async fn external_ids_of_number_fields_compare_as_numbers() {
    let fixture = Fixture::start().await;
    fixture.upsert(NUMBER, &["1.0", "1e3", "-2.50"]).await;
    fixture.salesforce.clear_cache();
    assert_eq!(update(&fixture, NUMBER, &["1", "1000", "-2.5"]).await, ["written true false"; 3]);
    assert_eq!(update(&fixture, NUMBER, &["7"]).await, ["rejected NotFound"]);
}

#[tokio::test]
async fn a_query_answer_of_several_pages_is_followed() {
    let fixture = Fixture::start().await;
    fixture.org.change_settings(json!({"page_size": 3})).unwrap();
    let values: Vec<String> = (0..10).map(|n| format!("p{n}")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    fixture.upsert(KEY, &values).await;
    fixture.salesforce.clear_cache();
    assert_eq!(update(&fixture, KEY, &values).await, vec!["written true false"; 10]);
    assert_eq!(fixture.org.calls().query, 4);
}

#[tokio::test]
async fn long_keys_are_asked_for_in_short_addresses() {
    let fixture = Fixture::start().await;
    let values: Vec<String> = (0..150).map(|n| format!("{n}{}", "ü".repeat(200))).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    fixture.upsert(KEY, &values).await;
    fixture.salesforce.clear_cache();
    assert_eq!(update(&fixture, KEY, &values).await, vec!["written true false"; 150]);
    assert!(fixture.org.calls().query > 1);
    assert_eq!(update(&fixture, KEY, &[&"x".repeat(20_000)]).await, ["rejected NotFound"]);
}

#[tokio::test]
async fn a_record_id_that_is_in_the_call_already_waits_for_the_next() {
    let fixture = Fixture::start().await;
    let id = fixture.upsert(KEY, &["a"]).await[0];
    let commands = [
        fixture.command(Action::Update, Some(fixture.key(KEY, "a")), r#"{"Text__c":"first"}"#),
        fixture.command(Action::Update, Some(Identity::RecordId(id)), r#"{"Text__c":"second"}"#),
    ];
    assert_eq!(shorts(&fixture.write(&commands).await), ["written true false", "next call"]);
    assert_eq!(fixture.texts(), ["first"]);
}

#[tokio::test]
async fn a_cached_id_whose_record_is_gone_is_resolved_again() {
    let fixture = Fixture::start().await;
    look_up(&fixture, KEY).await;
    let old = fixture.upsert(KEY, &["backoff", "gone"]).await;
    // Another client deletes both, and makes one of them anew.
    let deletes: Vec<_> =
        old.iter().map(|id| fixture.command(Action::Delete, Some(Identity::RecordId(*id)), "")).collect();
    fixture.write_elsewhere(&deletes).await;
    let made = fixture.command(Action::Create, None, &json!({KEY: "backoff", "Text__c": "new"}).to_string());
    fixture.write_elsewhere(&[made]).await;
    assert_eq!(update(&fixture, KEY, &["backoff", "gone"]).await, ["written true false", "rejected NotFound"]);
    assert_eq!(fixture.texts(), ["changed"]);
    let calls = fixture.org.calls();
    assert_eq!((calls.query, calls.update), (2, 2));
}

#[tokio::test]
async fn an_unknown_result_forgets_the_record_id() {
    let fixture = Fixture::start().await;
    look_up(&fixture, KEY).await;
    fixture.upsert(KEY, &["a"]).await;
    fixture.script(json!({"on": "update", "do": {"kind": "cut", "when": "after"}}));
    assert_eq!(update(&fixture, KEY, &["a"]).await, ["unknown"]);
    assert_eq!(fixture.org.calls().query, 1, "out of the cache");
    assert_eq!(queries_of_update(&fixture, &["a"]).await, 1);
}

/// Another route gives the external id `e1` to another record.
#[tokio::test]
async fn an_update_follows_an_external_id_that_a_row_of_ours_has_moved() {
    let fixture = Fixture::start().await;
    let by_number = |number: &str, external: &str| {
        let fields = json!({KEY: external, "Text__c": number}).to_string();
        fixture.command(Action::Upsert, Some(fixture.key(NUMBER, number)), &fields)
    };
    fixture.write(&[by_number("1", "e1"), by_number("2", "e2")]).await;
    assert_eq!(update(&fixture, KEY, &["e1"]).await, ["written true false"]);
    for [number, external] in [["1", "e9"], ["2", "e1"]] {
        fixture.write(&[by_number(number, external)]).await;
    }
    assert_eq!(update(&fixture, KEY, &["e1"]).await, ["written true false"]);
    assert_eq!(fixture.texts(), ["1", "changed"]);

    // By its record id, too.
    let moves = |record: usize, external: &str| {
        let id = fixture.org.records(OBJECT)[record].id.to_string().parse().unwrap();
        let fields = json!({KEY: external, "Text__c": external}).to_string();
        fixture.command(Action::Update, Some(Identity::RecordId(id)), &fields)
    };
    for (record, external) in [(1, "e5"), (0, "e1")] {
        fixture.write(&[moves(record, external)]).await;
    }
    assert_eq!(update(&fixture, KEY, &["e1"]).await, ["written true false"]);
    assert_eq!(fixture.texts(), ["changed", "e5"]);
    assert_eq!(fixture.org.calls().query, 3);
}

/// Another client moves the external id, which no cache can know.
#[tokio::test]
async fn a_delete_asks_though_its_record_id_is_in_the_cache() {
    let fixture = Fixture::start().await;
    let old = fixture.upsert(KEY, &["e1", "e2"]).await;
    assert_eq!(queries_of_update(&fixture, &["e1", "e2"]).await, 1);
    for (id, external) in [(old[0], "e9"), (old[1], "e1")] {
        let fields = json!({KEY: external, "Text__c": external}).to_string();
        let command = fixture.command(Action::Update, Some(Identity::RecordId(id)), &fields);
        fixture.write_elsewhere(&[command]).await;
    }
    let delete = fixture.by_key(Action::Delete, KEY, &["e1"], "");
    assert_eq!(shorts(&fixture.write(&delete).await), ["written true false"]);
    assert_eq!((fixture.texts(), fixture.org.calls().query), (vec!["e9".to_owned()], 2));
    // What the query said was news to the cache.
    assert_eq!(update(&fixture, KEY, &["e1"]).await, ["rejected NotFound"]);
}
