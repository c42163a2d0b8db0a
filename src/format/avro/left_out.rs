//! Tests that fields that a route leaves out are skipped, whatever they hold.

use super::Schema;
use crate::format::{Converted, Registered, Selection};

/// Compiles a record with a field `odd` of this type between two longs.
fn schema(kind: &str) -> Result<Schema, String> {
    let text = format!(
        r#"{{"type":"record","name":"r","fields":[{{"name":"a","type":"long"}},{{"name":"odd","type":{kind}}},{{"name":"b","type":"long"}}]}}"#
    );
    Schema::compile(&Registered { kind: "AVRO".into(), text, references: Vec::new() })
}

fn read(schema: &Schema, bytes: &[u8], selection: &Selection) -> Result<String, String> {
    match schema.selected(bytes, selection, 1_000) {
        Ok(Converted::Object(object)) => Ok(object.text.to_string()),
        Ok(Converted::Value(json, _)) => Ok(json.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn around(odd: &[u8]) -> Vec<u8> {
    [&[2], odd, &[4]].concat()
}

#[test]
fn an_avro_field_that_is_left_out_may_hold_anything() {
    const LIST: &str =
        r#"{"type":"record","name":"L","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","L"]}]}"#;
    let long_list = [[2, 2].repeat(1_000_000), vec![2, 0]].concat();
    let large = [&[0x80, 0x92, 0xf4, 0x01][..], &vec![b'm'; 2_000_000]].concat();
    for (kind, odd) in [
        (r#""double""#, f64::NAN.to_le_bytes().to_vec()),
        (r#""float""#, f32::INFINITY.to_le_bytes().to_vec()),
        (r#""string""#, vec![2, 0xff]),
        (r#""string""#, large),
        (r#""boolean""#, vec![7]),
        (r#"{"type":"enum","name":"e","symbols":["A"]}"#, vec![8]),
        // 2^35, which is too large for an int; 90 hours; the year 300,000.
        (r#""int""#, vec![0x80, 0x80, 0x80, 0x80, 0x80, 2]),
        (r#"{"type":"int","logicalType":"time-millis"}"#, vec![0x80, 0xf8, 0xc9, 0xb5, 2]),
        (r#"{"type":"int","logicalType":"date"}"#, vec![0x80, 0xf8, 0xc9, 0xb5, 2]),
        (r#"{"type":"string","connect.name":"io.debezium.time.ZonedTimestamp"}"#, vec![2, b'x']),
        (r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":999}"#, vec![2, 1]),
        (r#"{"type":"bytes","connect.name":"org.apache.kafka.connect.data.Decimal"}"#, vec![2, 1]),
        (r#"{"type":"fixed","name":"d","size":12,"logicalType":"duration"}"#, vec![1; 12]),
        (r#"{"type":"fixed","name":"u","size":16,"logicalType":"uuid"}"#, vec![1; 16]),
        (r#"{"type":"bytes","logicalType":"big-decimal"}"#, vec![2, 0xff]),
        (r#"{"type":"bytes","logicalType":"uuid"}"#, vec![2, 1]),
        (r#"{"type":"array","items":"double"}"#, [&[2][..], &f64::NAN.to_le_bytes(), &[0]].concat()),
        // Blocks with their size. The count of the first one is far too large, which does not matter.
        (r#"{"type":"array","items":"int"}"#, vec![0x7f, 4, 2, 2, 1, 2, 2, 0]),
        (r#"{"type":"map","values":"int"}"#, vec![4, 2, 0xff, 2, 2, 0xff, 2, 0]),
        (
            r#"{"type":"record","name":"t","fields":[{"name":"x","type":"int"},{"name":"X","type":["null","int"]}]}"#,
            vec![2, 2, 2],
        ),
        (r#"{"type":"record","name":"io.debezium.data.VariableScaleDecimal","fields":[]}"#, vec![0x80, 0x10, 2, 1]),
        (r#"{"type":"record","name":"n","fields":[]}"#, vec![]),
        (LIST, long_list),
    ] {
        let schema = schema(kind).unwrap();
        let bytes = around(&odd);
        for selection in [Selection::without(&["ODD"]), Selection::of(&["a", "B"])] {
            assert_eq!(read(&schema, &bytes, &selection).as_deref(), Ok(r#"{"a":1,"b":2}"#), "{kind}");
        }
        let cut = read(&schema, &bytes[..bytes.len() - 1], &Selection::without(&["odd"]));
        assert_eq!(cut, Err("the field b: the bytes end before the value does".to_owned()), "{kind}");
    }
}

#[test]
fn a_left_out_field_with_more_values_than_bytes_is_refused() {
    // Each type has two fields of the type before, 40 levels deep, without a byte.
    let nested = (0..40).fold(r#""null""#.to_owned(), |inner, n| {
        let same = if n == 0 { r#""null""#.to_owned() } else { format!(r#""D{}""#, n - 1) };
        format!(
            r#"{{"type":"record","name":"D{n}","fields":[{{"name":"x","type":{inner}}},{{"name":"y","type":{same}}}]}}"#
        )
    });
    assert!(schema(r#""Missing""#).is_err(), "a type that does not exist has no known length");
    let many = vec![0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0];
    for (kind, odd) in [
        (r#"{"type":"array","items":"null"}"#, many),
        (&*nested, vec![]),
        (r#"{"type":"record","name":"I","fields":[{"name":"i","type":"I"}]}"#, vec![]),
    ] {
        let error = read(&schema(kind).unwrap(), &around(&odd), &Selection::without(&["odd"])).unwrap_err();
        assert!(error.starts_with("the field odd: it is left out, and its type has far more values"), "{error}");
    }
}

/// Each level begins another one before it ends, so that all of them are open at the same time.
#[test]
fn a_left_out_field_that_is_nested_too_deep_is_refused() {
    let kind =
        r#"{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]},{"name":"v","type":"int"}]}"#;
    let error = read(&schema(kind).unwrap(), &around(&vec![2; 200_000]), &Selection::without(&["odd"])).unwrap_err();
    assert!(error.contains("nested too deep to be skipped"), "{error}");
}

#[test]
fn keys_of_a_map_that_are_not_selected_are_left_out() {
    let text = r#"{"type":"map","values":"double"}"#.to_owned();
    let map = Schema::compile(&Registered { kind: "AVRO".into(), text, references: Vec::new() }).unwrap();
    let entry = |key: &[u8], value: f64| [&[u8::try_from(key.len() * 2).unwrap()], key, &value.to_le_bytes()].concat();
    let entries = [entry(b"a", 1.0), entry(b"x", f64::NAN), entry(b"X", 0.5), entry(b"\xff", 0.5)].concat();
    let bytes = [&[8], &entries[..], &[0]].concat();
    assert_eq!(read(&map, &bytes, &Selection::of(&["A"])).as_deref(), Ok(r#"{"a":1.0}"#));
    assert!(read(&map, &bytes, &Selection::without(&["X"])).unwrap_err().contains("not UTF-8"));
}
