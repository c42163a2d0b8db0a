//! What one bad record may cost: API calls beyond the one that its good neighbours take, and beyond its own.

use sandbox::{Action, Fault, On};
use serde_json::{Value, json};

use super::started;
use crate::harness::{Daemon, OBJECT, Record, Seeded, TestBed, python, record, side_by_side, unique, until, upsert};

/// Rows of one call.
const ROWS: usize = 200;
/// Twice the logarithm of that.
const HALVING: u64 = 15;

/// As `faults::numbered`, with this value in place of the 150th.
fn with_a_bad_one(value: &str) -> Vec<Record> {
    let good = (0..ROWS).map(|n| upsert(&format!("key{n}"), &n.to_string()));
    let bad = |(n, good)| if n == 150 { record("key150", value) } else { good };
    good.enumerate().map(bad).collect()
}

async fn bed(name: &str) -> TestBed {
    let mut bed = TestBed::new(name).await;
    // All rows are read before the call is made.
    bed.config.set("pipeline.linger", "'1s'").set("retry.row_timeout", "'3s'");
    bed
}

/// Runs the records and gives back the calls that were made of the org beside the describe at the start, and the code of
/// the only dead letter.
async fn calls_and_code(bed: &TestBed, records: &[Record]) -> (u64, String) {
    let metrics = bed.run(records).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (records.len() as u64 - 1, 1));
    let letter = bed.dead_letters(1).await.remove(0);
    let class = || letter.header("__connect.errors.exception.class.name").unwrap();
    (calls(bed) - 1, letter.header("sobjectd.status_code").unwrap_or_else(class))
}

/// The calls of the org but for creates, by which tests make the records that are there before.
fn calls(bed: &TestBed) -> u64 {
    let calls = bed.org.calls();
    calls.describe + calls.query + calls.update + calls.upsert + calls.delete
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_error_of_the_org_costs_no_further_call() {
    let long = json!({"Text__c": "x".repeat(256)}).to_string();
    side_by_side(
        [
            ("too-long", long.as_str(), "STRING_TOO_LONG"),
            ("picklist", r#"{"Picklist__c":"Purple"}"#, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
            ("email", r#"{"Email__c":"no address"}"#, "INVALID_EMAIL_ADDRESS"),
        ],
        async |(name, value, code)| {
            let bed = bed(name).await;
            assert_eq!(calls_and_code(&bed, &with_a_bad_one(value)).await, (1, code.to_owned()), "{name}");
        },
    )
    .await;
    let bed = bed("rule").await;
    let rule = Action::row_error("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Too many of them");
    bed.fault(Fault::on(On::Upsert, rule).key("key150").always());
    let (calls, code) = calls_and_code(&bed, &with_a_bad_one(r#"{"Text__c":"x"}"#)).await;
    assert_eq!((calls, code.as_str()), (1, "FIELD_CUSTOM_VALIDATION_EXCEPTION"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_field_that_is_missing_costs_no_call() {
    let mut bed = bed("required").await;
    bed.config.in_route("sobject", "'Contact'");
    let good = |n: usize| record(format!("key{n}"), r#"{"LastName":"x"}"#);
    let records: Vec<_> =
        (0..ROWS).map(|n| if n == 150 { record("key150", r#"{"FirstName":"x"}"#) } else { good(n) }).collect();
    assert_eq!(calls_and_code(&bed, &records).await, (1, "REQUIRED_FIELD_MISSING".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_certain_to_be_refused_never_reaches_the_org() {
    side_by_side(
        [
            r#"{"Date__c":"29.02.2024"}"#,
            r#"{"Date__c":""}"#,
            r#"{"DateTime__c":"2024-02-29 07:00:00"}"#,
            r#"{"Time__c":"noon"}"#,
            r#"{"Number__c":"1.000,50"}"#,
            r#"{"Checkbox__c":"yes"}"#,
            r#"{"Stray__c":1}"#,
        ],
        async |value| {
            let bed = bed("certain").await;
            let expected = (1, "sobjectd.InvalidField".to_owned());
            assert_eq!(calls_and_code(&bed, &with_a_bad_one(value)).await, expected, "{value}");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_texts_are_nulls_where_the_route_says_so() {
    let mut bed = bed("empty").await;
    bed.config.in_route("empty", "'null'");
    let value = r#"{"Date__c":"","Number__c":"","Checkbox__c":"","Text__c":"x"}"#;
    let metrics = bed.run(&[record("a", value), record("b", r#"{"Checkbox__c":null}"#)]).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (2, 0));
    let sent = bed.sent("a").unwrap();
    let fields = ["Date__c", "Number__c", "Checkbox__c", "Text__c"].map(|name| sent[name].as_str());
    assert_eq!(fields, ["null", "null", "false", "\"x\""]);
    assert_eq!(bed.sent("b").unwrap()["Checkbox__c"], "false", "a checkbox is never null");
}

/// The second unique field is another external id of the object.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_a_second_unique_field_costs_three_calls() {
    let bed = bed("unique").await;
    Seeded(&bed.org).create(OBJECT, r#"{"ExternalId__c":"other","ExternalIdCase__c":"taken"}"#).await;
    let records = with_a_bad_one(r#"{"ExternalIdCase__c":"taken"}"#);
    assert_eq!(calls_and_code(&bed, &records).await, (1 + 3, "DUPLICATE_VALUE".to_owned()));
    let letter = bed.dead_letters(1).await.remove(0);
    assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.Refused");
    assert!(letter.header("sobjectd.message").unwrap().contains("ExternalIdCase__c"), "the org's own text");
    assert_eq!(letter.header("sobjectd.attempts").unwrap(), "4");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_for_a_key_costs_one_call_whatever_its_text() {
    side_by_side(
        ["duplicate value found: <unknown> duplicates value on record with id: <unknown>", "Already there."],
        async |text| {
            let bed = bed("race").await;
            let raced = Action::row_error("DUPLICATE_VALUE", text).in_rows(&[2, 5]);
            bed.fault(Fault::on(On::Upsert, raced));
            let metrics = bed.run(&super::numbered(ROWS)).await;
            assert_eq!(metrics.settled("written"), ROWS as u64);
            assert_eq!(calls(&bed) - 1, 1 + 1, "both rows again in one call: {text}");
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_deleted_under_an_upsert_costs_one_call() {
    side_by_side(["ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY"], async |code| {
        let bed = bed("deleted").await;
        bed.fault(Fault::on(On::Upsert, Action::row_error(code, "gone")).key("key150"));
        let metrics = bed.run(&super::numbered(ROWS)).await;
        assert_eq!(metrics.settled("written"), ROWS as u64);
        assert_eq!(calls(&bed) - 1, 1 + 1, "{code}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_of_a_deleted_record_costs_one_call() {
    let bed = bed("target").await;
    let ids: Vec<_> = (0..3).map(|n| format!(r#"{{"ExternalId__c":"key{n}"}}"#)).collect();
    let mut deleted = String::new();
    for fields in &ids {
        deleted = Seeded(&bed.org).create(OBJECT, fields).await;
    }
    Seeded(&bed.org).delete(OBJECT, &deleted).await;
    let before = calls(&bed);
    let updates: Vec<_> = (0..3).map(|n| upsert(&format!("key{n}"), "x").operation("UPDATE")).collect();
    let metrics = bed.run(&updates).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (2, 1));
    assert!(calls(&bed) - before - 1 <= 2 + 1, "a query and an update, and one call more: {:?}", bed.org.calls());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_that_comes_later_costs_one_call() {
    let bed = bed("parent").await;
    let mut records = super::numbered(ROWS - 1);
    records.insert(0, record("child", r#"{"Parent__r":{"ExternalId__c":"key150"}}"#));
    let metrics = bed.run(&records).await;
    assert_eq!(metrics.settled("written"), ROWS as u64);
    assert_eq!(calls(&bed) - 1, 1 + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trigger_that_fails_for_one_row_costs_its_halving() {
    let bed = bed("trigger-cost").await;
    let fails = Action::trigger("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "T: System.NullPointerException");
    bed.fault(Fault::on(On::Upsert, fails).key("key150").always());
    let (calls, code) = calls_and_code(&bed, &super::numbered(ROWS)).await;
    assert_eq!(code, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY");
    assert!(calls <= 1 + 1 + HALVING, "{calls} calls");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_names_an_innocent_row_costs_no_more_than_halving() {
    side_by_side(["Unexpected character at [line:1, column:40]", "No such column 'Text__c'", "no"], async |message| {
        let bed = bed("wrong-hint").await;
        let refused = Action::error(400, "JSON_PARSER_ERROR", message);
        bed.fault(Fault::on(On::Upsert, refused).key("key150").always());
        let (calls, code) = calls_and_code(&bed, &super::numbered(ROWS)).await;
        assert_eq!(code, "JSON_PARSER_ERROR");
        assert!(calls <= 1 + 1 + HALVING, "{calls} calls: {message}");
    })
    .await;
}

/// What the org says of an object, but for what `change` does to one of its fields.
async fn described(bed: &TestBed, field: &str, change: impl Fn(&mut Vec<Value>, usize)) -> Action {
    let mut described: Value = serde_json::from_str(&Seeded(&bed.org).describe(OBJECT).await).unwrap();
    let fields = described["fields"].as_array_mut().unwrap();
    let at = fields.iter().position(|described| described["name"] == field).unwrap();
    change(fields, at);
    Action::garbage(described.to_string())
}

/// A field is hidden while the daemon runs: the org refuses calls that hold it, and describes it no more.
#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_hidden_costs_two_calls_a_topic() {
    const RECORDS: usize = 5 * ROWS;
    let mut bed = bed("hidden").await;
    bed.config.set("salesforce.describe_interval", "'500ms'").set("salesforce.max_concurrent_requests", "1");
    let daemon = started(&bed, 1).await;
    daemon.settled(1).await;
    bed.fault(Fault::on(On::Describe, described(&bed, "Text__c", |fields, at| drop(fields.remove(at))).await).always());
    let message = format!("No such column 'Text__c' on sobject of type {OBJECT}");
    let refused = Action::error(400, "INVALID_FIELD", message);
    bed.fault(Fault::on(On::Upsert, refused).always());
    let before = bed.org.calls();
    bed.produce(&(0..RECORDS).map(|n| upsert(&format!("hidden{n}"), "x")).collect::<Vec<_>>()).await;
    let metrics = daemon.settled(1 + RECORDS as u64).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (1, RECORDS as u64));
    assert_eq!(bed.org.calls().upsert - before.upsert, 1, "and a describe at most each half second");
    let letter = &bed.dead_letters(RECORDS).await[RECORDS - 1];
    assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.InvalidField");
    assert_eq!(letter.header("sobjectd.fields").unwrap(), "Text__c");
    // It is given back.
    bed.org.clear_faults();
    let given_back = async || {
        bed.produce(&[upsert("back", "x")]).await;
        bed.find("back")
    };
    until("a row with the field", given_back).await;
    drop(daemon);
}

/// The describe still has the field: one row of the call speaks for all.
#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_refused_and_described_costs_two_calls() {
    let bed = bed("refused-field").await;
    let message = format!("No such column 'Text__c' on sobject of type {OBJECT}");
    let refused = Action::error(400, "INVALID_FIELD", message);
    bed.fault(Fault::on(On::Upsert, refused).always());
    let metrics = bed.run(&super::numbered(ROWS)).await;
    assert_eq!(metrics.settled("dead_lettered"), ROWS as u64);
    assert_eq!(bed.org.calls().upsert, 2);
}

/// The key field of updates is hidden: their queries are refused for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_field_that_is_refused_waits_and_costs_a_query_for_each_probe() {
    let bed = bed("refused-key").await;
    let message = "No such column 'ExternalId__c' on entity 'MyObject__c'.";
    let refused = Action::error(400, "INVALID_FIELD", message);
    bed.fault(Fault::on(On::Query, refused).always());
    let updates: Vec<_> = super::numbered(ROWS).into_iter().map(|row| row.operation("UPDATE")).collect();
    bed.produce(&updates).await;
    let daemon = Daemon::start(&bed.config).await;
    let refused = daemon.event("place_refused").with("operation", "update").await;
    assert!(refused.contains("No such column"), "{refused}");
    until("a probe", async || (bed.org.calls().query > 1).then_some(())).await;
    let calls = bed.org.calls();
    assert!(calls.query <= 4 && calls.update == 0, "{calls:?}: those that were under way, and a probe");
    assert_eq!(daemon.metrics().await.settled("dead_lettered"), 0, "no record is to blame");
    bed.org.clear_faults();
    let metrics = daemon.settled(ROWS as u64).await;
    assert_eq!(metrics.settled("dead_lettered"), ROWS as u64, "there are no such records");
    daemon.stop().await;
}

/// A permission is given back while the breaker of the route is open.
#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_closes_when_a_field_may_be_written_again() {
    let mut bed = bed("given-back").await;
    bed.config.in_route("breaker", "2").set("salesforce.describe_interval", "'500ms'");
    let read_only = |fields: &mut Vec<Value>, at: usize| {
        fields[at]["createable"] = false.into();
        fields[at]["updateable"] = false.into();
    };
    bed.fault(Fault::on(On::Describe, described(&bed, "Text__c", read_only).await).always());
    let daemon = started(&bed, 20).await;
    daemon.not_ready().await;
    bed.org.clear_faults();
    let metrics = daemon.settled(20).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (18, 2));
    daemon.ready().await;
    daemon.stop().await;
}

/// A parent that can only be set when its detail is created.
#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_can_only_be_created_is_left_out_of_an_update() {
    let mut bed = TestBed::with_schema("create-only", |object, field| {
        if object == OBJECT && ["Account__c", "Phone__c"].contains(&field["name"].as_str().unwrap()) {
            field["updateable"] = false.into();
        }
    })
    .await;
    bed.config.set("pipeline.linger", "'1s'");
    Seeded(&bed.org).create("Account", r#"{"Name":"a","ExternalId__c":"A"}"#).await;
    let value =
        |text: &str| json!({"Account__r": {"ExternalId__c": "A"}, "Phone__c": "1", "Text__c": text}).to_string();
    let records = |text: &str| (0..20).map(|n| record(format!("key{n}"), value(text))).collect::<Vec<_>>();
    bed.produce(&records("first")).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(20).await;
    bed.produce(&records("second")).await;
    let metrics = daemon.settled(40).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (40, 0));
    assert_eq!(bed.org.calls().upsert, 3, "the updates of one call go once more, in one call");
    let stored = bed.find("key7").unwrap();
    assert_eq!((stored["Text__c"].as_str(), stored["Phone__c"].as_str()), (r#""second""#, r#""1""#));
    assert_eq!(daemon.event("create_only_field_left_out").lines().len(), 2, "one line for each field");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_names_every_field_that_is_wrong() {
    let bed = bed("all-fields").await;
    let value =
        r#"{"Name":"x","IsDeleted":false,"CreatedDate":1709288430000,"SystemModstamp":1709288430000,"Date__c":"x"}"#;
    bed.run(&[record("a", value)]).await;
    let letter = bed.dead_letters(1).await.remove(0);
    assert_eq!(letter.header("sobjectd.fields").unwrap(), "IsDeleted,CreatedDate,SystemModstamp,Date__c");
    let message = letter.header("sobjectd.message").unwrap();
    for field in ["IsDeleted", "CreatedDate", "SystemModstamp", "Date__c"] {
        assert!(message.contains(field), "{field} in {message}");
    }
}

/// One bad row in a hundred, each with a value that another record has.
#[tokio::test(flavor = "multi_thread")]
async fn many_bad_rows_stay_within_their_calls() {
    let bed = bed("many").await;
    let taken = unique("taken");
    Seeded(&bed.org).create(OBJECT, &json!({"ExternalId__c": "other", "ExternalIdCase__c": taken}).to_string()).await;
    let bad = json!({"ExternalIdCase__c": taken}).to_string();
    let records: Vec<_> = (0..10 * ROWS)
        .map(|n| if n % 100 == 50 { record(format!("key{n}"), bad.as_str()) } else { upsert(&format!("key{n}"), "x") })
        .collect();
    python::produce(bed.broker, &bed.topic, &records).await;
    let daemon = Daemon::start(&bed.config).await;
    let metrics = daemon.settled(records.len() as u64).await;
    assert_eq!(metrics.settled("dead_lettered"), 20);
    assert!(bed.org.calls().upsert <= 12 + 3 * 20, "{:?}", bed.org.calls());
    daemon.stop().await;
}
