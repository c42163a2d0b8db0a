//! Bytes that are not what their format says: one dead letter each, and the neighbours are written.

use crate::harness::{Daemon, FakeRegistry, TestBed, record, unique};

const AVRO: &str = r#"{"type":"record","name":"r","fields":[{"name":"Text__c","type":["null","string"]}]}"#;
const DEEP: &str = r#"{"type":"record","name":"r","fields":[{"name":"Parent__r","type":["null","r"]}]}"#;
const PROTO: &str = "syntax = \"proto3\"; message A { optional string Text__c = 1; A Parent__r = 2; }";

fn framed(id: u8, rest: &[u8]) -> Vec<u8> {
    [&[0, 0, 0, 0, id], rest].concat()
}

/// Each with words of its message.
async fn one_letter_each(format: &str, good: &[u8], cases: &[(Vec<u8>, &str)]) {
    let registry = FakeRegistry::default();
    let mut bed = TestBed::new("bad").await;
    registry.schema("schemas/ids/1", "AVRO", AVRO).schema("schemas/ids/2", "AVRO", DEEP);
    registry.schema("schemas/ids/3", "PROTOBUF", PROTO).schema("schemas/ids/4", "JSON", "{\"type\":\"object\"}");
    registry.schema("schemas/ids/5", "AVRO", "{\"type\":\"nothing\"}").schema("schemas/ids/6", "THRIFT", "");
    registry.schema("schemas/ids/7", "JSON", "{").schema("schemas/ids/8", "PROTOBUF", "message {");
    bed.config.set("schema_registry.url", &format!("'{}'", registry.start().await));
    bed.config.set("schema_registry.missing_wait", "'0s'");
    bed.config.in_route("value.format", &format!("'{format}'"));
    // Larger than what topics take unless they are told.
    bed.broker.topic_with(&bed.letters, 1, &[("max.message.bytes", "20000000")]).await;
    let mut records = vec![record("neighbour-0", good)];
    for (n, (bytes, _)) in cases.iter().enumerate() {
        records.extend([record(format!("bad-{n}"), bytes.as_slice()), record(format!("neighbour-{}", n + 1), good)]);
    }
    let topic = unique("bad");
    bed.broker.topic_with(&topic, 1, &[("max.message.bytes", "20000000")]).await;
    bed.config.in_route("topic", &format!("'{topic}'"));
    bed.topic = topic;
    bed.produce(&records).await;
    let daemon = Daemon::start(&bed.config).await;
    let metrics = daemon.settled(records.len() as u64).await;
    assert_eq!(metrics.settled("dead_lettered"), cases.len() as u64);
    (0..=cases.len()).for_each(|n| assert_eq!(bed.text(&format!("neighbour-{n}")), "x"));
    let letters = bed.dead_letters(cases.len()).await;
    for (n, (bytes, words)) in cases.iter().enumerate() {
        let letter =
            letters.iter().find(|letter| letter.key.as_deref() == Some(format!("bad-{n}").as_bytes())).unwrap();
        assert_eq!(letter.value.as_ref(), Some(bytes), "byte for byte");
        assert_eq!(letter.header("__connect.errors.stage").as_deref(), Some("VALUE_CONVERTER"));
        let message = letter.header("__connect.errors.exception.message").unwrap();
        let said = [&format!("value.format = \"{format}\""), *words];
        assert!(said.iter().all(|words| message.contains(words)), "{message:?} does not say {said:?}");
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_avro_is_a_dead_letter_that_says_why() {
    let deep = framed(2, &vec![2; 100_000]);
    let long = [&[2, 0x80, 0x80, 0x80, 0x0a][..], &vec![b'x'; 10_485_760]].concat();
    one_letter_each(
        "avro",
        &framed(1, &[2, 2, b'x']),
        &[
            (b"a plain string".to_vec(), "it does not begin with a schema id: the first byte is 0x61"),
            (b"{\"Text__c\":\"x\"}".to_vec(), "it does not begin with a schema id: the first byte is 0x7b"),
            (vec![0, 0, 0], "3 bytes are too few for a schema id"),
            (vec![], "0 bytes are too few for a schema id"),
            (vec![9, 0, 0, 0, 1, 0], "the first byte is 0x09"),
            (framed(1, &[]), "the field Text__c: the bytes end before the value does"),
            (framed(1, &[2, 20, b'x']), "the field Text__c: the bytes end before the value does"),
            (framed(1, &[0, 9, 9]), "2 bytes are left after the value"),
            (framed(3, &[0]), "the schema 3 is of the type PROTOBUF"),
            (framed(5, &[0]), "the schema 5 cannot be read"),
            (framed(6, &[0]), "the schema 6 is of the type THRIFT"),
            (framed(9, &[0]), "the registry has no schema 9"),
            (deep, "it is nested deeper than 32"),
            (framed(1, &long), "the field Text__c: its JSON would have more than 4194304 bytes"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_protobuf_is_a_dead_letter_that_says_why() {
    let mut deep = Vec::new();
    for _ in 0..40 {
        let mut outer = vec![0x12];
        prost::encoding::encode_varint(deep.len() as u64, &mut outer);
        outer.extend(&deep);
        deep = outer;
    }
    one_letter_each(
        "protobuf",
        &framed(3, &[0, 10, 1, b'x']),
        &[
            (framed(3, &[]), "the message indexes after the schema id cannot be read"),
            (framed(3, &[2, 10]), "the schema has no message type at the indexes [5]"),
            (framed(3, &[4, 0, 0]), "the schema has no message type at the indexes [0, 0]"),
            (framed(3, &[0, 10, 9, b'x']), "it is not a message of this type"),
            (framed(3, &[0, 10, 1, 0xff]), "it is not a message of this type"),
            (framed(3, &[&[0], &deep[..]].concat()), "it is nested deeper than 32"),
            (framed(8, &[0]), "the schema 8 cannot be read"),
            (framed(1, &[0]), "the schema 1 is of the type AVRO"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_json_with_a_schema_is_a_dead_letter_that_says_why() {
    one_letter_each(
        "json_schema",
        &framed(4, b"{\"Text__c\":\"x\"}"),
        &[
            (framed(4, b"{"), "it is not JSON"),
            (framed(4, b"[]"), "it is an array, and only an object has fields"),
            (framed(7, b"{}"), "the schema 7 cannot be read"),
        ],
    )
    .await;
    one_letter_each(
        "json_with_schema",
        br#"{"schema":{"type":"struct","fields":[{"field":"Text__c","type":"string"}]},"payload":{"Text__c":"x"}}"#,
        &[
            (b"{\"Text__c\":\"x\"}".to_vec(), "it is not {\"schema\": …, \"payload\": …} and nothing else"),
            (
                b"{\"schema\":{\"type\":\"string\"},\"payload\":\"x\"}".to_vec(),
                "it is a string, and only an object has fields",
            ),
        ],
    )
    .await;
}
