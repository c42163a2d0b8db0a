use serde_json::{Value, json};

use super::{Case, check, reads};
use crate::harness::{Seeded, TestBed, unique};

/// A record of one field, of this type.
fn line(field: &str, kind: &Value, value: &Value) -> Value {
    let schema =
        json!({"type": "record", "name": "Case", "namespace": "crm", "fields": [{"name": field, "type": kind}]});
    json!({"format": "avro", "topic": unique("avro"), "field": "value", "schema": schema.to_string(),
           "value": {field: value}})
}

fn case(field: &'static str, kind: Value, value: Value, expect: Result<&str, &'static str>) -> Case {
    let key = format!("{field} {kind} {value}").chars().take(200).collect::<String>();
    let expect = expect.map(|json| vec![(field, json.to_owned())]);
    Case { key, line: line(field, &kind, &value), expect }
}

fn logical(kind: &str, logical: &str) -> Value {
    json!({"type": kind, "logicalType": logical})
}

#[expect(clippy::too_many_lines, reason = "a table")]
#[tokio::test(flavor = "multi_thread")]
async fn every_avro_type_arrives_at_its_edges() {
    let mut bed = TestBed::wide("avro").await;
    reads(&mut bed, "avro").await;
    let (date, millis, micros) =
        (logical("int", "date"), logical("long", "timestamp-millis"), logical("long", "timestamp-micros"));
    let decimal = |precision: u32, scale: u32| json!({"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale});
    let fixed =
        json!({"type": "fixed", "name": "Amount", "size": 16, "logicalType": "decimal", "precision": 38, "scale": 2});
    let long = "x".repeat(131_072);
    let max_us = 253_402_300_799_999_999_i64;
    let cases = vec![
        case("Checkbox__c", json!("boolean"), json!(true), Ok("true")),
        case("Int__c", json!("int"), json!(i32::MIN), Ok("-2147483648")),
        case("Int__c", json!("long"), json!(i64::MAX), Ok("9223372036854775807")),
        case("Int__c", json!("long"), json!(i64::MIN), Ok("-9223372036854775808")),
        case("Number__c", json!("float"), json!(0.1), Ok("0.1")),
        case("Number__c", json!("double"), json!(0.1), Ok("0.1")),
        case("Number__c", json!("double"), json!({"$float": "NaN"}), Err("the field Number__c: NaN is not a number")),
        case(
            "Number__c",
            json!("double"),
            json!({"$float": "-Infinity"}),
            Err("the field Number__c: -inf is not a number"),
        ),
        case("Text__c", json!("string"), json!(""), Ok("\"\"")),
        case("Text__c", json!("string"), json!("Zoë \u{0} \" \\ 😀"), Ok(r#""Zoë \u0000 \" \\ 😀""#)),
        case("LongText__c", json!("string"), json!(long), Ok(&format!("\"{long}\""))),
        case("Text__c", json!(["null", "string"]), json!(null), Ok("null")),
        case("Text__c", json!(["null", "string"]), json!("a"), Ok("\"a\"")),
        case(
            "Text__c",
            json!({"type": "enum", "name": "Level", "symbols": ["LOW", "HIGH"]}),
            json!("HIGH"),
            Ok("\"HIGH\""),
        ),
        case("LongText__c", json!("bytes"), json!({"$bytes": "0001ff"}), Ok("\"AAH/\"")),
        case(
            "LongText__c",
            json!({"type": "fixed", "name": "Three", "size": 3}),
            json!({"$bytes": "0001ff"}),
            Ok("\"AAH/\""),
        ),
        case(
            "Text__c",
            logical("string", "uuid"),
            json!({"$uuid": "936da01f-9abd-4d9d-80c7-02af85c822a8"}),
            Ok("\"936da01f-9abd-4d9d-80c7-02af85c822a8\""),
        ),
        case("Date__c", date.clone(), json!({"$date": "1970-01-01"}), Ok("\"1970-01-01\"")),
        case("Date__c", date.clone(), json!({"$date": "0001-01-01"}), Ok("\"0001-01-01\"")),
        case("Date__c", date.clone(), json!({"$date": "9999-12-31"}), Ok("\"9999-12-31\"")),
        case("Date__c", date.clone(), json!({"$date": "2024-02-29"}), Ok("\"2024-02-29\"")),
        case("DateTime__c", date.clone(), json!({"$date": "2024-02-29"}), Ok("\"2024-02-29T00:00:00.000Z\"")),
        case("Text__c", date.clone(), json!({"$date": "2024-02-29"}), Ok("\"2024-02-29\"")),
        case(
            "Number__c",
            date.clone(),
            json!({"$date": "2024-02-29"}),
            Err("the field Number__c: a date does not fit into a field of the type double"),
        ),
        case("Time__c", logical("int", "time-millis"), json!({"$time_ms": 86_399_999}), Ok("\"23:59:59.999Z\"")),
        case("Time__c", logical("long", "time-micros"), json!({"$time_us": 1_999}), Ok("\"00:00:00.001Z\"")),
        case("DateTime__c", millis.clone(), json!({"$timestamp_us": -1_000}), Ok("\"1969-12-31T23:59:59.999Z\"")),
        case("DateTime__c", micros.clone(), json!({"$timestamp_us": 0}), Ok("\"1970-01-01T00:00:00.000Z\"")),
        case("DateTime__c", micros.clone(), json!({"$timestamp_us": max_us}), Ok("\"9999-12-31T23:59:59.999Z\"")),
        case("Date__c", millis.clone(), json!({"$timestamp_us": 1_709_251_199_999_000_i64}), Ok("\"2024-02-29\"")),
        case(
            "DateTime__c",
            logical("long", "local-timestamp-millis"),
            json!({"$local_us": 0}),
            Ok("\"1970-01-01T00:00:00.000Z\""),
        ),
        case("DateTime__c", json!("long"), json!(-1), Ok("\"1969-12-31T23:59:59.999Z\"")),
        case(
            "Date__c",
            json!("int"),
            json!(19_782),
            Err("the field Date__c: a number does not fit into a field of the type date"),
        ),
        case("Number__c", decimal(5, 2), json!({"$decimal": "-1.50"}), Ok("-1.50")),
        case(
            "Number__c",
            decimal(38, 10),
            json!({"$decimal": "9999999999999999999999999999.9999999999"}),
            Ok("9999999999999999999999999999.9999999999"),
        ),
        case("Text__c", decimal(5, 2), json!({"$decimal": "-1.50"}), Ok("\"-1.50\"")),
        case(
            "Number__c",
            fixed,
            json!({"$decimal": "-123456789012345678901234567890123456.78"}),
            Ok("-123456789012345678901234567890123456.78"),
        ),
        case(
            "MultiPicklist__c",
            json!({"type": "array", "items": "string"}),
            json!(["North", "East"]),
            Ok("\"North;East\""),
        ),
        case(
            "Text__c",
            json!({"type": "array", "items": "string"}),
            json!(["North"]),
            Err("the field Text__c: an array does not fit"),
        ),
        case(
            "Text__c",
            json!({"type": "map", "values": "int"}),
            json!({"a": 1}),
            Err("the field Text__c: an object does not fit"),
        ),
    ];
    check(&bed, cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nested_records_are_parents_and_references_are_followed() {
    let mut bed = TestBed::wide("avro-parents").await;
    reads(&mut bed, "avro").await;
    Seeded(&bed.org).create("Account", r#"{"Name":"Acme","ExternalId__c":"A-7"}"#).await;
    let topic = unique("avro-parents");
    let parent = json!({"type": "record", "name": "Parent", "namespace": "crm", "fields": [{"name": "ExternalId__c", "type": "string"}]});
    let schema = json!({"type": "record", "name": "Child", "namespace": "crm", "fields": [
        {"name": "Text__c", "type": "string"},
        {"name": "Account__r", "type": ["null", "crm.Parent"]}]});
    let line = |value: Value| {
        json!({"format": "avro", "topic": topic, "field": "value", "schema": schema.to_string(), "value": value,
               "references": [{"name": "crm.Parent", "subject": format!("{topic}-parent"), "version": 1, "schema": parent.to_string()}]})
    };
    let text = ("Text__c", "\"x\"".to_owned());
    let cases = vec![
        Case {
            key: "child".into(),
            line: line(json!({"Text__c": "x", "Account__r": {"ExternalId__c": "A-7"}})),
            expect: Ok(vec![text.clone(), ("Account__r", r#"{"ExternalId__c":"A-7"}"#.into())]),
        },
        Case {
            key: "orphan".into(),
            line: line(json!({"Text__c": "x", "Account__r": null})),
            expect: Ok(vec![text, ("Account__c", "null".into())]),
        },
    ];
    check(&bed, cases).await;
    assert!(bed.find("child").unwrap()["Account__c"].contains("001"), "it is the account's record id");
}
