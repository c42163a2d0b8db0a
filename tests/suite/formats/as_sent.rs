//! Values as people send them: nulls that are tombstones, members that a route leaves out, Debezium's texts.

use crate::harness::{Daemon, FakeRegistry, Record, TestBed, record, side_by_side, unique};

fn framed(id: u8, rest: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, 0, id], rest].concat()
}

/// The route reads this format, with the schemas of a registry that the test holds.
async fn reads(bed: &mut TestBed, format: &str, registry: &FakeRegistry) {
    bed.config.set("schema_registry.url", &format!("'{}'", registry.start().await));
    bed.config.in_route("value.format", &format!("'{format}'"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_says_null_deletes_as_a_tombstone_does() {
    const AVRO: &str = r#"["null",{"type":"record","name":"r","fields":[{"name":"Text__c","type":"string"}]}]"#;
    let registry = FakeRegistry::default();
    registry.schema("schemas/ids/1", "AVRO", AVRO).schema("schemas/ids/2", "JSON", "{}");
    let struct_schema = r#"{"type":"struct","optional":true,"fields":[{"field":"Text__c","type":"string"}]}"#;
    let enveloped = |payload: &str| format!(r#"{{"schema":{struct_schema},"payload":{payload}}}"#).into_bytes();
    let text = br#"{"Text__c":"x"}"#;
    side_by_side(
        [
            ("json", text.to_vec(), vec![b"null".to_vec(), "\u{feff} null ".into()]),
            (
                "json_with_schema",
                enveloped(r#"{"Text__c":"x"}"#),
                vec![br#"{"schema":null,"payload":null}"#.to_vec(), enveloped("null")],
            ),
            ("avro", framed(1, &[2, 2, b'x']), vec![framed(1, &[0])]),
            ("json_schema", framed(2, text), vec![framed(2, b"null")]),
        ],
        async |(format, value, nulls)| {
            let mut bed = TestBed::new("nulls").await;
            reads(&mut bed, format, &registry).await;
            let key = |n: usize| format!("k{n}");
            let there = |n| record(key(n), value.clone());
            let mut records = Vec::new();
            for (n, null) in nulls.iter().enumerate() {
                records.extend([there(n), record(key(n), null.clone())]);
            }
            records.extend([there(9), record(key(9), nulls[0].clone()).operation("UPSERT")]);
            let metrics = bed.run(&records).await;
            assert_eq!(metrics.settled("dead_lettered"), 1, "{format}");
            for n in 0..nulls.len() {
                let history: Vec<_> = bed.history(&key(n)).into_iter().map(|(word, _)| word).collect();
                assert_eq!(
                    (history, bed.find(&key(n))),
                    (vec!["create".to_owned(), "delete".to_owned()], None),
                    "{format}"
                );
            }
            assert_eq!(bed.text(&key(9)), "x");
            let letter = &bed.dead_letters(1).await[0];
            assert_eq!(letter.value.as_ref(), Some(&nulls[0]), "byte for byte");
            let message = letter.header("__connect.errors.exception.message").unwrap();
            assert!(message.contains("the header asks for UPSERT and the value is null"), "{message}");

            bed.config.in_route("tombstone", "'reject'");
            let metrics = bed.run(&[record(key(9), nulls[0].clone())]).await;
            assert_eq!((metrics.settled("dead_lettered"), bed.text(&key(9))), (1, "x".to_owned()), "{format}");
        },
    )
    .await;
}

/// All are written, and nothing else than the text.
async fn are_written_without(bed: &mut TestBed, member: &str, records: &[Record]) {
    let topic = unique("left-out");
    bed.broker.topic_with(&topic, 1, &[("max.message.bytes", "9000000")]).await;
    bed.config.in_route("topic", &format!("'{topic}'")).in_route("fields.exclude", &format!("['{member}']"));
    bed.topic = topic;
    bed.produce(records).await;
    let daemon = Daemon::start(&bed.config).await;
    let metrics = daemon.settled(records.len() as u64).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (records.len() as u64, 0));
    for record in records {
        let key = String::from_utf8(record.key.clone().unwrap()).unwrap();
        let sent = bed.sent(&key).unwrap().into_iter().collect::<Vec<_>>();
        assert_eq!(sent, [("Text__c".to_owned(), "\"x\"".to_owned())], "{key}");
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_left_out_costs_no_record() {
    let registry = FakeRegistry::default();
    let large = "m".repeat(5_000_000);

    let mut bed = TestBed::new("left-out-json").await;
    let with = |key: &str, meta: &str| record(key, format!(r#"{{"Text__c":"x","Meta":{meta}}}"#));
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    let names = r#"{"Content-Type":1,"content-type":2}"#;
    let records = [
        with("names", names),
        with("deep", &deep),
        with("surrogate", r#""\ud800""#),
        with("large", &format!("\"{large}\"")),
        record("twice", r#"{"meta":1,"Text__c":"x","META":2}"#),
        record("mark", "\u{feff}{\"Text__c\":\"x\"}"),
    ];
    are_written_without(&mut bed, "meta", &records).await;

    let mut bed = TestBed::new("left-out-connect").await;
    reads(&mut bed, "json_with_schema", &registry).await;
    let with = |key: &str, kind: &str, meta: &str| {
        let fields = format!(r#"{{"field":"Text__c","type":"string"}},{{"field":"meta",{kind}}}"#);
        let schema = format!(r#"{{"type":"struct","fields":[{fields}]}}"#);
        record(key, format!(r#"{{"schema":{schema},"payload":{{"Text__c":"x","meta":{meta}}}}}"#))
    };
    let time = r#""type":"int32","name":"org.apache.kafka.connect.data.Time""#;
    let pair =
        r#""type":"struct","fields":[{"field":"Content-Type","type":"int8"},{"field":"content-type","type":"int8"}]"#;
    let records = [
        with("90 hours", time, "324000000"),
        with("names", pair, names),
        with("nan", r#""type":"double""#, "\"NaN\""),
        with("large", r#""type":"string""#, &format!("\"{large}\"")),
    ];
    are_written_without(&mut bed, "meta", &records).await;

    let mut bed = TestBed::new("left-out-avro").await;
    reads(&mut bed, "avro", &registry).await;
    let with = |id: u8, kind: &str, meta: &[u8]| {
        let fields = format!(r#"{{"name":"Meta","type":{kind}}},{{"name":"Text__c","type":"string"}}"#);
        registry.schema(
            &format!("schemas/ids/{id}"),
            "AVRO",
            &format!(r#"{{"type":"record","name":"r","fields":[{fields}]}}"#),
        );
        record(format!("avro-{id}"), framed(id, &[meta, &[2, b'x']].concat()))
    };
    let records = [
        with(10, r#""double""#, &f64::INFINITY.to_le_bytes()),
        with(11, r#"{"type":"int","logicalType":"time-millis"}"#, &[0x80, 0xf8, 0xfe, 0xb4, 2]),
        with(12, r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":999}"#, &[2, 1]),
        with(
            13,
            r#"{"type":"record","name":"m","fields":[{"name":"a","type":"int"},{"name":"A","type":"int"}]}"#,
            &[2, 2],
        ),
    ];
    are_written_without(&mut bed, "meta", &records).await;

    let mut bed = TestBed::new("left-out-protobuf").await;
    reads(&mut bed, "protobuf", &registry).await;
    let proto = r#"syntax = "proto2"; import "google/protobuf/struct.proto"; import "google/protobuf/any.proto";
        import "google/type/timeofday.proto"; import "google/protobuf/duration.proto";
        message A {
            optional string Text__c = 1 [(company.pii) = true];
            oneof meta_of { double Meta = 2; google.protobuf.Struct json = 3; google.protobuf.Any any = 4; google.type.TimeOfDay time = 5; Odd odd = 6; string large = 7; }
        }
        message Odd { optional int32 id = 1; optional int32 ID = 2; }"#;
    registry.schema("schemas/ids/20", "PROTOBUF", proto);
    let with = |key: &str, field: u8, wire: u8, meta: &[u8]| {
        let mut bytes = vec![0, 10, 1, b'x', field << 3 | wire];
        if wire == 2 {
            prost::encoding::encode_varint(meta.len() as u64, &mut bytes);
        }
        record(key, framed(20, &[&bytes[..], meta].concat()))
    };
    let records = [
        with("pb nan", 2, 1, &f64::NAN.to_le_bytes()),
        with("pb struct", 3, 2, &[10, 2, 10, 0]),
        with("pb any", 4, 2, &[10, 1, b'x']),
        with("pb 90 hours", 5, 2, &[8, 90]),
        with("pb names", 6, 2, &[8, 1, 16, 1]),
        with("pb large", 7, 2, large.as_bytes()),
    ];
    are_written_without(&mut bed, "Meta', 'json', 'any', 'time', 'odd', 'large", &records).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_sets_and_placeholders_of_debezium_arrive() {
    let mut bed = TestBed::new("debezium").await;
    bed.config
        .in_route("value.format", "'json_with_schema'")
        .in_route("fields.absent", "['__debezium_unavailable_value']");
    let with = |key: &str, field: &str, name: &str, text: &str| {
        let name = if name.is_empty() { String::new() } else { format!(r#","name":"{name}""#) };
        let schema = format!(r#"{{"type":"struct","fields":[{{"field":"{field}","type":"string"{name}}}]}}"#);
        record(key, format!(r#"{{"schema":{schema},"payload":{{"{field}":"{text}"}}}}"#))
    };
    let zoned = "io.debezium.time.ZonedTimestamp";
    let cases = [
        ("set", "MultiPicklist__c", "io.debezium.data.EnumSet", "North,East", "\"North;East\""),
        ("at", "DateTime__c", zoned, "2024-03-01T00:30:00.123456+01:00", "\"2024-02-29T23:30:00.123Z\""),
        ("day", "Date__c", zoned, "2024-03-01T00:30:00.123456+01:00", "\"2024-02-29\""),
        ("time", "Time__c", "io.debezium.time.ZonedTime", "10:15:30.5Z", "\"10:15:30.500Z\""),
        ("iso", "Date__c", "io.debezium.time.IsoDate", "2024-02-29Z", "\"2024-02-29\""),
    ];
    let mut records: Vec<_> = cases.iter().map(|(key, field, name, text, _)| with(key, field, name, text)).collect();
    records.extend([
        with("toast", "LongText__c", "", "the long text"),
        with("toast", "LongText__c", "", "__debezium_unavailable_value"),
    ]);
    let metrics = bed.run(&records).await;
    assert_eq!(metrics.settled("written"), records.len() as u64);
    for (key, field, _, text, expected) in cases {
        assert_eq!(bed.sent(key).unwrap()[field], expected, "{text}");
    }
    assert_eq!(bed.find("toast").unwrap()["LongText__c"], "\"the long text\"");
}
