use std::sync::LazyLock;

use apache_avro::{Decimal, Schema as AvroSchema, types::Value as Avro, writer::datum::GenericDatumWriter};
use num_bigint::BigInt;
use proptest::prelude::*;

use super::Schema;
use crate::{
    format::{Converted, FormatError, Reference, Registered, Selection},
    record::LogicalType,
};

impl Schema {
    fn read(&self, bytes: &[u8], limit: usize) -> Result<Converted, FormatError> {
        self.selected(bytes, &Selection::default(), limit)
    }
}

fn registered(text: &str, references: &[(&str, &str)]) -> Registered {
    let reference = |(name, text): &(&str, &str)| Reference { name: (*name).to_owned(), text: (*text).to_owned() };
    Registered { kind: "AVRO".into(), text: text.into(), references: references.iter().map(reference).collect() }
}

fn compile(text: &str) -> Schema {
    Schema::compile(&registered(text, &[])).unwrap()
}

fn json(read: Result<Converted, FormatError>) -> Result<String, String> {
    match read.map_err(|error| error.to_string())? {
        Converted::Object(object) => Ok(object.text.to_string()),
        Converted::Value(json, _) => Ok(json.to_string()),
    }
}

/// Reads a value of a type that apache-avro has written.
fn of_type(kind: &str, value: Avro) -> Result<String, String> {
    let schema = AvroSchema::parse_str(kind).unwrap();
    let bytes = GenericDatumWriter::builder(&schema).build().unwrap().write_value_to_vec(value).unwrap();
    json(compile(kind).read(&bytes, 1 << 20))
}

#[test]
fn each_type_and_logical_type_has_its_json() {
    let decimal = |digits: &str| {
        let unscaled: BigInt = digits.parse().unwrap();
        Avro::Decimal(Decimal::from(unscaled.to_signed_bytes_be()))
    };
    let of = |kind: &str, logical: &str| format!(r#"{{"type":"{kind}","logicalType":"{logical}"}}"#);
    let duration =
        apache_avro::Duration::new(apache_avro::Months::new(1), apache_avro::Days::new(1), apache_avro::Millis::new(1));
    for (kind, value, expected) in [
        (r#""boolean""#.to_owned(), Avro::Boolean(true), "true"),
        (r#""int""#.into(), Avro::Int(i32::MIN), "-2147483648"),
        (r#""long""#.into(), Avro::Long(i64::MAX), "9223372036854775807"),
        (r#""long""#.into(), Avro::Long(i64::MIN), "-9223372036854775808"),
        (r#""float""#.into(), Avro::Float(0.1), "0.1"),
        (r#""double""#.into(), Avro::Double(0.1), "0.1"),
        (r#""double""#.into(), Avro::Double(1e300), "1e+300"),
        (r#""string""#.into(), Avro::String("Zoë \0 \" \\ 😀".into()), r#""Zoë \u0000 \" \\ 😀""#),
        (r#""string""#.into(), Avro::String(String::new()), r#""""#),
        (r#""bytes""#.into(), Avro::Bytes(vec![0, 1, 255]), r#""AAH/""#),
        (r#"{"type":"fixed","name":"f","size":3}"#.into(), Avro::Fixed(3, vec![0, 1, 255]), r#""AAH/""#),
        (r#"{"type":"enum","name":"e","symbols":["A","B"]}"#.into(), Avro::Enum(1, "B".into()), r#""B""#),
        (r#"["null","string"]"#.into(), Avro::Union(0, Box::new(Avro::Null)), "null"),
        (r#"["null","string"]"#.into(), Avro::Union(1, Box::new(Avro::String("a".into()))), r#""a""#),
        (r#"{"type":"array","items":"int"}"#.into(), Avro::Array(vec![Avro::Int(1), Avro::Int(2)]), "[1,2]"),
        (r#"{"type":"map","values":"int"}"#.into(), Avro::Map([("a".into(), Avro::Int(1))].into()), r#"{"a":1}"#),
        (of("int", "date"), Avro::Date(19_782), r#""2024-02-29""#),
        (of("int", "time-millis"), Avro::TimeMillis(86_399_999), r#""23:59:59.999Z""#),
        (of("long", "time-micros"), Avro::TimeMicros(1_999), r#""00:00:00.001Z""#),
        (of("long", "timestamp-millis"), Avro::TimestampMillis(-1), r#""1969-12-31T23:59:59.999Z""#),
        (of("long", "timestamp-micros"), Avro::TimestampMicros(0), r#""1970-01-01T00:00:00.000Z""#),
        (of("long", "timestamp-nanos"), Avro::TimestampNanos(1_000_000), r#""1970-01-01T00:00:00.001Z""#),
        (of("long", "local-timestamp-millis"), Avro::LocalTimestampMillis(0), r#""1970-01-01T00:00:00.000Z""#),
        (of("long", "local-timestamp-micros"), Avro::LocalTimestampMicros(0), r#""1970-01-01T00:00:00.000Z""#),
        (of("long", "local-timestamp-nanos"), Avro::LocalTimestampNanos(0), r#""1970-01-01T00:00:00.000Z""#),
        (
            r#"{"type":"bytes","logicalType":"decimal","precision":38,"scale":10}"#.into(),
            decimal("99999999999999999999999999999999999999"),
            "9999999999999999999999999999.9999999999",
        ),
        (
            r#"{"type":{"type":"fixed","name":"f","size":8},"logicalType":"decimal","precision":10,"scale":2}"#.into(),
            decimal("-150"),
            "-1.50",
        ),
        (
            of("string", "uuid"),
            Avro::Uuid("936da01f-9abd-4d9d-80c7-02af85c822a8".parse().unwrap()),
            r#""936da01f-9abd-4d9d-80c7-02af85c822a8""#,
        ),
        (
            r#"{"type":{"type":"fixed","name":"f","size":16},"logicalType":"uuid"}"#.into(),
            Avro::Uuid("936da01f-9abd-4d9d-80c7-02af85c822a8".parse().unwrap()),
            r#""936da01f-9abd-4d9d-80c7-02af85c822a8""#,
        ),
    ] {
        assert_eq!(of_type(&kind, value).as_deref(), Ok(expected), "{kind}");
    }
    for (kind, value, words) in [
        (r#""double""#.to_owned(), Avro::Double(f64::NAN), "NaN is not a number in JSON"),
        (r#""float""#.into(), Avro::Float(f32::INFINITY), "inf is not a number in JSON"),
        (of("int", "date"), Avro::Date(i32::MAX), "2147483647 days from 1970 lie outside of the years 1 to 9999"),
        (
            r#"{"type":{"type":"fixed","name":"f","size":12},"logicalType":"duration"}"#.into(),
            Avro::Duration(duration),
            "Salesforce has no durations",
        ),
    ] {
        assert_eq!(of_type(&kind, value), Err(words.to_owned()), "{kind}");
    }
}

#[test]
fn records_nest_and_refer_to_each_other() {
    let schema = registered(
        r#"{"type":"record","name":"Person","namespace":"crm","fields":[
            {"name":"Name","type":"string"},
            {"name":"Day","type":["null",{"type":"int","connect.name":"org.apache.kafka.connect.data.Date"}],"default":null},
            {"name":"Price","type":{"type":"bytes","connect.name":"org.apache.kafka.connect.data.Decimal","connect.parameters":{"scale":"2"}}},
            {"name":"Home","type":"crm.geo.Address"},
            {"name":"Boss","type":["null","Person"]}]}"#,
        &[
            ("crm.geo.Country", r#"{"type":"enum","name":"Country","namespace":"crm.geo","symbols":["NL","DE"]}"#),
            (
                "crm.geo.Address",
                r#"{"type":"record","name":"Address","namespace":"crm.geo","fields":[{"name":"Country","type":"Country"}]}"#,
            ),
        ],
    );
    let schema = Schema::compile(&schema).unwrap();
    let person = |name: &str, boss: &[u8]| {
        let mut bytes = vec![u8::try_from(name.len() * 2).unwrap()];
        bytes.extend(name.as_bytes());
        // A branch and a day; a decimal of one byte; an enum's index.
        bytes.extend([2, 0, 2, 0x96, 2]);
        bytes.extend(boss);
        bytes
    };
    let boss = [&[2][..], &person("B", &[0])].concat();
    assert_eq!(
        json(schema.read(&person("A", &boss), 1000)).as_deref(),
        Ok(concat!(
            r#"{"Name":"A","Day":"1970-01-01","Price":-1.06,"Home":{"Country":"DE"},"#,
            r#""Boss":{"Name":"B","Day":"1970-01-01","Price":-1.06,"Home":{"Country":"DE"},"Boss":null}}"#
        ))
    );
    let mut deep = person("Z", &[0]);
    for _ in 0..100_000 {
        deep = [&person("A", &[2])[..], &deep].concat().split_off(0);
        if deep.len() > 2_000 {
            break;
        }
    }
    let error = json(schema.read(&deep, 1 << 20)).unwrap_err();
    assert!(error.starts_with("the field Boss.Boss.") && error.ends_with("it is nested deeper than 32"), "{error}");
}

/// A record of one long field with these attributes, whose value is 45,296,123,456,789.
fn long(attributes: &str) -> Result<String, String> {
    let schema = format!(r#"{{"type":"record","name":"r","fields":[{{"name":"f","type":{{{attributes}}}}}]}}"#);
    let mut bytes = Vec::new();
    let mut value = 45_296_123_456_789_u64 << 1;
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    json(Schema::compile(&registered(&schema, &[]))?.read(&bytes, 1000))
}

#[test]
fn logical_types_of_connect_and_debezium_are_applied() {
    for (attributes, expected) in [
        (r#""type":"long""#, Ok(r#"{"f":45296123456789}"#)),
        (r#""type":"long","connect.name":"io.debezium.time.NanoTime""#, Ok(r#"{"f":"12:34:56.123Z"}"#)),
        (r#""type":"long","connect.name":"io.debezium.time.NanoTimestamp""#, Ok(r#"{"f":"1970-01-01T12:34:56.123Z"}"#)),
        (
            r#""type":"long","connect.name":"io.debezium.time.MicroTimestamp""#,
            Ok(r#"{"f":"1971-06-09T06:15:23.456Z"}"#),
        ),
        (r#""type":"long","logicalType":"unknown-type""#, Ok(r#"{"f":45296123456789}"#)),
        (
            r#""type":"bytes","connect.name":"org.apache.kafka.connect.data.Decimal""#,
            Err("the field f: the decimal has no scale"),
        ),
    ] {
        assert_eq!(long(attributes), expected.map(str::to_owned).map_err(str::to_owned), "{attributes}");
    }
    let decimal = |attributes: &str, byte: u8| {
        json(compile(&format!(r#"{{"type":"bytes",{attributes}}}"#)).read(&[2, byte], 1000)).unwrap()
    };
    let connects = r#""connect.name":"org.apache.kafka.connect.data.Decimal","connect.parameters":{"scale":"-2"}"#;
    assert_eq!(decimal(connects, 123), "12300");
    assert_eq!(decimal(&format!(r#""logicalType":"decimal","precision":3,"scale":-2,{connects}"#), 123), "12300");
    assert_eq!(decimal(r#""logicalType":"decimal","precision":1,"scale":2"#, 123), "1.23");
    let zoned = compile(r#"["null",{"type":"string","connect.name":"io.debezium.time.ZonedTime"}]"#);
    assert_eq!(json(zoned.read(&[&[2, 28][..], b"10:15:30+02:00"].concat(), 99)).as_deref(), Ok("\"08:15:30.000Z\""));
    let set = compile(
        r#"{"type":"string","connect.version":1,"connect.name":"io.debezium.data.EnumSet","connect.parameters":{"allowed":"a,b"}}"#,
    );
    assert!(
        matches!(set.read(&[6, b'a', b',', b'b'], 99), Ok(Converted::Value(json, LogicalType::Set)) if json == "\"a,b\"")
    );
    let variable = r#"{"type":"record","name":"VariableScaleDecimal","namespace":"io.debezium.data","fields":[
        {"name":"scale","type":"int"},{"name":"value","type":"bytes"}]}"#;
    assert_eq!(json(compile(variable).read(&[2, 2, 123], 1000)).as_deref(), Ok("12.3"));
    assert!(
        json(
            compile(r#"{"type":"bytes","logicalType":"big-decimal"}"#)
                .read(&[24, 2, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], 99)
        )
        .is_err()
    );
}

#[test]
fn names_and_defaults_of_other_implementations_are_accepted() {
    for schema in [
        r#"{"type":"record","name":"Value","namespace":"my-server.inventory.1st","fields":[{"name":"a","type":"int","default":null}]}"#,
        r#"{"type":"record","name":"com.Outer$Inner","fields":[{"name":"a","type":"int","default":0.5}]}"#,
    ] {
        assert_eq!(json(compile(schema).read(&[2], 99)).as_deref(), Ok(r#"{"a":1}"#), "{schema}");
    }
}

#[test]
fn a_reference_may_use_types_of_an_earlier_reference() {
    let references = [
        (
            "Address",
            r#"{"type":"record","name":"com.Address","fields":[{"name":"c","type":{"type":"enum","name":"Country","symbols":["NL"]}}]}"#,
        ),
        (
            "Person",
            r#"{"type":"record","name":"com.Person","fields":[{"name":"c","type":"com.Country"},{"name":"a","type":"Address"}]}"#,
        ),
    ];
    let schema = Schema::compile(&registered(r#"["null","com.Person"]"#, &references)).unwrap();
    assert_eq!(json(schema.read(&[2, 0, 0], 99)).as_deref(), Ok(r#"{"c":"NL","a":{"c":"NL"}}"#));
}

#[test]
fn a_map_may_be_the_whole_value() {
    let schema = compile(r#"{"type":"map","values":"int"}"#);
    assert_eq!(json(schema.read(&[4, 2, b'a', 2, 2, b'b', 4, 0], 99)).as_deref(), Ok(r#"{"a":1,"b":2}"#));
    assert!(json(schema.read(&[4, 2, b'a', 2, 2, b'A', 4, 0], 99)).unwrap_err().contains("it occurs twice"));
}

#[test]
fn the_error_of_bad_bytes_names_the_field() {
    let schema = compile(
        r#"{"type":"record","name":"r","fields":[
            {"name":"a","type":["null","string"]},{"name":"b","type":{"type":"array","items":"boolean"}}]}"#,
    );
    for (bytes, words) in [
        (&[][..], "the field a: the bytes end before the value does"),
        (&[2], "the field a: the bytes end before the value does"),
        (&[2, 8, b'x'], "the field a: the bytes end before the value does"),
        (&[4], "the field a: the union has 2 branches, and none is number 2"),
        (&[2, 1], "the field a: -1 is not a length"),
        (&[2, 2, 0xff, 0], "the field a: a text is not UTF-8: the byte at 0 is invalid"),
        (&[0, 2, 7, 0], "the field b[0]: a boolean is 0 or 1, not 7"),
        (&[0, 4, 1], "the field b[1]: the bytes end before the value does"),
        (&[0, 0, 9, 9], "2 bytes are left after the value of the schema"),
        (&[0x80; 12], "the field a: a number of more than 64 bits, or cut"),
        (
            &[2, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            "the field a: the bytes end before the value does",
        ),
    ] {
        assert_eq!(json(schema.read(bytes, 1000)), Err(words.to_owned()), "{bytes:?}");
    }
    // Items without bytes: only the limit of the JSON bounds their number.
    let nulls = compile(r#"{"type":"array","items":"null"}"#);
    let many = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0];
    assert_eq!(
        json(nulls.read(&many, 1000)),
        Err("its JSON would have more than 1000 bytes, which is pipeline.max_row_bytes".to_owned())
    );
}

#[test]
fn invalid_schemas_are_refused() {
    let two = r#"{"type":"record","name":"r","fields":[{"name":"a","type":"int"},{"name":"A","type":"int"}]}"#;
    for text in ["", "{", "[]x", r#""nothing""#, r#"{"type":"record","name":"r"}"#] {
        assert!(Schema::compile(&registered(text, &[])).is_err(), "{text}");
    }
    let twice = json(compile(two).read(&[2, 4], 99));
    assert_eq!(twice, Err("the field A: it occurs twice (names are compared without case)".to_owned()));
    let deep = "[".repeat(100_000);
    assert!(Schema::compile(&registered(&deep, &[])).is_err());
}

/// Generates a value, the float in it, and the JSON of its other fields.
fn value() -> impl Strategy<Value = (Vec<Avro>, f64, serde_json::Value)> {
    (any::<bool>(), any::<i64>(), any::<f64>(), any::<String>(), any::<Option<i32>>(), any::<Vec<String>>())
        .prop_filter_map("finite", |(flag, long, double, text, maybe, texts)| {
            let json = serde_json::json!({
                "flag": flag, "long": long, "text": text, "maybe": maybe, "texts": texts,
            });
            if !double.is_finite() {
                return None;
            }
            let maybe = maybe.map_or((0, Avro::Null), |value| (1, Avro::Int(value)));
            let fields = vec![
                Avro::Boolean(flag),
                Avro::Long(long),
                Avro::Double(double),
                Avro::String(text),
                Avro::Union(maybe.0, Box::new(maybe.1)),
                Avro::Array(texts.into_iter().map(Avro::String).collect()),
            ];
            Some((fields, double, json))
        })
}

const ANY: &str = r#"{"type":"record","name":"r","fields":[
    {"name":"flag","type":"boolean"},{"name":"long","type":"long"},{"name":"double","type":"double"},
    {"name":"text","type":"string"},{"name":"maybe","type":["null","int"]},
    {"name":"texts","type":{"type":"array","items":"string"}}]}"#;

static ANY_SCHEMA: LazyLock<Schema> = LazyLock::new(|| compile(ANY));

proptest! {
    #[test]
    fn a_value_of_apache_avro_is_read_unchanged((fields, double, mut expected) in value(), cut: prop::sample::Index) {
        let names = ["flag", "long", "double", "text", "maybe", "texts"].map(str::to_owned);
        let avro = AvroSchema::parse_str(ANY).unwrap();
        let writer = GenericDatumWriter::builder(&avro).build().unwrap();
        let bytes = writer.write_value_to_vec(Avro::Record(names.into_iter().zip(fields).collect())).unwrap();
        let json = json(ANY_SCHEMA.read(&bytes, 1 << 20)).unwrap();
        // serde_json does not parse floats exactly to the last digit.
        let digits = json.split("\"double\":").nth(1).and_then(|rest| rest.split(',').next()).unwrap();
        prop_assert_eq!(digits.parse::<f64>().unwrap().to_bits(), double.to_bits());
        let mut read: serde_json::Value = serde_json::from_str(&json).unwrap();
        expected["double"] = read["double"].take();
        read["double"] = expected["double"].clone();
        prop_assert_eq!(read, expected);
        prop_assert!(ANY_SCHEMA.read(&bytes[..cut.index(bytes.len())], 1 << 20).is_err());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        if let Ok(json) = json(ANY_SCHEMA.read(&bytes, 10_000)) {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
        }
    }
}
