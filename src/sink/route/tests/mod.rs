mod fields;
mod keys;
mod null;

use std::sync::Arc;

use bytes::Bytes;

use super::{Refused, Route, Routes, Unread, UnroutedTopic};
use crate::{
    config,
    format::FetchedSchemas,
    record::{
        Action, Command, ConnectStage, Field, Header, Operation, Position, Reason, Record, Rejection, SObject, Schema,
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
        ("Count__c", "int"),
    ];
    let fields = fields.map(|(name, kind)| Field::sample(name, kind, false));
    let reference = |name: &str, relationship: &str, to: &[&str]| Field {
        relationship: Some(relationship.into()),
        reference_to: to.iter().map(|name| (*name).into()).collect(),
        ..Field::sample(name, "reference", false)
    };
    let references =
        [reference("ParentId", "Parent", &["Account"]), reference("Owner__c", "Owner__r", &["Group", "Account"])];
    // The parent of each reference is another account.
    let keys = [Field::sample("Ext__c", "string", true), Field::sample("Number__c", "double", true)];
    Arc::new(SObject::new("Account", fields.into_iter().chain(references).chain(keys)))
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
        excess: None,
    }
}

fn command(route: &Route, record: &Record) -> Result<Command, Rejection> {
    let sobject = sobject();
    let key_field = route.external_id_field.as_deref().map(|name| Arc::new(sobject.key_field(name).unwrap()));
    let schema = Schema { sobject, key_field, parents: Vec::new() };
    let rejection = |refused: Refused| refused.refusal.into_rejection();
    let (intent, message) = route.read(record, &FetchedSchemas::default()).map_err(|unread| match unread {
        Unread::Refused(refused) => rejection(refused),
        Unread::NeedsSchema(..) => panic!("the formats here have no registry"),
    })?;
    route.command(record, &message, intent, &schema).map_err(rejection)
}

fn reason(route: &Route, record: &Record) -> Reason {
    command(route, record).expect_err("rejected").reason
}

#[test]
fn header_value_and_tombstone_decide_the_operation() {
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
    let twice = [("op", Some("UPDATE")), ("op", Some("u"))];
    assert_eq!(reason(&route(EXTERNAL), &record(Some("k"), value, &twice)), Reason::InvalidOperation);
    let alike = [("op", Some("DELETE")), ("op", Some(r#"{"schema":{"type":"string"},"payload":"delete"}"#))];
    assert_eq!(command(&route(EXTERNAL), &record(Some("k"), value, &alike)).unwrap().operation, Operation::Delete);
}

#[test]
fn each_operation_has_an_action_by_external_id_and_by_record_id() {
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
fn every_operation_but_a_plain_insert_needs_a_key() {
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
fn the_value_of_a_delete_is_not_read() {
    let delete = command(&route(EXTERNAL), &record(Some("k"), Some("not json"), &[("op", Some("DELETE"))])).unwrap();
    assert!(delete.fields.is_empty());
}

#[test]
fn the_identity_may_be_in_the_value_or_in_a_header() {
    let in_value = route(&format!("{EXTERNAL}identity = \"value.ext__C\""));
    let target = |route: &Route, record: &Record| command(route, record).unwrap().target.unwrap().to_string();
    assert_eq!(target(&in_value, &record(None, Some(r#"{"Ext__c":"\u0041"}"#), &[])), "Ext__c=A");
    assert_eq!(target(&in_value, &record(None, Some(r#"{"Ext__c":1.50}"#), &[])), "Ext__c=1.50");
    for value in [r#"{"Ext__c":null}"#, r#"{"Ext__c":[1]}"#, "{}"] {
        assert_eq!(reason(&in_value, &record(None, Some(value), &[])), Reason::InvalidKey, "{value}");
    }
    let in_header = route(&format!("{EXTERNAL}identity = \"header.id\""));
    assert_eq!(target(&in_header, &record(None, Some("{}"), &[("id", Some("h"))])), "Ext__c=h");
    let enveloped = r#"{"schema":{"type":"string","optional":false},"payload":"h"}"#;
    let doubled = [("id", Some(enveloped)), ("id", Some("h"))];
    assert_eq!(target(&in_header, &record(None, Some("{}"), &doubled)), "Ext__c=h");
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
fn field_names_are_the_orgs_and_values_are_the_records() {
    let value = r#"{ "NAME" : "\u00e9" , "age__C": 1.50 }"#;
    let command = command(&route(EXTERNAL), &record(Some("k"), Some(value), &[])).unwrap();
    assert_eq!(fields(&command), [("Name", r#""\u00e9""#), ("Age__c", "1.50")]);
}

#[test]
fn include_exclude_and_nulls_choose_the_fields() {
    let value = r#"{"Name":null,"Age__c":1}"#;
    let names = |more: &str| {
        let command = command(&route(&format!("{EXTERNAL}{more}")), &record(Some("k"), Some(value), &[])).unwrap();
        fields(&command).into_iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(""), ["Name", "Age__c"]);
    assert_eq!(names("nulls = \"ignore\""), ["Age__c"]);
    assert_eq!(names("fields.include = [\"name\"]"), ["Name"]);
    assert_eq!(names("fields.exclude = [\"NAME\"]"), ["Age__c"]);
}

const JSON: &str = "key.format = \"json\"\n";

#[test]
fn a_key_of_each_format_becomes_the_text_of_an_identity() {
    const TWO: &str = "key.format = \"json\"\nkey.field = [\"Region\", \"id\"]";
    const DASHES: &str = "key.format = \"json\"\nkey.field = [\"Region\", \"id\"]\nkey.separator = \"--\"";
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
        (TWO, r#"{"region":"eu","ID":7}"#, Ok("Ext__c=eu|7")),
        (TWO, r#"{"region":"","id":7}"#, Ok("Ext__c=|7")),
        (TWO, r#"{"region":"","id":" "}"#, Err("all its members that key.field names are empty")),
        (TWO, r#"{"region":"eu","id":null}"#, Err("the field id: it is null, and names no record")),
        (TWO, r#"{"region":"eu"}"#, Err("it has no member id, which key.field names")),
        // a|, b and a, |b would be one.
        (TWO, r#"{"region":"a|","id":"b"}"#, Err("holds \"|\", which is key.separator")),
        (TWO, r#"{"region":"a","id":"|b"}"#, Err("holds \"|\", which is key.separator")),
        (DASHES, r#"{"region":"a-","id":"b"}"#, Err("holds \"--\", which is key.separator")),
        (DASHES, r#"{"region":"a","id":"-b"}"#, Ok("Ext__c=a---b")),
        ("key.format = \"bytes\"", "\u{1}\u{2}", Ok("Ext__c=AQI=")),
        ("key.format = \"long\"", "\0\0\0\0\0\0\0*", Ok("Ext__c=42")),
        ("key.format = \"long\"", "\0\0\0*", Err("it has 4 bytes, and not 8")),
        ("key.format = \"int\"", "\0\0\0*", Ok("Ext__c=42")),
        ("key.format = \"int\"", "42", Err("it has 2 bytes, and not 4")),
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
fn the_rejection_of_a_bad_value_names_its_stage() {
    const KEY: ConnectStage = ConnectStage::KeyConverter("org.apache.kafka.connect.storage.StringConverter");
    const VALUE: ConnectStage = ConnectStage::ValueConverter("org.apache.kafka.connect.json.JsonConverter");
    let long = format!(r#"{{"Name":"{}"}}"#, "x".repeat(1000));
    for (value, expected, stage) in [
        ("x", Reason::InvalidValue, VALUE),
        (r#"{"Name":1,"name":2}"#, Reason::InvalidValue, VALUE),
        (r#"{"Name":"\ud800"}"#, Reason::InvalidValue, VALUE),
        (r#"{"No Name":1}"#, Reason::InvalidField, ConnectStage::Put),
        (r#"{"Stray__c":1}"#, Reason::InvalidField, ConnectStage::Put),
        (r#"{"Name":{"a":1}}"#, Reason::InvalidField, ConnectStage::Put),
        (&long, Reason::TooLarge, VALUE),
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
fn an_exact_topic_takes_precedence_over_a_glob_and_two_globs_are_an_error() {
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

/// Returns the option headers of the call that a record's row goes into.
fn call_headers(route: &Route, headers: &[(&str, Option<&str>)]) -> Result<Vec<String>, Rejection> {
    let command = command(route, &record(Some("k"), Some("{}"), headers))?;
    Ok(command.options.headers().map(|(name, value)| format!("{name}: {value}")).collect())
}

#[test]
fn call_options_come_from_the_route_and_from_allowed_headers() {
    const OPTIONS: &str = "options.auto_assign = \"false\"\noptions.client = \"crm\"\n";
    let of_route = ["Sforce-Auto-Assign: FALSE", "Sforce-Call-Options: client=crm"];
    let own = [("sforce-auto-assign", Some(" \"TRUE\" ")), ("Sforce-Duplicate-Rule-Header", Some("allowSave=true"))];
    let ignores_headers = route(&format!("{EXTERNAL}{OPTIONS}"));
    assert_eq!(call_headers(&ignores_headers, &own).unwrap(), of_route);
    let reads_headers = route(&format!("{EXTERNAL}{OPTIONS}options.from_headers = true"));
    assert_eq!(call_headers(&reads_headers, &[]).unwrap(), of_route);
    assert_eq!(
        call_headers(&reads_headers, &own).unwrap(),
        ["Sforce-Auto-Assign: TRUE", "Sforce-Duplicate-Rule-Header: allowSave=true", "Sforce-Call-Options: client=crm"]
    );
    for wrong in [
        &[("Sforce-Call-Options", Some("client=a\r\nAuthorization: b"))][..],
        &[("Sforce-Auto-Assign", None)],
        &[("Sforce-Auto-Assign", Some(""))],
        &[("Sforce-Auto-Assign", Some("true")), ("SFORCE-AUTO-ASSIGN", Some("false"))],
    ] {
        assert_eq!(call_headers(&reads_headers, wrong).unwrap_err().reason, Reason::InvalidOption, "{wrong:?}");
        assert!(call_headers(&ignores_headers, wrong).is_ok(), "the header is not read");
    }
}

#[test]
fn updates_and_upserts_do_not_run_assignment_rules_by_default() {
    let assignment_header = |more: &str, operation, headers: &[(&str, Option<&str>)]| {
        let all_headers: Vec<_> = [("op", Some(operation))].into_iter().chain(headers.iter().copied()).collect();
        let key = if more.contains("external_id_field") { "k" } else { ID };
        let command = command(&route(more), &record(Some(key), Some("{}"), &all_headers)).unwrap();
        command.options.headers().next().map(|(_, value)| value)
    };
    let on = [("Sforce-Auto-Assign", Some("true"))];
    for (more, operation, headers, expected) in [
        ("", "INSERT", &[][..], None),
        ("", "UPDATE", &[], Some("FALSE")),
        ("", "DELETE", &[], None),
        (EXTERNAL, "INSERT", &[], Some("FALSE")), // it is an upsert
        (EXTERNAL, "UPSERT", &[], Some("FALSE")),
        (EXTERNAL, "UPSERT", &on, Some("FALSE")), // headers are not read
        (&format!("{EXTERNAL}options.from_headers = true"), "UPSERT", &on, Some("TRUE")),
        (&format!("{EXTERNAL}options.auto_assign = \"true\""), "UPDATE", &[], Some("TRUE")),
        ("options.auto_assign = \"false\"", "INSERT", &[], Some("FALSE")),
    ] {
        assert_eq!(assignment_header(more, operation, headers).as_deref(), expected, "{more} {operation} {headers:?}");
    }
}
