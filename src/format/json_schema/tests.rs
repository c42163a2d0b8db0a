use bytes::Bytes;

use super::Schema;
use crate::format::{Converted, FormatError, Reference, Registered, Selection};

impl Schema {
    fn read(&self, bytes: Bytes, limit: usize) -> Result<Converted, FormatError> {
        self.selected(bytes, &Selection::default(), limit)
    }
}

fn compile(text: &str, references: &[(&str, &str)]) -> Result<Schema, String> {
    let reference = |(name, text): &(&str, &str)| Reference { name: (*name).to_owned(), text: (*text).to_owned() };
    Schema::compile(&Registered {
        kind: "JSON".into(),
        text: text.into(),
        references: references.iter().map(reference).collect(),
    })
}

fn read(schema: &Schema, payload: &str) -> Result<String, String> {
    match schema.read(Bytes::copy_from_slice(payload.as_bytes()), 10_000) {
        Ok(Converted::Object(object)) => Ok(object.text.to_string()),
        Ok(Converted::Value(json, _)) => Ok(json.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn titles_name_the_logical_types_of_numbers() {
    let schema = compile(
        r##"{"type":"object","properties":{
            "day":{"oneOf":[{"type":"null"},{"type":"integer","title":"org.apache.kafka.connect.data.Date","connect.type":"int32"}]},
            "at":{"type":"integer","title":"org.apache.kafka.connect.data.Timestamp","connect.type":"int64"},
            "time":{"$ref":"#/definitions/time"},
            "price":{"type":"number","title":"org.apache.kafka.connect.data.Decimal","connect.type":"bytes","connect.parameters":{"scale":"2"}},
            "days":{"type":"array","items":{"title":"org.apache.kafka.connect.data.Date"}},
            "home":{"$ref":"address.json#/properties/home"},
            "next":{"$ref":"#"},
            "zoned":{"oneOf":[{"type":"null"},{"type":"string","title":"io.debezium.time.ZonedTimestamp"}]},
            "set":{"type":"string","title":"io.debezium.data.EnumSet"},
            "plain":{"type":"integer","title":"A title"}},
          "definitions":{"time":{"title":"org.apache.kafka.connect.data.Time"}}}"##,
        &[("address.json", r#"{"properties":{"home":{"properties":{"since":{"title":"org.apache.kafka.connect.data.Date"}}}}}"#)],
    )
    .unwrap();
    for (payload, expected) in [
        (r#"{"day":0}"#, Ok(r#"{"day":"1970-01-01"}"#)),
        (r#"{"day":null}"#, Ok(r#"{"day":null}"#)),
        (r#"{"day":"2024-02-29"}"#, Ok(r#"{"day":"2024-02-29"}"#)),
        (r#"{"at":-1,"time":0}"#, Ok(r#"{"at":"1969-12-31T23:59:59.999Z","time":"00:00:00.000Z"}"#)),
        (r#"{"price":12345678901234567890.12}"#, Ok(r#"{"price":12345678901234567890.12}"#)),
        (r#"{"price":"AJY="}"#, Ok(r#"{"price":1.50}"#)),
        (r#"{"zoned":"2024-03-01T00:30:00.123456+01:00"}"#, Ok(r#"{"zoned":"2024-02-29T23:30:00.123Z"}"#)),
        (r#"{"zoned":null,"set":"a,b"}"#, Ok(r#"{"zoned":null,"set":"a,b"}"#)),
        (
            r#"{"zoned":"infinity"}"#,
            Err("the field zoned: its text is not an instant of the years 1 to 9999 in ISO 8601"),
        ),
        (r#"{"days":[0,1]}"#, Ok(r#"{"days":["1970-01-01","1970-01-02"]}"#)),
        (r#"{"home":{"since":0,"x":1.0}}"#, Ok(r#"{"home":{"since":"1970-01-01","x":1.0}}"#)),
        (r#"{"next":{"next":{"day":0}}}"#, Ok(r#"{"next":{"next":{"day":"1970-01-01"}}}"#)),
        (r#"{"plain":7, "else":[1, 2]}"#, Ok(r#"{"plain":7,"else":[1, 2]}"#)),
        (r#"{"day":1.5}"#, Err("the field day: 1.5 is not a 64-bit integer")),
        (
            r#"{"next":{"days":[0,9999999999]}}"#,
            Err("the field next.days[1]: 9999999999 days from 1970 lie outside of the years 1 to 9999"),
        ),
        ("{", Err("it is not JSON: EOF while parsing an object at line 1 column 1")),
    ] {
        assert_eq!(read(&schema, payload), expected.map(str::to_owned).map_err(str::to_owned), "{payload}");
    }
}

#[test]
fn a_payload_without_logical_types_keeps_its_text() {
    let schema = compile(r#"{"type":"object","properties":{"a":{"type":"integer"}}}"#, &[]).unwrap();
    assert_eq!(read(&schema, "{ \"a\" : 1 }").as_deref(), Ok("{ \"a\" : 1 }"));
    assert_eq!(read(&compile("true", &[]).unwrap(), "7").as_deref(), Ok("7"));
}

#[test]
fn invalid_json_schemas_are_refused_and_unknown_references_ignored() {
    for (text, words) in [("{", "EOF while parsing an object at line 1 column 1"), ("7", "it is not a schema")] {
        assert_eq!(compile(text, &[]).unwrap_err(), words);
    }
    for says_nothing in [r##"{"$ref":"#"}"##, r##"{"$ref":"#/nowhere"}"##, r#"{"properties":{"a":{"$ref":"o.json"}}}"#]
    {
        assert_eq!(read(&compile(says_nothing, &[]).unwrap(), "{\"a\":1}").as_deref(), Ok("{\"a\":1}"));
    }
}

#[test]
fn schemas_with_too_many_references_or_properties_are_refused() {
    let chain = |length: usize| {
        let definition = |n: usize| format!(r##""d{n}":{{"$ref":"#/$defs/d{}"}}"##, n + 1);
        let chain: Vec<_> = (0..length).map(definition).collect();
        format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{}}}}}"##, chain.join(","))
    };
    assert!(compile(&chain(100), &[]).is_ok());
    assert_eq!(compile(&chain(20_000), &[]).unwrap_err(), "it leads through more than 128 places");

    let properties: Vec<_> = (0..2_000).map(|n| format!(r#""p{n}":{{}}"#)).collect();
    let branches = vec![r##"{"$ref":"#/$defs/all"}"##; 100].join(",");
    let wide = format!(r#"{{"oneOf":[{branches}],"$defs":{{"all":{{"properties":{{{}}}}}}}}}"#, properties.join(","));
    assert!(compile(&wide, &[]).unwrap_err().contains("more than 100000 properties"));
}

#[test]
fn a_json_schema_member_that_is_left_out_may_hold_anything() {
    let deep = format!(r#"{{"a":1,"day":{}{}}}"#, "[".repeat(40), "]".repeat(40));
    let titled = r#"{"properties":{"day":{"title":"org.apache.kafka.connect.data.Date"},"a":{"type":"integer"}}}"#;
    for schema in [compile(titled, &[]).unwrap(), compile("true", &[]).unwrap()] {
        for payload in [
            r#"{"day":99999999999,"a":1}"#,
            r#"{"a":1,"day":{"x":1,"X":2}}"#,
            r#"{"day":"\ud800","a":1,"DAY":1.5}"#,
            &deep,
        ] {
            let payload = Bytes::copy_from_slice(payload.as_bytes());
            let read = schema.selected(payload.clone(), &Selection::without(&["Day"]), 1_000);
            match read {
                Ok(Converted::Object(object)) => {
                    assert_eq!(object.iter().map(|(name, value)| (name, value.json)).collect::<Vec<_>>(), [("a", "1")]);
                }
                other => panic!("{payload:?}: {other:?}"),
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn a_payload_is_read_unchanged_except_for_its_date(days in -719_162_i32..=2_932_896, text: String, number: i64, flags: Vec<bool>) {
        let schema = r#"{"properties":{"day":{"title":"org.apache.kafka.connect.data.Date"}}}"#;
        let payload = serde_json::json!({"day": days, "text": text, "number": number, "flags": flags});
        let read: serde_json::Value =
            serde_json::from_str(&read(&compile(schema, &[]).unwrap(), &payload.to_string()).unwrap()).unwrap();
        let day = time::Date::from_julian_day(2_440_588 + days).unwrap();
        let day = format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day());
        proptest::prop_assert_eq!(read, serde_json::json!({"day": day, "text": text, "number": number, "flags": flags}));
    }

    #[test]
    fn any_schema_and_any_bytes_are_read_or_refused(
        schema in r#"[\{\}\[\]"$#/a-z:,0-9]{0,40}"#,
        bytes: Vec<u8>,
    ) {
        if let Ok(schema) = compile(&schema, &[]) {
            drop(schema.read(bytes.into(), 1000));
        }
    }
}
