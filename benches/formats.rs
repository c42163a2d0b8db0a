//! What it costs to read a record and write its row, for each format, beside what the library alone does with the same
//! bytes. `script/bench` runs it; docs/performance.md has the figures.

#![expect(clippy::wildcard_imports, reason = "each group takes all that stands above it")]

use std::hint::black_box;

use apache_avro::{
    Schema as AvroSchema, reader::datum::GenericDatumReader, types::Value as Avro, writer::datum::GenericDatumWriter,
};
use bytes::Bytes;
use divan::{
    Bencher,
    counter::{BytesCount, ItemsCount},
};
use prost_reflect::{DynamicMessage, MessageDescriptor, prost::Message as _};
use sobjectd::format::{Converted, Registered, Schema, json, json_with_schema::JsonWithSchema};

fn main() {
    divan::main();
}

/// Fields and bytes of a record, about.
const SHAPES: [(usize, usize); 5] = [(10, 200), (10, 1024), (50, 1024), (10, 10_240), (50, 10_240)];
const LIMIT: usize = 1 << 22;

/// One field in ten is a whole number, a decimal, a flag and null each, and the others share the bytes as text.
struct Record {
    fields: Vec<(String, Field)>,
}

enum Field {
    Text(String),
    Long(i64),
    Double(f64),
    Flag(bool),
    Null,
}

impl Record {
    fn new(fields: usize, bytes: usize) -> Self {
        let texts = fields - fields * 4 / 10;
        let each = (bytes / texts).saturating_sub(12).max(4);
        let field = |at: usize| match at % 10 {
            3 => Field::Long(1_700_000_000_000),
            5 => Field::Double(12.5),
            7 => Field::Flag(true),
            9 => Field::Null,
            _ => Field::Text("Lovelace ".chars().cycle().take(each).collect()),
        };
        Self { fields: (0..fields).map(|at| (format!("Field{at}__c"), field(at))).collect() }
    }

    fn json(&self) -> String {
        let value = |field: &Field| match field {
            Field::Text(text) => serde_json::json!(text),
            Field::Long(value) => serde_json::json!(value),
            Field::Double(value) => serde_json::json!(value),
            Field::Flag(value) => serde_json::json!(value),
            Field::Null => serde_json::Value::Null,
        };
        let members = self.fields.iter().map(|(name, field)| format!("\"{name}\":{}", value(field)));
        format!("{{{}}}", members.collect::<Vec<_>>().join(","))
    }

    fn avro(&self) -> (String, Vec<u8>) {
        let kind = |field: &Field| match field {
            Field::Text(_) => "\"string\"",
            Field::Long(_) => "\"long\"",
            Field::Double(_) => "\"double\"",
            Field::Flag(_) => "\"boolean\"",
            Field::Null => "[\"null\",\"string\"]",
        };
        let value = |field: &Field| match field {
            Field::Text(text) => Avro::String(text.clone()),
            Field::Long(value) => Avro::Long(*value),
            Field::Double(value) => Avro::Double(*value),
            Field::Flag(value) => Avro::Boolean(*value),
            Field::Null => Avro::Union(0, Box::new(Avro::Null)),
        };
        let fields = self.fields.iter().map(|(name, field)| format!(r#"{{"name":"{name}","type":{}}}"#, kind(field)));
        let schema = format!(r#"{{"type":"record","name":"r","fields":[{}]}}"#, fields.collect::<Vec<_>>().join(","));
        let values = self.fields.iter().map(|(name, field)| (name.clone(), value(field))).collect();
        let parsed = AvroSchema::parse_str(&schema).expect("a schema");
        let writer = GenericDatumWriter::builder(&parsed).build().expect("a writer");
        let bytes = writer.write_value_to_vec(Avro::Record(values)).expect("a datum");
        (schema, bytes)
    }

    fn proto(&self) -> (String, Vec<u8>, MessageDescriptor) {
        let kind = |field: &Field| match field {
            Field::Text(_) | Field::Null => "string",
            Field::Long(_) => "int64",
            Field::Double(_) => "double",
            Field::Flag(_) => "bool",
        };
        let fields = self.fields.iter().enumerate();
        let fields = fields.map(|(at, (name, field))| format!("optional {} {name} = {};", kind(field), at + 1));
        let text = format!("syntax = \"proto3\"; message R {{ {} }}", fields.collect::<String>());
        let file = protox::file::File::from_source("r.proto", &text).expect("a file").file_descriptor_proto().clone();
        let mut pool = prost_reflect::DescriptorPool::new();
        pool.add_file_descriptor_proto(file).expect("a pool");
        let descriptor = pool.get_message_by_name("R").expect("a message");
        let mut message = DynamicMessage::new(descriptor.clone());
        for (name, field) in &self.fields {
            let value = match field {
                Field::Text(text) => prost_reflect::Value::String(text.clone()),
                Field::Long(value) => prost_reflect::Value::I64(*value),
                Field::Double(value) => prost_reflect::Value::F64(*value),
                Field::Flag(value) => prost_reflect::Value::Bool(*value),
                Field::Null => continue,
            };
            message.set_field_by_name(name, value);
        }
        (text, message.encode_to_vec(), descriptor)
    }

    fn connect(&self) -> String {
        let kind = |field: &Field| match field {
            Field::Text(_) | Field::Null => "string",
            Field::Long(_) => "int64",
            Field::Double(_) => "double",
            Field::Flag(_) => "boolean",
        };
        let field = |(name, field): &(String, Field)| {
            format!(r#"{{"type":"{}","optional":true,"field":"{name}"}}"#, kind(field))
        };
        let fields: Vec<_> = self.fields.iter().map(field).collect();
        let schema = format!(r#"{{"type":"struct","fields":[{}],"optional":false}}"#, fields.join(","));
        format!(r#"{{"schema":{schema},"payload":{}}}"#, self.json())
    }
}

fn schema(kind: &str, text: String) -> Schema {
    Schema::compile(&Registered { kind: kind.to_owned(), text, references: Vec::new() })
}

/// The row as it goes into a call.
fn write(row: &mut Vec<u8>, converted: &Converted) -> usize {
    row.clear();
    if let Converted::Object(object) = converted {
        for (name, value) in object.iter() {
            row.extend_from_slice(b",\"");
            row.extend_from_slice(name.as_bytes());
            row.extend_from_slice(b"\":");
            row.extend_from_slice(value.json.as_bytes());
        }
    }
    row.len()
}

/// Decodes and encodes by `read`.
fn ours(bencher: Bencher<'_, '_>, bytes: &Bytes, read: impl Fn(&Bytes) -> Converted) {
    let mut row = Vec::new();
    let counted = bencher.counter(BytesCount::new(bytes.len())).counter(ItemsCount::new(1_usize));
    counted.bench_local(|| write(&mut row, &read(black_box(bytes))));
}

/// What the library does by itself.
fn theirs<T>(bencher: Bencher<'_, '_>, bytes: &Bytes, read: impl Fn(&[u8]) -> T) {
    let counted = bencher.counter(BytesCount::new(bytes.len())).counter(ItemsCount::new(1_usize));
    counted.bench_local(|| read(black_box(bytes)));
}

fn validate(bytes: &[u8]) -> serde::de::IgnoredAny {
    serde_json::from_slice(bytes).expect("JSON")
}

#[divan::bench_group(name = "json")]
mod plain_json {
    use super::*;

    #[divan::bench(args = SHAPES, sample_size = 50)]
    fn ours(bencher: Bencher<'_, '_>, (fields, bytes): (usize, usize)) {
        let bytes = Record::new(fields, bytes).json().into();
        super::ours(bencher, &bytes, |bytes| json::read(bytes.clone()).expect("an object"));
    }

    #[divan::bench(args = SHAPES, sample_size = 50)]
    fn validated(bencher: Bencher<'_, '_>, (fields, bytes): (usize, usize)) {
        theirs(bencher, &Record::new(fields, bytes).json().into(), validate);
    }
}

#[divan::bench_group]
mod json_with_schema {
    use super::*;

    #[divan::bench(args = SHAPES, sample_size = 50)]
    fn ours(bencher: Bencher<'_, '_>, (fields, bytes): (usize, usize)) {
        let (bytes, converter) = (Record::new(fields, bytes).connect().into(), JsonWithSchema::default());
        super::ours(bencher, &bytes, |bytes| converter.read(bytes.clone(), LIMIT).expect("an object"));
    }

    #[divan::bench(args = SHAPES, sample_size = 50)]
    fn validated(bencher: Bencher<'_, '_>, (fields, bytes): (usize, usize)) {
        theirs(bencher, &Record::new(fields, bytes).connect().into(), validate);
    }
}

#[divan::bench_group]
mod avro {
    use super::*;

    #[divan::bench(args = SHAPES, sample_size = 50)]
    fn ours(bencher: Bencher<'_, '_>, (fields, bytes): (usize, usize)) {
        let (text, bytes) = Record::new(fields, bytes).avro();
        let schema = schema("AVRO", text);
        super::ours(bencher, &bytes.into(), |bytes| schema.read(&[], bytes, LIMIT).expect("a record"));
    }

    #[divan::bench(args = SHAPES, sample_size = 50)]
    fn to_value(bencher: Bencher<'_, '_>, (fields, bytes): (usize, usize)) {
        let (text, bytes) = Record::new(fields, bytes).avro();
        let schema = AvroSchema::parse_str(&text).expect("a schema");
        let reader = GenericDatumReader::builder(&schema).build().expect("a reader");
        theirs(bencher, &bytes.into(), |mut bytes| reader.read_value(&mut bytes).expect("a record"));
    }
}

#[divan::bench_group]
mod json_schema {
    use super::*;

    #[divan::bench(args = SHAPES, sample_size = 50)]
    fn ours(bencher: Bencher<'_, '_>, (fields, bytes): (usize, usize)) {
        let text = r#"{"properties":{"Field3__c":{"title":"org.apache.kafka.connect.data.Timestamp"}}}"#;
        let (schema, bytes) = (schema("JSON", text.to_owned()), Record::new(fields, bytes).json().into());
        super::ours(bencher, &bytes, |bytes| schema.read(&[], bytes, LIMIT).expect("an object"));
    }

    #[divan::bench(args = SHAPES, sample_size = 50)]
    fn validated(bencher: Bencher<'_, '_>, (fields, bytes): (usize, usize)) {
        theirs(bencher, &Record::new(fields, bytes).json().into(), validate);
    }
}

#[divan::bench_group]
mod protobuf {
    use super::*;

    #[divan::bench(args = SHAPES, sample_size = 50)]
    fn ours(bencher: Bencher<'_, '_>, (fields, bytes): (usize, usize)) {
        let (text, bytes, _) = Record::new(fields, bytes).proto();
        let schema = schema("PROTOBUF", text);
        super::ours(bencher, &bytes.into(), |bytes| schema.read(&[0], bytes, LIMIT).expect("a message"));
    }

    #[divan::bench(args = SHAPES, sample_size = 50)]
    fn to_message(bencher: Bencher<'_, '_>, (fields, bytes): (usize, usize)) {
        let (_, bytes, descriptor) = Record::new(fields, bytes).proto();
        theirs(bencher, &bytes.into(), |bytes| DynamicMessage::decode(descriptor.clone(), bytes).expect("a message"));
    }
}
