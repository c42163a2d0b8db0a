use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;

use super::{Refusal, Refused, Route, Routes, UnroutedTopic};
use crate::{
    config,
    record::{
        Action, Command, Field, Header, Operation, Position, Reason, Record, Rejection, SObject, Schema, Stage,
        Timestamp,
    },
};

const EXTERNAL: &str = "external_id_field = \"Ext__c\"\noperation = \"upsert\"\n";
const ID: &str = "0017Q00000EZlbyQAD";

fn route(more: &str) -> Route {
    let text = format!("topic = \"t\"\nsobject = \"Account\"\noperation_header = \"op\"\n{more}");
    Route::new(&toml::from_str::<config::Route>(&text).unwrap(), 1000, None).unwrap()
}

fn sobject() -> Arc<SObject> {
    let fields = [
        ("Id", "id"),
        ("Name", "string"),
        ("Age__c", "double"),
        ("Day__c", "date"),
        ("At__c", "datetime"),
        ("Time__c", "time"),
        ("Choices__c", "multipicklist"),
        ("Active__c", "boolean"),
    ];
    let fields = fields.map(|(name, kind)| Field::sample(name, kind, false));
    let reference = |name: &str, relationship: &str, to: &[&str]| Field {
        relationship: Some(relationship.into()),
        reference_to: to.iter().map(|name| (*name).into()).collect(),
        ..Field::sample(name, "reference", false)
    };
    let references =
        [reference("ParentId", "Parent", &["Account"]), reference("Owner__c", "Owner__r", &["Group", "Account"])];
    let key = Field::sample("Ext__c", "string", true);
    Arc::new(SObject::new("Account", fields.into_iter().chain(references).chain([key])))
}

/// The parent of each reference: another account.
fn parent() -> Arc<SObject> {
    let fields = [Field::sample("Ext__c", "string", true), Field::sample("Number__c", "double", true)];
    Arc::new(SObject::new("Account", fields.into_iter().chain([Field::sample("Name", "string", false)])))
}

fn record(key: Option<&str>, value: Option<&str>, headers: &[(&str, Option<&str>)]) -> Record {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let header = |(name, value): &(&str, Option<&str>)| Header { name: (*name).to_owned(), value: value.map(bytes) };
    Record {
        position: Position { topic: "t".into(), partition: 0, offset: 0 },
        timestamp: None,
        key: key.map(bytes),
        value: value.map(bytes),
        headers: headers.iter().map(header).collect(),
    }
}

fn command(route: &Route, record: &Record) -> Result<Command, Rejection> {
    let sobject = sobject();
    let key_field = route.external_id_field.as_deref().map(|name| Arc::new(sobject.key_field(name).unwrap()));
    let schema = Schema { sobject, key_field, parents: vec![parent()] };
    let rejection = |refused: Refused| match refused.refusal {
        Refusal::Rejected(rejection) => rejection,
        Refusal::UnknownField { sobject, field } => {
            Rejection::put(Reason::InvalidField, format!("unknown {sobject}.{field}"))
        }
        Refusal::Undescribed(sobject) => Rejection::put(Reason::InvalidField, format!("undescribed {sobject}")),
    };
    let intent = route.intent(record).map_err(rejection)?;
    // Nobody is asked: the formats here have no registry.
    let message = route.converters.message(record, route.wanted(intent)).now_or_never().unwrap()?;
    route.command(record, &message, intent, &schema).map_err(rejection)
}

fn reason(route: &Route, record: &Record) -> Reason {
    command(route, record).expect_err("rejected").reason
}

#[test]
fn the_operation_is_that_of_the_table() {
    type Row = (&'static str, Option<&'static str>, Option<Option<&'static str>>, Result<Operation, Reason>);
    let value = Some("{}");
    let rows: &[Row] = &[
        ("", value, None, Ok(Operation::Upsert)),
        ("", value, Some(Some(" update ")), Ok(Operation::Update)),
        ("", value, Some(Some("\"DELETE\"")), Ok(Operation::Delete)),
        ("", value, Some(Some("c")), Ok(Operation::Insert)),
        ("", value, Some(Some("D")), Ok(Operation::Delete)),
        ("", None, Some(Some("Delete")), Ok(Operation::Delete)),
        ("", None, Some(Some("UPDATE")), Err(Reason::InvalidOperation)),
        ("tombstone = \"delete\"", None, Some(Some("UPSERT")), Err(Reason::InvalidOperation)),
        ("tombstone = \"delete\"", None, None, Ok(Operation::Delete)),
        ("", None, None, Err(Reason::InvalidOperation)),
        ("", value, Some(None), Err(Reason::InvalidOperation)),
        ("", value, Some(Some("")), Err(Reason::InvalidOperation)),
        ("", value, Some(Some("\"\"")), Err(Reason::InvalidOperation)),
        ("", value, Some(Some("MERGE")), Err(Reason::InvalidOperation)),
    ];
    for (more, value, header, expected) in rows {
        let headers: Vec<_> = header.map(|value| ("op", value)).into_iter().collect();
        let outcome = command(&route(&format!("{EXTERNAL}{more}")), &record(Some("k"), *value, &headers));
        assert_eq!(outcome.map(|command| command.operation).map_err(|r| r.reason), *expected, "{header:?} {value:?}");
    }
    let twice = [("op", Some("UPDATE")), ("op", Some("UPDATE"))];
    assert_eq!(reason(&route(EXTERNAL), &record(Some("k"), value, &twice)), Reason::InvalidOperation);
}

#[test]
fn each_operation_in_each_id_mode() {
    for (external, word, expected) in [
        (true, "INSERT", Ok(Action::Upsert)),
        (true, "UPDATE", Ok(Action::Update)),
        (true, "DELETE", Ok(Action::Delete)),
        (true, "UPSERT", Ok(Action::Upsert)),
        (false, "INSERT", Ok(Action::Create)),
        (false, "UPDATE", Ok(Action::Update)),
        (false, "DELETE", Ok(Action::Delete)),
        (false, "UPSERT", Err(Reason::InvalidOperation)),
    ] {
        let route = route(if external { EXTERNAL } else { "" });
        let command = command(&route, &record(Some(ID), Some("{}"), &[("op", Some(word))]));
        assert_eq!(command.map(|command| command.action).map_err(|r| r.reason), expected, "{external} {word}");
    }
}

#[test]
fn a_plain_insert_needs_no_key_and_everybody_else_does() {
    let insert = command(&route(""), &record(None, Some(r#"{"Name":"a"}"#), &[])).unwrap();
    assert!(insert.target.is_none());
    for key in [None, Some(""), Some("  ")] {
        assert_eq!(reason(&route(EXTERNAL), &record(key, Some("{}"), &[])), Reason::InvalidKey, "{key:?}");
    }
    assert_eq!(
        reason(&route(""), &record(Some("nonsense"), Some("{}"), &[("op", Some("UPDATE"))])),
        Reason::InvalidKey
    );
}

#[test]
fn a_delete_does_not_read_its_value() {
    let delete = command(&route(EXTERNAL), &record(Some("k"), Some("not json"), &[("op", Some("DELETE"))])).unwrap();
    assert!(delete.fields.is_empty());
}

#[test]
fn the_identity_may_lie_in_the_value_or_in_a_header() {
    let in_value = route(&format!("{EXTERNAL}identity = \"value.ext__C\""));
    let target = |route: &Route, record: &Record| command(route, record).unwrap().target.unwrap().to_string();
    assert_eq!(target(&in_value, &record(None, Some(r#"{"Ext__c":"\u0041"}"#), &[])), "Ext__c=A");
    assert_eq!(target(&in_value, &record(None, Some(r#"{"Ext__c":1.50}"#), &[])), "Ext__c=1.50");
    for value in [r#"{"Ext__c":null}"#, r#"{"Ext__c":[1]}"#, "{}"] {
        assert_eq!(reason(&in_value, &record(None, Some(value), &[])), Reason::InvalidKey, "{value}");
    }
    let in_header = route(&format!("{EXTERNAL}identity = \"header.id\""));
    assert_eq!(target(&in_header, &record(None, Some("{}"), &[("id", Some("h"))])), "Ext__c=h");
    for headers in [&[][..], &[("id", None)], &[("id", Some("a")), ("id", Some("b"))]] {
        assert_eq!(reason(&in_header, &record(None, Some("{}"), headers)), Reason::InvalidKey, "{headers:?}");
    }
}

#[test]
fn the_payload_never_chooses_the_target() {
    let native = [("op", Some("UPDATE"))];
    for (more, headers, key, value, expected) in [
        ("", &native[..], ID, r#"{"Id":"0017Q00000EZlby","Name":"n"}"#, Ok(())),
        ("", &native, ID, r#"{"\u0049D":"0017Q00000EZlbx"}"#, Err(Reason::TargetMismatch)),
        ("", &native, ID, r#"{"Id":null}"#, Err(Reason::TargetMismatch)),
        ("", &[], ID, r#"{"Id":"0017Q00000EZlby"}"#, Err(Reason::TargetMismatch)),
        (EXTERNAL, &[], "k", r#"{"ext__c":"K ","Name":"n"}"#, Ok(())),
        (EXTERNAL, &[], "k", r#"{"Ext__c":"other"}"#, Err(Reason::TargetMismatch)),
        (EXTERNAL, &[], "k", r#"{"Ext__c":null}"#, Err(Reason::TargetMismatch)),
        (EXTERNAL, &[], "k", r#"{"Id":"0017Q00000EZlby"}"#, Err(Reason::TargetMismatch)),
        (EXTERNAL, &[], "k", r#"{"Attributes":{"type":"User"},"Name":"n"}"#, Ok(())),
    ] {
        let outcome = command(&route(more), &record(Some(key), Some(value), headers));
        if let Ok(command) = &outcome {
            assert_eq!(fields(command), [("Name", "\"n\"")], "{value}");
        }
        assert_eq!(outcome.map(|_| ()).map_err(|rejection| rejection.reason), expected, "{value}");
    }
}

fn fields(command: &Command) -> Vec<(&str, &str)> {
    command.fields.iter().map(|(name, value)| (&**name, value)).collect()
}

#[test]
fn fields_are_spelt_as_the_org_does_and_valued_as_the_record_does() {
    let value = r#"{ "NAME" : "\u00e9" , "age__C": 1.50 }"#;
    let command = command(&route(EXTERNAL), &record(Some("k"), Some(value), &[])).unwrap();
    assert_eq!(fields(&command), [("Name", r#""\u00e9""#), ("Age__c", "1.50")]);
}

#[test]
fn include_exclude_and_nulls() {
    let value = r#"{"Name":null,"Age__c":1}"#;
    let of = |more: &str| {
        let command = command(&route(&format!("{EXTERNAL}{more}")), &record(Some("k"), Some(value), &[])).unwrap();
        fields(&command).into_iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of(""), ["Name", "Age__c"]);
    assert_eq!(of("nulls = \"ignore\""), ["Age__c"]);
    assert_eq!(of("fields.include = [\"name\"]"), ["Name"]);
    assert_eq!(of("fields.exclude = [\"NAME\"]"), ["Age__c"]);
}

/// The only field of the row, or why there is none.
fn one_field(more: &str, value: &str) -> Result<(String, String), String> {
    let mut record = record(Some("k"), Some(value), &[]);
    record.timestamp = Some(Timestamp::Create(1_709_164_800_123));
    record.position.offset = 7;
    let command = command(&route(&format!("{EXTERNAL}{more}")), &record).map_err(|r| r.cause.message)?;
    let fields = fields(&command);
    assert_eq!(fields.len(), 1, "{fields:?}");
    Ok((fields[0].0.to_owned(), fields[0].1.to_owned()))
}

#[test]
fn a_value_is_fitted_to_its_field() {
    for (value, expected) in [
        (r#"{"Name":5}"#, Ok(("Name", r#""5""#))),
        (r#"{"Name":-1.50}"#, Ok(("Name", r#""-1.50""#))),
        (r#"{"Name":true}"#, Ok(("Name", r#""true""#))),
        (r#"{"Age__c":"1.50"}"#, Ok(("Age__c", r#""1.50""#))),
        (r#"{"At__c":0}"#, Ok(("At__c", r#""1970-01-01T00:00:00.000Z""#))),
        (r#"{"At__c":-1}"#, Ok(("At__c", r#""1969-12-31T23:59:59.999Z""#))),
        (
            r#"{"At__c":1.5}"#,
            Err("the field At__c: a number with a fraction does not fit into a field of the type datetime"),
        ),
        (r#"{"At__c":99999999999999999}"#, Err("the field At__c: an instant outside of the years 1 to 9999")),
        (r#"{"Day__c":19782}"#, Err("the field Day__c: a number does not fit into a field of the type date")),
        (r#"{"Time__c":0}"#, Err("the field Time__c: a number does not fit into a field of the type time")),
        (r#"{"Age__c":true}"#, Err("the field Age__c: a boolean does not fit into a field of the type double")),
        (r#"{"Active__c":1}"#, Err("the field Active__c: a number does not fit into a field of the type boolean")),
        (r#"{"Choices__c":["A","\u0042 c"]}"#, Ok(("Choices__c", r#""A;B c""#))),
        (r#"{"Choices__c":[]}"#, Ok(("Choices__c", "null"))),
        (
            r#"{"Choices__c":["A;B"]}"#,
            Err("the field Choices__c: a choice of a picklist cannot hold a semicolon: \"A;B\""),
        ),
        (
            r#"{"Choices__c":["A",null]}"#,
            Err("the field Choices__c: a choice of a picklist is a text, and one is null"),
        ),
        (r#"{"Name":["A"]}"#, Err("the field Name: an array does not fit into a field of the type string")),
    ] {
        let expected = expected.map(|(name, json): (&str, &str)| (name.to_owned(), json.to_owned()));
        assert_eq!(one_field("", value), expected.map_err(str::to_owned), "{value}");
    }
    let off = one_field("fields.multipicklist = false", r#"{"Choices__c":["A"]}"#).unwrap_err();
    assert!(off.contains("an array does not fit"), "{off}");
}

#[test]
fn a_parent_is_named_by_its_external_id() {
    for (value, expected) in [
        (r#"{"Parent":{"Ext__c":"A-\u0037"}}"#, Ok(("Parent", r#"{"Ext__c":"A-7"}"#))),
        (r#"{"parent":{"EXT__C":7}}"#, Ok(("Parent", r#"{"Ext__c":"7"}"#))),
        (r#"{"Parent":{"attributes":{"type":"account"},"Number__c":"7.50"}}"#, Ok(("Parent", r#"{"Number__c":7.5}"#))),
        (
            r#"{"Owner__r":{"attributes":{"type":"Account"},"Ext__c":"7"}}"#,
            Ok(("Owner__r", r#"{"attributes":{"type":"Account"},"Ext__c":"7"}"#)),
        ),
        (r#"{"Parent":null}"#, Ok(("ParentId", "null"))),
        (r#"{"Parent":{"Ext__c":null}}"#, Ok(("ParentId", "null"))),
        (r#"{"Parent":{"Ext__c":" "}}"#, Err("the field Parent.Ext__c: the identity is empty")),
        (
            r#"{"Parent":{"Number__c":"x"}}"#,
            Err("the field Parent.Number__c: Number__c is a number field and the identity is not a number"),
        ),
        (
            r#"{"Parent":{"Name":"n"}}"#,
            Err("the field Parent.Name: Account.Name is neither an external id nor an id lookup field"),
        ),
        (r#"{"Parent":{"Stray__c":"n"}}"#, Err("unknown Account.Stray__c")),
        (r#"{"Parent":{"Ext__c":{"a":1}}}"#, Err("the field Parent.Ext__c is an object, and names no parent")),
        (
            r#"{"Parent":{"Ext__c":"a","Name":"n"}}"#,
            Err("the field Parent has 2 members, and a parent is named by one: its external id"),
        ),
        (r#"{"Parent":{}}"#, Err("the field Parent has 0 members, and a parent is named by one: its external id")),
        (
            r#"{"Parent":"a"}"#,
            Err("Parent is the parent that ParentId leads to, and takes an object with its external id"),
        ),
        (
            r#"{"Owner__r":{"Ext__c":"7"}}"#,
            Err("the field Owner__r: its attributes.type has to name one of Group, Account"),
        ),
        (r#"{"Owner__r":{"attributes":{"type":"Group"},"Ext__c":"7"}}"#, Err("undescribed Group")),
        (
            r#"{"ParentId":{"Ext__c":"7"}}"#,
            Err(
                "the field ParentId: an object does not fit into a field of the type reference; its parent is named Parent",
            ),
        ),
        (r#"{"ParentId":"0017Q00000EZlby","Parent":{"Ext__c":"7"}}"#, Err("the field ParentId is there twice")),
        (r#"{"Street":{"Name":"n"}}"#, Err("unknown Account.Street")),
    ] {
        let expected = expected.map(|(name, json): (&str, &str)| (name.to_owned(), json.to_owned()));
        assert_eq!(one_field("", value), expected.map_err(str::to_owned), "{value}");
    }
}

#[test]
fn the_route_names_and_adds_fields() {
    for (more, value, expected) in [
        ("fields.rename = { full-name = \"Name\" }", r#"{"Full-Name":"n"}"#, Ok(("Name", r#""n""#))),
        ("fields.rename = { code = \"Parent.Ext__c\" }", r#"{"code":"A"}"#, Ok(("Parent", r#"{"Ext__c":"A"}"#))),
        ("fields.rename = { code = \"Parent.Ext__c\" }", r#"{"code":null}"#, Ok(("ParentId", "null"))),
        ("fields.rename = { a = \"Name\" }", r#"{"a":"n","Name":"m"}"#, Err("the field Name is there twice")),
        (
            "fields.rename = { a = \"Id\" }",
            r#"{"a":"0017Q00000EZlby"}"#,
            Err("the value's field Id names another record: the target is Ext__c=k"),
        ),
        (
            "fields.rename = { a = \"Ext__c\" }",
            r#"{"a":"other"}"#,
            Err("the value's field Ext__c names another record: the target is Ext__c=k"),
        ),
        ("fields.rename = { attributes = \"Name\" }", r#"{"attributes":"n"}"#, Ok(("Name", r#""n""#))),
        ("fields.constant = { Name = \"n\\\"\" }", "{}", Ok(("Name", r#""n\"""#))),
        ("fields.constant = { Name = \"n\" }", r#"{"name":"m"}"#, Ok(("Name", r#""n""#))),
        ("fields.constant = { Age__c = -7 }", "{}", Ok(("Age__c", "-7"))),
        ("fields.constant = { Active__c = true }", "{}", Ok(("Active__c", "true"))),
        ("fields.constant = { \"Parent.Ext__c\" = \"A\" }", "{}", Ok(("Parent", r#"{"Ext__c":"A"}"#))),
        ("fields.topic = \"Name\"", r#"{"Name":"m"}"#, Ok(("Name", r#""t""#))),
        ("fields.partition = \"Age__c\"", "{}", Ok(("Age__c", "0"))),
        ("fields.offset = \"Name\"", "{}", Ok(("Name", r#""7""#))),
        ("fields.timestamp = \"At__c\"", "{}", Ok(("At__c", r#""2024-02-29T00:00:00.123Z""#))),
        ("fields.timestamp = \"Day__c\"", "{}", Ok(("Day__c", r#""2024-02-29""#))),
        ("fields.timestamp = \"Age__c\"", "{}", Ok(("Age__c", "1709164800123"))),
        ("fields.include = [\"a\"]\nfields.rename = { a = \"Name\" }", r#"{"a":"n","b":1}"#, Ok(("Name", r#""n""#))),
    ] {
        let expected = expected.map(|(name, json): (&str, &str)| (name.to_owned(), json.to_owned()));
        assert_eq!(one_field(more, value), expected.map_err(str::to_owned), "{more} {value}");
    }
}

const JSON: &str = "key.format = \"json\"\n";

#[test]
fn a_key_of_any_kind_is_the_text_of_an_identity() {
    let target = |more: &str, key: &str| {
        let outcome = command(&route(&format!("{EXTERNAL}{more}")), &record(Some(key), Some("{}"), &[]));
        outcome.map(|command| command.target.unwrap().to_string()).map_err(|rejection| {
            assert_eq!(rejection.stage.name(), "KEY_CONVERTER");
            rejection.cause.message
        })
    };
    for (more, key, expected) in [
        ("", "42", Ok("Ext__c=42")),
        (JSON, "42", Ok("Ext__c=42")),
        (JSON, "-1.50", Ok("Ext__c=-1.50")),
        (JSON, "true", Ok("Ext__c=true")),
        (JSON, "\"a\\u0062\"", Ok("Ext__c=ab")),
        (JSON, "{\"id\":7}", Err("it is an object, and key.field does not say which member is the identity")),
        (JSON, "null", Err("it is null, and names no record")),
        (JSON, "[1]", Err("it is an array, and names no record")),
        (JSON, "plain", Err("it is not JSON: expected value at line 1 column 1")),
        ("key.format = \"json\"\nkey.field = \"ID\"", "{\"id\":7}", Ok("Ext__c=7")),
        ("key.format = \"json\"\nkey.field = \"id\"", "{\"a\":7}", Err("it has no member id, which key.field names")),
        (
            "key.format = \"json\"\nkey.field = \"id\"",
            "{\"id\":{}}",
            Err("the field id: it is an object, and names no record"),
        ),
        ("key.format = \"bytes\"", "\u{1}\u{2}", Ok("Ext__c=AQI=")),
        (
            "key.format = \"json_with_schema\"",
            r#"{"schema":{"type":"int64","optional":false},"payload":9223372036854775807}"#,
            Ok("Ext__c=9223372036854775807"),
        ),
    ] {
        let outcome = target(more, key);
        match expected {
            Ok(expected) => assert_eq!(outcome.as_deref(), Ok(expected), "{more} {key}"),
            Err(words) => assert!(outcome.as_ref().is_err_and(|message| message.ends_with(words)), "{outcome:?}"),
        }
    }
}

#[test]
fn bad_values_are_rejected_where_they_fail() {
    const KEY: Stage = Stage::KeyConverter("org.apache.kafka.connect.storage.StringConverter");
    const VALUE: Stage = Stage::ValueConverter("org.apache.kafka.connect.json.JsonConverter");
    let long = format!(r#"{{"Name":"{}"}}"#, "x".repeat(1000));
    for (value, expected, stage) in [
        ("x", Reason::InvalidValue, VALUE),
        (r#"{"Name":1,"name":2}"#, Reason::InvalidValue, VALUE),
        (r#"{"Name":"\ud800"}"#, Reason::InvalidValue, VALUE),
        (r#"{"No Name":1}"#, Reason::InvalidField, Stage::Put),
        (r#"{"Stray__c":1}"#, Reason::InvalidField, Stage::Put),
        (r#"{"Name":{"a":1}}"#, Reason::InvalidField, Stage::Put),
        (&long, Reason::TooLarge, Stage::Put),
    ] {
        let rejection = command(&route(EXTERNAL), &record(Some("k"), Some(value), &[])).unwrap_err();
        assert_eq!((rejection.reason, rejection.stage), (expected, stage), "{value}");
    }
    let mut bytes = record(Some("k"), Some("{}"), &[]);
    bytes.key = Some(Bytes::from_static(b"\xff"));
    let rejection = command(&route(EXTERNAL), &bytes).unwrap_err();
    assert_eq!((rejection.reason, rejection.stage), (Reason::InvalidKey, KEY));
}

#[test]
fn an_exact_topic_beats_a_glob_and_two_globs_are_an_error() {
    let route = |topic: &str| -> config::Route {
        toml::from_str(&format!("topic = \"{topic}\"\nsobject = \"Account\"")).unwrap()
    };
    let routes = Routes::new(&["crm.*", "*.accounts", "crm.leads"].map(route), 1000, None).unwrap();
    let name = |topic: &str| routes.of_topic(topic).map(|route| route.name.to_string());
    assert_eq!(name("crm.leads").as_deref(), Ok("crm.leads"));
    assert_eq!(name("crm.other").as_deref(), Ok("crm.*"));
    assert!(matches!(name("crm.accounts"), Err(UnroutedTopic::Ambiguous { .. })));
    assert!(matches!(name("else"), Err(UnroutedTopic::None(_))));
}
