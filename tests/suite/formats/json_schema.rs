use serde_json::{Value, json};

use super::{Case, check, reads};
use crate::harness::{TestBed, unique};

#[tokio::test(flavor = "multi_thread")]
async fn titles_and_references_of_a_json_schema_are_followed() {
    let mut bed = TestBed::wide("json-schema").await;
    reads(&mut bed, "json_schema").await;
    let connect = |name: &str, kind: &str| json!({"type": "integer", "title": format!("org.apache.kafka.connect.data.{name}"), "connect.type": kind});
    let decimal = json!({"type": "number", "title": "org.apache.kafka.connect.data.Decimal", "connect.type": "bytes", "connect.parameters": {"scale": "2"}});
    let topic = unique("json-schema");
    let draft = "http://json-schema.org/draft-07/schema#";
    let dates =
        json!({"$schema": draft, "title": "Dates", "type": "object", "properties": {"day": connect("Date", "int32")}});
    let schema = json!({"$schema": draft, "title": "Case", "type": "object", "properties": {
        "Date__c": {"oneOf": [{"type": "null"}, {"$ref": "dates.json#/properties/day"}]},
        "DateTime__c": connect("Timestamp", "int64"),
        "Time__c": connect("Time", "int32"),
        "Number__c": decimal,
        "Text__c": {"type": ["string", "null"]},
        "Int__c": {"type": "integer"}}});
    let case = |value: Value, expect: Result<&[(&'static str, &str)], &'static str>| Case {
        key: value.to_string(),
        line: json!({"format": "json", "topic": topic, "field": "value", "schema": schema.to_string(), "value": value,
                     "references": [{"name": "dates.json", "subject": format!("{topic}-dates"), "version": 1, "schema": dates.to_string()}]}),
        expect: expect.map(|fields| fields.iter().map(|(name, json)| (*name, (*json).to_owned())).collect()),
    };
    let cases = vec![
        case(json!({"Date__c": 19_782}), Ok(&[("Date__c", "\"2024-02-29\"")])),
        case(json!({"Date__c": null}), Ok(&[("Date__c", "null")])),
        case(json!({"Date__c": -719_162}), Ok(&[("Date__c", "\"0001-01-01\"")])),
        case(json!({"DateTime__c": -1}), Ok(&[("DateTime__c", "\"1969-12-31T23:59:59.999Z\"")])),
        case(json!({"Time__c": 86_399_999}), Ok(&[("Time__c", "\"23:59:59.999Z\"")])),
        case(json!({"Number__c": 12.34}), Ok(&[("Number__c", "12.34")])),
        case(json!({"Int__c": 9_223_372_036_854_775_807_i64}), Ok(&[("Int__c", "9223372036854775807")])),
        case(json!({"Text__c": null}), Ok(&[("Text__c", "null")])),
        case(json!({"Text__c": "\u{0}😀"}), Ok(&[("Text__c", "\"\\u0000\\ud83d\\ude00\"")])),
        case(json!({}), Ok(&[])),
        case(
            json!({"Date__c": 99_999_999}),
            Err("the field Date__c: 99999999 days from 1970 lie outside of the years 1 to 9999"),
        ),
    ];
    check(&bed, cases).await;
}
