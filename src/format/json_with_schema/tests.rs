use bytes::Bytes;

use super::JsonWithSchema;
use crate::format::{Converted, Selection};

fn read(text: &str) -> Result<String, String> {
    match JsonWithSchema::default().read(Bytes::copy_from_slice(text.as_bytes()), 1 << 20) {
        Ok(Converted::Object(object)) => Ok(object.text.to_string()),
        Ok(Converted::Value(json, _)) => Ok(json.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// A struct of one field.
fn field(schema: &str, payload: &str) -> Result<String, String> {
    let schema = format!(r#"{{"type":"struct","fields":[{{"field":"f",{schema}}}],"optional":false}}"#);
    read(&format!(r#"{{"schema":{schema},"payload":{payload}}}"#))
}

#[test]
fn a_value_of_each_type_is_checked_and_keeps_its_text() {
    const DATE: &str = r#""type":"int32","name":"org.apache.kafka.connect.data.Date","version":1"#;
    const TIME: &str = r#""type":"int32","name":"org.apache.kafka.connect.data.Time""#;
    const TIMESTAMP: &str = r#""type":"int64","name":"org.apache.kafka.connect.data.Timestamp""#;
    const DECIMAL: &str = r#""type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"}"#;
    const ZONED: &str = r#""type":"string","name":"io.debezium.time.ZonedTimestamp","version":1"#;
    const ISO_DATE: &str = r#""type":"string","name":"io.debezium.time.IsoDate""#;
    const SET: &str = r#""type":"string","name":"io.debezium.data.EnumSet","parameters":{"allowed":"a,b"}"#;
    const VARIABLE: &str = r#""type":"struct","name":"io.debezium.data.VariableScaleDecimal","fields":[]"#;
    for (schema, payload, expected) in [
        (r#""type":"int8""#, r#"{"f":-128}"#, Ok(r#"{"f":-128}"#)),
        (r#""type":"int8""#, r#"{"f":128}"#, Err("the field f: 128 does not fit into 8 bits")),
        (r#""type":"int64""#, r#"{"f":9223372036854775807}"#, Ok(r#"{"f":9223372036854775807}"#)),
        (
            r#""type":"int64""#,
            r#"{"f":9223372036854775808}"#,
            Err("the field f: 9223372036854775808 is not a 64-bit integer"),
        ),
        (r#""type":"int32""#, r#"{"f":1.0}"#, Err("the field f: 1.0 is not a 64-bit integer")),
        (r#""type":"double""#, r#"{"f":0.30000000000000000001}"#, Ok(r#"{"f":0.30000000000000000001}"#)),
        (r#""type":"float""#, r#"{"f":"NaN"}"#, Err("the field f: \"NaN\" is not a number in JSON")),
        (r#""type":"boolean""#, r#"{"f":true}"#, Ok(r#"{"f":true}"#)),
        (r#""type":"boolean""#, r#"{"f":1}"#, Err("the field f: its schema says a boolean, and it is a number")),
        (r#""type":"string""#, r#"{"f":"\uD83D\uDE00"}"#, Ok(r#"{"f":"\uD83D\uDE00"}"#)),
        (r#""type":"bytes""#, r#"{"f":"AAH/"}"#, Ok(r#"{"f":"AAH/"}"#)),
        (DATE, r#"{"f":19782}"#, Ok(r#"{"f":"2024-02-29"}"#)),
        (DATE, r#"{"f":"2024-02-29"}"#, Err("the field f: a logical type needs a number")),
        (TIME, r#"{"f":86399999}"#, Ok(r#"{"f":"23:59:59.999Z"}"#)),
        (TIMESTAMP, r#"{"f":-1}"#, Ok(r#"{"f":"1969-12-31T23:59:59.999Z"}"#)),
        (DECIMAL, r#"{"f":"AJY="}"#, Ok(r#"{"f":1.50}"#)),
        (DECIMAL, r#"{"f":12345678901234567890.12}"#, Ok(r#"{"f":12345678901234567890.12}"#)),
        (ZONED, r#"{"f":"2024-03-01T00:30:00.123456+01:00"}"#, Ok(r#"{"f":"2024-02-29T23:30:00.123Z"}"#)),
        (ZONED, r#"{"f":1}"#, Err("the field f: its schema says a string, and it is a number")),
        (ISO_DATE, r#"{"f":"2024-02-29Z"}"#, Ok(r#"{"f":"2024-02-29"}"#)),
        (ISO_DATE, r#"{"f":"today"}"#, Err("the field f: its text is not a date of the years 1 to 9999 in ISO 8601")),
        (SET, r#"{"f":"a,b"}"#, Ok(r#"{"f":"a,b"}"#)),
        (VARIABLE, r#"{"f":{"scale":2,"value":"AJY="}}"#, Ok(r#"{"f":1.50}"#)),
        (VARIABLE, r#"{"f":{"scale":2}}"#, Err("the field f: a decimal of variable scale has a scale and a value")),
        (r#""type":"array","items":{"type":"int32"}"#, r#"{"f":[1,2]}"#, Ok(r#"{"f":[1,2]}"#)),
        (
            r#""type":"array","items":{"type":"int32"}"#,
            r#"{"f":[1,"a"]}"#,
            Err("the field f[1]: its schema says an integer, and it is a string"),
        ),
        (
            r#""type":"map","keys":{"type":"string"},"values":{"type":"int32"}"#,
            r#"{"f":{"a":1}}"#,
            Ok(r#"{"f":{"a":1}}"#),
        ),
        (
            r#""type":"map","keys":{"type":"int32"},"values":{"type":"string"}"#,
            r#"{"f":[[7,"seven"]]}"#,
            Err("the field f: a map whose keys are not texts is not an object in JSON"),
        ),
        (
            r#""type":"struct","fields":[{"field":"c","type":"string"}]"#,
            r#"{"f":{"c":"x","more":1}}"#,
            Ok(r#"{"f":{"c":"x"}}"#),
        ),
        (
            r#""type":"struct","fields":[{"field":"c","type":"string"}]"#,
            r#"{"f":{}}"#,
            Err("the field f.c: it is required and absent"),
        ),
    ] {
        assert_eq!(field(schema, payload), expected.map(str::to_owned).map_err(str::to_owned), "{schema} {payload}");
    }
}

#[test]
fn null_absent_and_default_are_different() {
    const OPTIONAL: &str = r#""type":"string","optional":true"#;
    const DEFAULT: &str = r#""type":"string","optional":true,"default":"d""#;
    const REQUIRED: &str = r#""type":"string","optional":false"#;
    const REQUIRED_DEFAULT: &str = r#""type":"int32","default":0,"name":"org.apache.kafka.connect.data.Date""#;
    for (schema, payload, expected) in [
        (OPTIONAL, r#"{"f":null}"#, Ok(r#"{"f":null}"#)),
        (OPTIONAL, "{}", Ok("{}")),
        (DEFAULT, r#"{"f":null}"#, Ok(r#"{"f":null}"#)),
        (DEFAULT, "{}", Ok(r#"{"f":"d"}"#)),
        (REQUIRED, r#"{"f":null}"#, Err("the field f: it is required and null")),
        (REQUIRED, "{}", Err("the field f: it is required and absent")),
        (REQUIRED_DEFAULT, r#"{"f":null}"#, Ok(r#"{"f":"1970-01-01"}"#)),
        (REQUIRED_DEFAULT, "{}", Ok(r#"{"f":"1970-01-01"}"#)),
    ] {
        assert_eq!(field(schema, payload), expected.map(str::to_owned).map_err(str::to_owned), "{schema} {payload}");
    }
}

#[test]
fn the_envelope_has_a_schema_and_a_payload() {
    for (text, expected) in [
        (r#"{"schema":null,"payload":{"a":1.50}}"#, Ok(r#"{"a":1.50}"#)),
        (r#"{"payload":{"a":1},"schema":null}"#, Ok(r#"{"a":1}"#)),
        (r#"{"schema":{"type":"string","optional":true},"payload":null}"#, Ok("null")),
        (
            r#"{"schema":{"type":"map","keys":{"type":"string"},"values":{"type":"int8"}},"payload":{"a\"":1}}"#,
            Ok(r#"{"a\"":1}"#),
        ),
        (r#"{"schema":{"type":"int64"},"payload":7}"#, Ok("7")),
        (
            r#"{"schema":{"type":"string","default":"\ud800"},"payload":null}"#,
            Err(
                "its schema cannot be read: a default: it holds no text, but half of a surrogate pair or the like: unexpected end of hex escape at line 1 column 8",
            ),
        ),
        (
            r#"{"schema":{"type":"struct","fields":[],"default":{"a":1,"A":2}},"payload":null}"#,
            Err("its schema cannot be read: a default: the field A: it occurs twice (names are compared without case)"),
        ),
        (
            r#"{"schema":{"type":"struct","fields":[{"field":"a","type":"int8"}],"default":{"a":1}},"payload":null}"#,
            Ok(r#"{"a":1}"#),
        ),
        (r#"{"schema":{"type":"struct","fields":[],"default":null},"payload":null}"#, Err("it is required and null")),
        (r#"{"schema":{"type":"int64"},"payload":{"a":1}}"#, Err("its schema says an integer, and it is an object")),
        (r#"{"a":1}"#, Err("it is not {\"schema\": …, \"payload\": …} and nothing else, as JsonConverter writes it")),
        (
            r#"{"schema":null,"payload":1,"more":1}"#,
            Err("it is not {\"schema\": …, \"payload\": …} and nothing else, as JsonConverter writes it"),
        ),
        (
            r#"{"schema":{"type":"date"},"payload":1}"#,
            Err("its schema cannot be read: \"date\" is not a type of Connect"),
        ),
        (r#"{"schema":{"type":"array"},"payload":1}"#, Err("its schema cannot be read: a array has no items")),
        (r#"{"schema":{},"payload":1}"#, Err("its schema cannot be read: missing field `type` at line 1 column 2")),
        (
            r#"{"schema":null,"payload":{"a":"\ud800"}}"#,
            Err(
                "the field a: it holds no text, but half of a surrogate pair or the like: unexpected end of hex escape at line 1 column 8",
            ),
        ),
    ] {
        assert_eq!(read(text), expected.map(str::to_owned).map_err(str::to_owned), "{text}");
    }
    let fields = r#"{"schema":{"type":"struct","fields":[{"field":"a","type":"int8"},{"field":"A","type":"int8"}]},"payload":{"a":1}}"#;
    assert!(read(fields).unwrap_err().contains("a struct has two fields A"));
}

#[test]
fn a_struct_field_that_is_left_out_may_hold_anything() {
    let selected = |schema: &str, payload: &str, selection: &Selection| {
        let fields = format!(r#"{{"field":"f",{schema}}},{{"field":"a","type":"int8"}}"#);
        let text = format!(r#"{{"schema":{{"type":"struct","fields":[{fields}]}},"payload":{payload}}}"#);
        match JsonWithSchema::default().selected(text.into(), selection, 1_000) {
            Ok(Converted::Object(object)) => Ok(object.text.to_string()),
            Ok(Converted::Value(json, _)) => Ok(json.to_string()),
            Err(error) => Err(error.to_string()),
        }
    };
    let large = format!(r#"{{"f":"{}","a":1}}"#, "m".repeat(5_000));
    for (schema, payload) in [
        (r#""type":"int32","name":"org.apache.kafka.connect.data.Time""#, r#"{"f":324000000,"a":1}"#),
        (r#""type":"double""#, r#"{"a":1,"f":"NaN"}"#),
        (r#""type":"string""#, r#"{"f":"\ud800","a":1}"#),
        (r#""type":"string""#, r#"{"a":1}"#),
        (r#""type":"string""#, &large),
        (r#""type":"map","keys":{"type":"string"},"values":{"type":"int8"}"#, r#"{"f":{"x":1,"X":2},"a":1}"#),
        (r#""type":"map","keys":{"type":"int8"},"values":{"type":"int8"}"#, r#"{"f":[[1,2]],"a":1}"#),
        (r#""type":"interval""#, r#"{"f":"P1Y","a":1}"#),
        (
            r#""type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"x"}"#,
            r#"{"f":"%","a":1}"#,
        ),
        (
            r#""type":"struct","fields":[{"field":"x","type":"int8"},{"field":"X","type":"int8"}]"#,
            r#"{"f":{"x":1,"X":2},"a":1}"#,
        ),
    ] {
        for selection in [Selection::without(&["F"]), Selection::of(&["A"])] {
            assert_eq!(selected(schema, payload, &selection).as_deref(), Ok(r#"{"a":1}"#), "{schema} {payload:.60}");
        }
        assert!(selected(schema, payload, &Selection::default()).is_err(), "{schema} {payload:.60}");
    }
}

proptest::proptest! {
    #[test]
    fn a_payload_is_read_unchanged(long: i64, text: String, flag: bool, maybe: Option<i32>, texts: Vec<String>) {
        let schema = serde_json::json!({"type": "struct", "fields": [
            {"field": "long", "type": "int64"}, {"field": "text", "type": "string"}, {"field": "flag", "type": "boolean"},
            {"field": "maybe", "type": "int32", "optional": true},
            {"field": "texts", "type": "array", "items": {"type": "string"}}]});
        let payload = serde_json::json!({"long": long, "text": text, "flag": flag, "maybe": maybe, "texts": texts});
        let json = read(&serde_json::json!({"schema": schema, "payload": payload}).to_string()).unwrap();
        proptest::prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), payload);
    }

    #[test]
    fn any_text_is_read_or_refused(schema in r#"[\{\}\[\]"a-z0-9:,]{0,20}"#, payload in r#"[\{\}\[\]"a-z0-9:,]{0,20}"#) {
        drop(read(&format!(r#"{{"schema":{{"type":"struct","fields":[{schema}]}},"payload":{payload}}}"#)));
    }
}
