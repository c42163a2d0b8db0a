//! Any bytes as an Avro datum. The first of them chooses a schema.
#![no_main]

use std::sync::LazyLock;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sobjectd::format::Schema;
use sobjectd_fuzz::{Names, check, registered};

const SCHEMAS: [&str; 12] = [
    // Every type.
    r#"{"type":"record","name":"All","fields":[
        {"name":"n","type":"null"},{"name":"b","type":"boolean"},{"name":"i","type":"int"},{"name":"l","type":"long"},
        {"name":"f","type":"float"},{"name":"d","type":"double"},{"name":"by","type":"bytes"},
        {"name":"s","type":"string"},{"name":"fi","type":{"type":"fixed","name":"F3","size":3}},
        {"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"]}},
        {"name":"a","type":{"type":"array","items":"int"}},{"name":"m","type":{"type":"map","values":"string"}},
        {"name":"u","type":["null","string","long"]},
        {"name":"r","type":{"type":"record","name":"In","fields":[{"name":"x","type":"int"}]}}]}"#,
    // Every logical type.
    r#"{"type":"record","name":"Logical","fields":[
        {"name":"da","type":{"type":"int","logicalType":"date"}},
        {"name":"tm","type":{"type":"int","logicalType":"time-millis"}},
        {"name":"tu","type":{"type":"long","logicalType":"time-micros"}},
        {"name":"sm","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"su","type":{"type":"long","logicalType":"timestamp-micros"}},
        {"name":"sn","type":{"type":"long","logicalType":"timestamp-nanos"}},
        {"name":"lm","type":{"type":"long","logicalType":"local-timestamp-millis"}},
        {"name":"de","type":{"type":"bytes","logicalType":"decimal","precision":20,"scale":4}},
        {"name":"df","type":{"type":"fixed","name":"D8","size":8,"logicalType":"decimal","precision":10,"scale":2}},
        {"name":"us","type":{"type":"string","logicalType":"uuid"}},
        {"name":"uf","type":{"type":"fixed","name":"U16","size":16,"logicalType":"uuid"}},
        {"name":"bd","type":{"type":"bytes","logicalType":"big-decimal"}}]}"#,
    // A type that holds itself.
    r#"{"type":"record","name":"Person","fields":[
        {"name":"Name","type":"string"},{"name":"Boss","type":["null","Person"]},
        {"name":"Team","type":{"type":"array","items":"Person"}},
        {"name":"By","type":{"type":"map","values":["null","Person","long"]}}]}"#,
    // Values that take no bytes.
    r#"{"type":"array","items":"null"}"#,
    r#"{"type":"array","items":{"type":"record","name":"Empty","fields":[]}}"#,
    r#"{"type":"record","name":"Endless","fields":[{"name":"a","type":"Endless"},{"name":"b","type":"Endless"}]}"#,
    r#"{"type":"map","values":"null"}"#,
    r#"{"type":"array","items":{"type":"array","items":{"type":"array","items":"null"}}}"#,
    // Types without a record around them.
    r#"["null","long",{"type":"map","values":{"type":"array","items":["null","double"]}},{"type":"record","name":"R","fields":[{"name":"x","type":["string","bytes"]}]}]"#,
    r#"{"type":"bytes","logicalType":"big-decimal"}"#,
    r#"{"type":"bytes","logicalType":"decimal","precision":400,"scale":400}"#,
    r#""string""#,
];
const LIMIT: usize = 64 * 1024;

static COMPILED: LazyLock<Vec<Schema>> =
    LazyLock::new(|| SCHEMAS.iter().map(|text| Schema::compile(&registered("AVRO", text, &[]))).collect());

fuzz_target!(|data: &[u8]| {
    let Some((first, datum)) = data.split_first() else { return };
    let schema = &COMPILED[usize::from(*first) % SCHEMAS.len()];
    check(schema.read(&[], &Bytes::copy_from_slice(datum), LIMIT), LIMIT, Names::UniqueOutside);
});
