use prost::Message as _;
use serde_json::{Value, json};

use super::{Case, check, reads};
use crate::harness::{Seeded, TestBed, unique};

const PROTO: &str = r#"
    syntax = "proto3";
    package crm;
    import "google/protobuf/timestamp.proto";
    import "google/protobuf/wrappers.proto";
    import "parent.proto";
    enum Level { LOW = 0; HIGH = 1; }
    message First { int32 id = 1; }
    message Outer {
        message Case {
            optional string Text__c = 1;
            optional int64 Int__c = 2;
            optional double Number__c = 3;
            optional bool Checkbox__c = 4;
            google.protobuf.Timestamp DateTime__c = 5;
            google.protobuf.StringValue LongText__c = 6;
            optional Level Picklist__c = 7;
            Parent Account__r = 8;
            oneof either { string Phone__c = 9; string Email__c = 10; }
            optional bytes OpenPicklist__c = 11;
            google.protobuf.Timestamp Date__c = 12;
        }
        message Choices { repeated string MultiPicklist__c = 1; }
    }
    message Implicit { string Text__c = 1; int64 Int__c = 2; bool Checkbox__c = 3; }
"#;
const PARENT: &str = r#"syntax = "proto3"; package crm; message Parent { string ExternalId__c = 1; }"#;

/// The file and all that it imports, in hex, imported files first.
fn descriptors() -> String {
    struct Files;
    impl protox::file::FileResolver for Files {
        fn open_file(&self, name: &str) -> Result<protox::file::File, protox::Error> {
            match name {
                "case.proto" => protox::file::File::from_source(name, PROTO),
                "parent.proto" => protox::file::File::from_source(name, PARENT),
                _ => protox::file::GoogleFileResolver::new().open_file(name),
            }
        }
    }
    let mut compiler = protox::Compiler::with_file_resolver(Files);
    compiler.include_imports(true).open_file("case.proto").unwrap();
    let mut files = compiler.file_descriptor_set();
    files.file.iter_mut().for_each(|file| file.message_type.iter_mut().for_each(without_json_names));
    files.encode_to_vec().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As protoc's own descriptors are: the registry takes no file whose JSON names it would have chosen otherwise.
fn without_json_names(message: &mut prost_reflect::prost_types::DescriptorProto) {
    message.field.iter_mut().for_each(|field| field.json_name = None);
    message.nested_type.iter_mut().for_each(without_json_names);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_protobuf_field_arrives() {
    let mut bed = TestBed::wide("protobuf").await;
    reads(&mut bed, "protobuf").await;
    Seeded(&bed.org).create("Account", r#"{"Name":"Acme","ExternalId__c":"A-7"}"#).await;
    let (topic, descriptors) = (unique("protobuf"), descriptors());
    let case = |message: &str, value: Value, expect: Result<&[(&'static str, &str)], &'static str>| Case {
        key: format!("{message} {value}"),
        line: json!({"format": "protobuf", "topic": topic, "field": "value", "schema": descriptors,
                     "message": format!("crm.{message}"), "value": value}),
        expect: expect.map(|fields| fields.iter().map(|(name, json)| (*name, (*json).to_owned())).collect()),
    };
    let cases = vec![
        case("Outer.Case", json!({}), Ok(&[])),
        case("Outer.Case", json!({"Text__c": ""}), Ok(&[("Text__c", "\"\"")])),
        case("Outer.Case", json!({"Text__c": "Zoë \u{0} 😀"}), Ok(&[("Text__c", "\"Zoë \\u0000 😀\"")])),
        case("Outer.Case", json!({"Int__c": "-9223372036854775808"}), Ok(&[("Int__c", "-9223372036854775808")])),
        case("Outer.Case", json!({"Number__c": 0.1}), Ok(&[("Number__c", "0.1")])),
        case("Outer.Case", json!({"Number__c": "NaN"}), Err("the field Number__c: NaN is not a number")),
        case("Outer.Case", json!({"Checkbox__c": false}), Ok(&[("Checkbox__c", "false")])),
        case(
            "Outer.Case",
            json!({"DateTime__c": "0001-01-01T00:00:00Z"}),
            Ok(&[("DateTime__c", "\"0001-01-01T00:00:00.000Z\"")]),
        ),
        case(
            "Outer.Case",
            json!({"DateTime__c": "9999-12-31T23:59:59.999999999Z"}),
            Ok(&[("DateTime__c", "\"9999-12-31T23:59:59.999Z\"")]),
        ),
        case("Outer.Case", json!({"Date__c": "2024-02-29T23:00:00Z"}), Ok(&[("Date__c", "\"2024-02-29\"")])),
        case("Outer.Case", json!({"LongText__c": ""}), Ok(&[("LongText__c", "\"\"")])),
        case("Outer.Case", json!({"Picklist__c": "HIGH"}), Err("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")),
        case(
            "Outer.Case",
            json!({"Account__r": {"ExternalId__c": "A-7"}}),
            Ok(&[("Account__r", r#"{"ExternalId__c":"A-7"}"#)]),
        ),
        case("Outer.Case", json!({"Email__c": "a@b.nl"}), Ok(&[("Email__c", "\"a@b.nl\"")])),
        case("Outer.Case", json!({"OpenPicklist__c": "AAH/"}), Ok(&[("OpenPicklist__c", "\"AAH/\"")])),
        case(
            "Outer.Choices",
            json!({"MultiPicklist__c": ["North", "East"]}),
            Ok(&[("MultiPicklist__c", "\"North;East\"")]),
        ),
        case("Implicit", json!({}), Ok(&[("Text__c", "\"\""), ("Int__c", "0"), ("Checkbox__c", "false")])),
    ];
    check(&bed, cases).await;
}
