use base64::{Engine as _, prelude::BASE64_STANDARD};
use prost::Message as _;
use prost_reflect::DynamicMessage;

use super::Schema;
use crate::format::{Converted, Reference, Registered, Selection};

fn registered(text: &str, references: &[(&str, &str)]) -> Registered {
    let reference = |(name, text): &(&str, &str)| Reference { name: (*name).to_owned(), text: (*text).to_owned() };
    Registered { kind: "PROTOBUF".into(), text: text.into(), references: references.iter().map(reference).collect() }
}

fn compile(text: &str, references: &[(&str, &str)]) -> Result<Schema, String> {
    Schema::compile(&registered(text, references))
}

fn read(schema: &Schema, path: &[usize], bytes: &[u8]) -> Result<String, String> {
    selected(schema, path, bytes, &Selection::default())
}

fn selected(schema: &Schema, path: &[usize], bytes: &[u8], selection: &Selection) -> Result<String, String> {
    match schema.selected(path, bytes, selection, 100_000) {
        Ok(Converted::Object(object)) => Ok(object.text.to_string()),
        Ok(Converted::Value(json, _)) => Ok(json.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// The message that Protobuf's own JSON mapping says, as bytes.
fn bytes(schema: &Schema, path: &[usize], json: &str) -> Vec<u8> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    DynamicMessage::deserialize(schema.message(path).unwrap(), &mut deserializer).unwrap().encode_to_vec()
}

const PROTO: &str = r#"
    syntax = "proto3";
    package crm;
    import "google/protobuf/timestamp.proto";
    import "google/protobuf/wrappers.proto";
    import "google/protobuf/duration.proto";
    import "google/type/date.proto";
    import "google/type/timeofday.proto";
    import "confluent/meta.proto";
    import "confluent/type/decimal.proto";
    import "geo/address.proto";
    enum Level { LOW = 0; HIGH = 1; }
    message Contact {
        string Name = 1 [(confluent.field_meta).doc = "what it is called"];
        optional string Email = 2;
        int64 Big = 3;
        uint64 Bigger = 4;
        double Rate = 5;
        float Small = 6;
        bytes Raw = 7;
        Level level = 8;
        repeated string Choices = 9;
        map<string, int32> counts = 10;
        google.protobuf.Timestamp at = 11;
        google.protobuf.StringValue wrapped = 12;
        google.type.Date day = 13;
        google.type.TimeOfDay time = 14;
        confluent.type.Decimal price = 15;
        geo.Address home = 16;
        oneof contact { string phone = 17; string fax = 18; }
        google.protobuf.Duration took = 19;
        message Inner { int32 id = 1; }
        Contact boss = 20;
    }
    message Second { int32 id = 1; }
"#;
const ADDRESS: &str = r#"syntax = "proto3"; package geo; message Address { string City = 1; }"#;

fn contact() -> Schema {
    compile(PROTO, &[("geo/address.proto", ADDRESS)]).unwrap()
}

#[test]
fn fields_without_presence_are_written_for_an_empty_message() {
    assert_eq!(
        read(&contact(), &[0], &[]).as_deref(),
        Ok(r#"{"Name":"","Big":0,"Bigger":0,"Rate":0.0,"Small":0.0,"Raw":"","level":"LOW","Choices":[],"counts":{}}"#)
    );
    let proto2 = compile(
        r#"syntax = "proto2"; message A { optional string Name = 1 [default = "x"]; required int32 id = 2; }"#,
        &[],
    )
    .unwrap();
    assert_eq!(read(&proto2, &[0], &[16, 7]).as_deref(), Ok(r#"{"id":7}"#), "absent is not its default");
    assert_eq!(read(&proto2, &[0], &[]), Err("the field id: it is required and absent".to_owned()));
}

#[test]
fn each_kind_of_field_has_its_json() {
    let schema = contact();
    let base = bytes(&schema, &[0], r#"{"Name":"a"}"#);
    let without = read(&schema, &[0], &base).unwrap();
    for (json, expected) in [
        (r#"{"Email":""}"#, r#""Email":"""#),
        (r#"{"Big":"-9223372036854775808"}"#, r#""Big":-9223372036854775808"#),
        (r#"{"Bigger":"18446744073709551615"}"#, r#""Bigger":18446744073709551615"#),
        (r#"{"Small":0.1}"#, r#""Small":0.1"#),
        (r#"{"Raw":"AAH/"}"#, r#""Raw":"AAH/""#),
        (r#"{"level":"HIGH"}"#, r#""level":"HIGH""#),
        (r#"{"Choices":["A","B"]}"#, r#""Choices":["A","B"]"#),
        (r#"{"counts":{"b":2,"a":1}}"#, r#""counts":{"a":1,"b":2}"#),
        (r#"{"at":"1969-12-31T23:59:59.999Z"}"#, r#""at":"1969-12-31T23:59:59.999Z""#),
        (r#"{"wrapped":""}"#, r#""wrapped":"""#),
        (r#"{"day":{"year":2024,"month":2,"day":29}}"#, r#""day":"2024-02-29""#),
        (r#"{"time":{"hours":23,"minutes":59,"seconds":59,"nanos":999000000}}"#, r#""time":"23:59:59.999Z""#),
        (r#"{"price":{"value":"AJY=","precision":5,"scale":2}}"#, r#""price":1.50"#),
        (r#"{"home":{"City":"Utrecht"}}"#, r#""home":{"City":"Utrecht"}"#),
        (r#"{"fax":"1"}"#, r#""fax":"1""#),
    ] {
        let read = read(&schema, &[0], &bytes(&schema, &[0], json)).unwrap();
        assert!(read.contains(expected), "{expected} is not in {read}");
        assert!(!without.contains(expected), "{expected}");
    }
    for (json, words) in [
        (r#"{"Rate":"NaN"}"#, "the field Rate: NaN is not a number in JSON"),
        (r#"{"took":"1s"}"#, "the field took: Salesforce has no durations"),
        (r#"{"day":{"year":2024}}"#, "the field day: 2024-0-0 is not a complete date"),
        (r#"{"boss":{"time":{"hours":24}}}"#, "the field boss.time: a time of day before midnight or after 24 hours"),
    ] {
        assert_eq!(read(&schema, &[0], &bytes(&schema, &[0], json)), Err(words.to_owned()));
    }
    // Field 8, the value 7.
    assert_eq!(read(&schema, &[0], &[64, 7]), Err("the field level: the enum has no value 7".to_owned()));
}

#[test]
fn message_types_are_found_by_their_indexes() {
    let schema = contact();
    assert_eq!(read(&schema, &[1], &[8, 7]).as_deref(), Ok(r#"{"id":7}"#));
    // The entry type of a `map<…>` is skipped; one that is spelled out counts.
    assert_eq!(read(&schema, &[0, 0], &[8, 7]).as_deref(), Ok(r#"{"id":7}"#));
    let spelled_out = r#"syntax = "proto3"; message Outer {
        message CountsEntry { option map_entry = true; string key = 1; int32 value = 2; }
        message Inner { int32 id = 1; }
        repeated CountsEntry counts = 1;
    }"#;
    let spelled_out = compile(spelled_out, &[]).unwrap();
    assert_eq!(read(&spelled_out, &[0, 1], &[8, 7]).as_deref(), Ok(r#"{"id":7}"#));
    assert!(read(&spelled_out, &[0, 0], &[8, 7]).is_err(), "an entry is not a message of its own");
    for path in [&[2][..], &[0, 9], &[1, 0]] {
        let error = read(&schema, path, &[]).unwrap_err();
        assert!(error.contains("has no message type at the indexes"), "{error}");
    }
}

#[test]
fn a_message_with_too_many_values_is_refused_before_it_is_decoded() {
    let schema = compile("syntax = \"proto3\"; message A { repeated A a = 1; repeated int32 n = 2; }", &[]).unwrap();
    let packed = |count: usize| {
        let mut bytes = vec![18];
        prost::encoding::encode_varint(count as u64, &mut bytes);
        bytes.extend(vec![1; count]);
        bytes
    };
    assert!(read(&schema, &[0], &packed(1000)).is_ok());
    assert!(read(&schema, &[0], &packed(90_000)).unwrap_err().starts_with("it holds more than 65536 values"));
    // Lists within a list: 66,000 of them in 99 kB.
    let nested = [10, 2, 10, 0].repeat(24_000);
    assert!(read(&schema, &[0], &[&nested[..], &[10, 2, 10, 0].repeat(10_000)].concat()).is_err());
}

#[test]
fn well_known_files_can_be_imported_without_a_reference() {
    for (name, _) in super::well_known::FILES {
        assert!(compile(&format!("syntax = \"proto3\"; import \"{name}\"; message A {{}}"), &[]).is_ok(), "{name}");
    }
}

#[test]
fn options_without_a_definition_are_ignored() {
    let text = r#"syntax = "proto3"; package crm;
        option (company.owner) = "crm"; option java_package = "com.example.crm";
        message A {
            option (company.message) = { tags: ["a", "b"] nested { x: 1 } };
            string Name = 1 [(company.pii) = true, (validate.rules).string.min_len = 1, deprecated = true, json_name = "n"];
            repeated int32 counts = 2 [packed = false, (company.note) = "x"];
            map<string, int32> by_name = 3 [(company.note) = "x"];
            oneof either { option (company.required) = true; string phone = 4; }
            Level level = 5;
        }
        enum Level { option allow_alias = true; option (company.e) = 1; LOW = 0 [(company.v) = "low"]; NONE = 0; }
        service Contacts { rpc Get (Missing) returns (A) { option (google.api.http) = { get: "/v1" }; } }"#;
    for schema in [compile(text, &[]).unwrap(), compile(&protox_file(text), &[]).unwrap()] {
        let bytes = bytes(&schema, &[0], r#"{"n":"x","counts":[1,2],"byName":{"a":1}}"#);
        let expected = r#"{"Name":"x","counts":[1,2],"by_name":{"a":1},"level":"LOW"}"#;
        assert_eq!(read(&schema, &[0], &bytes).as_deref(), Ok(expected));
    }
    let proto2 = r#"syntax = "proto2"; message A { optional string Name = 1 [default = "d", (company.pii) = true]; }"#;
    assert_eq!(read(&compile(proto2, &[]).unwrap(), &[0], &[]).as_deref(), Ok("{}"));
}

#[test]
fn a_serialized_descriptor_can_be_registered_instead_of_a_text() {
    let file = protox_file(PROTO);
    let address = protox_file(ADDRESS);
    let schema = compile(&file, &[("geo/address.proto", &address)]).unwrap();
    assert_eq!(read(&schema, &[1], &[8, 7]).as_deref(), Ok(r#"{"id":7}"#));
}

/// A schema as Confluent's Python client registers it.
fn protox_file(text: &str) -> String {
    let file = protox::file::File::from_source("some.proto", text).unwrap();
    BASE64_STANDARD.encode(file.file_descriptor_proto().encode_to_vec())
}

#[test]
fn bad_messages_and_bad_schemas_are_refused() {
    let schema = contact();
    for bytes in [&[0xff][..], &[10, 5, b'x'], &[10, 1, 0xff], &[8, 1]] {
        let error = read(&schema, &[0], bytes).unwrap_err();
        assert!(error.starts_with("it is not a message of this type: "), "{error}");
    }
    let mut deep = Vec::new();
    for _ in 0..200 {
        let mut outer = vec![0xa2, 0x01];
        prost::encoding::encode_varint(deep.len() as u64, &mut outer);
        outer.extend(&deep);
        deep = outer;
    }
    assert!(read(&schema, &[0], &deep).is_err(), "nesting is bounded");
    for text in ["", "syntax = \"proto3\"; message", "message A { B b = 1; }", PROTO] {
        let error = compile(text, &[]);
        assert!(error.is_err() || text.is_empty(), "{text}");
    }
    let unknown =
        BASE64_STANDARD.decode("Cgd4LnByb3RvEgFwIiQKAUESDgoCaWQYASABKAVSAmlkEg8KAW5YAiADKAsyBC5wLkFiBnByb2RvMw==");
    assert!(compile(&BASE64_STANDARD.encode(unknown.unwrap()), &[]).unwrap_err().contains("prodo3"));
    let deep = format!("syntax = \"proto3\"; option (o) = {}{};", "{c".repeat(2_000), "}".repeat(2_000));
    assert!(compile(&deep, &[]).unwrap_err().contains("nested deeper than 64 braces"));
    let itself = "syntax = \"proto3\"; package google.protobuf; message StringValue { StringValue value = 1; }";
    assert_eq!(read(&compile(itself, &[]).unwrap(), &[0], &[]).as_deref(), Ok("{}"));
    let entry = "syntax = \"proto3\"; message A { message E { option map_entry = true; KEY key = 1; VALUE } repeated E e = 1; }";
    for (key, value) in [("bytes", "int32 value = 2;"), ("float", "int32 value = 2;"), ("string", "")] {
        let text = entry.replace("KEY", key).replace("VALUE", value);
        assert!(compile(&text, &[]).is_err(), "{text}");
    }
}

#[test]
fn a_protobuf_field_that_is_left_out_may_hold_anything() {
    // Only proto2 permits names that are equal without case.
    let text = r#"syntax = "proto2";
        import "google/protobuf/struct.proto"; import "google/protobuf/any.proto"; import "google/protobuf/timestamp.proto";
        import "google/protobuf/duration.proto"; import "google/type/timeofday.proto";
        message Odd { optional int32 id = 1; optional int32 ID = 2; optional Odd inner = 3; }
        message A {
            optional string Name = 1; optional Odd odd = 2; optional double rate = 3; optional google.protobuf.Struct json = 4;
            optional google.protobuf.Any any = 5; optional google.protobuf.Timestamp at = 6;
            optional google.protobuf.Duration took = 7; optional google.type.TimeOfDay time = 8; optional string text = 9;
            repeated int32 numbers = 10; optional int32 Twice = 11; optional int32 twice = 12;
        }"#;
    let schema = compile(text, &[]).unwrap();
    let name = [10, 1, b'x'];
    let message = |field: u8, bytes: &[u8]| {
        let mut message = vec![field << 3 | 2];
        prost::encoding::encode_varint(bytes.len() as u64, &mut message);
        [&message[..], bytes].concat()
    };
    let mut deep = Vec::new();
    for _ in 0..200 {
        deep = message(3, &deep);
    }
    let odd = [
        message(2, &[8, 1]),
        message(2, &deep),
        [&[3 << 3 | 1][..], &f64::NAN.to_le_bytes()].concat(),
        [&[3 << 3 | 1][..], &f64::INFINITY.to_le_bytes()].concat(),
        message(4, &[10, 2, 10, 0]),
        message(5, &[10, 1, b'x']),
        // 10,000 years.
        message(6, &[8, 0x80, 0xc0, 0x9d, 0xcd, 0xcb, 9]),
        message(7, &[8, 1]),
        message(8, &[8, 90]),
        message(9, &[0xff]),
        message(10, &vec![1; 90_000]),
        message(9, &vec![b'x'; 200_000]),
        vec![12 << 3, 1],
        // A field that the type does not know, and that a closed selection does not name.
        vec![15 << 3 | 3, 8, 1, 15 << 3 | 4],
    ];
    let fields = ["odd", "rate", "json", "any", "at", "took", "time", "text", "numbers", "twice"];
    for bytes in &odd {
        for bytes in [[&name[..], bytes].concat(), [bytes, &name[..]].concat()] {
            for selection in [Selection::without(&fields), Selection::of(&["NAME"])] {
                assert_eq!(
                    selected(&schema, &[1], &bytes, &selection).as_deref(),
                    Ok(r#"{"Name":"x"}"#),
                    "{bytes:.20?}"
                );
            }
        }
    }
    let twice = selected(&schema, &[1], &name, &Selection::without(&fields[..9]));
    assert_eq!(twice, Err("the field twice: it occurs twice (names are compared without case)".to_owned()));
    let inside = selected(&schema, &[1], &message(2, &[8, 1]), &Selection::of(&["odd"]));
    assert_eq!(inside, Err("the field odd.ID: it occurs twice (names are compared without case)".to_owned()));
    assert!(selected(&schema, &[1], &[8], &Selection::of(&["Name"])).unwrap_err().starts_with("it is not a message"));
    let required =
        compile("syntax = \"proto2\"; message A { required int32 a = 1; optional int32 b = 2; }", &[]).unwrap();
    assert_eq!(selected(&required, &[0], &[16, 7], &Selection::without(&["a"])).as_deref(), Ok(r#"{"b":7}"#));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        static SCHEMA: std::sync::LazyLock<Schema> = std::sync::LazyLock::new(contact);
        drop(read(&SCHEMA, &[0], &bytes));
    }

    #[test]
    fn a_message_is_read_unchanged(name: String, email: Option<String>, big: i64, choices: Vec<String>) {
        static SCHEMA: std::sync::LazyLock<Schema> = std::sync::LazyLock::new(contact);
        let mut json = serde_json::json!({"Name": name, "Big": big, "Choices": choices});
        if let Some(email) = email {
            json["Email"] = email.into();
        }
        let message = bytes(&SCHEMA, &[0], &json.to_string());
        let read: serde_json::Value = serde_json::from_str(&read(&SCHEMA, &[0], &message).unwrap()).unwrap();
        for (name, value) in json.as_object().unwrap() {
            proptest::prop_assert_eq!(&read[name], value);
        }
        proptest::prop_assert_eq!(read.get("Email").is_some(), json.get("Email").is_some());
    }
}
