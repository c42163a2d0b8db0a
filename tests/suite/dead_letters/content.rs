//! A dead letter is what Kafka Connect would have written, and a little more.

use std::collections::BTreeSet;

use crate::harness::{Record, TestBed, kcat, record, upsert};

const CONNECT: [&str; 10] = [
    "__connect.errors.topic",
    "__connect.errors.partition",
    "__connect.errors.offset",
    "__connect.errors.connector.name",
    "__connect.errors.task.id",
    "__connect.errors.stage",
    "__connect.errors.class.name",
    "__connect.errors.exception.class.name",
    "__connect.errors.exception.message",
    "__connect.errors.exception.stacktrace",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_holds_the_record_byte_for_byte() {
    let bed = TestBed::new("original").await;
    let bad =
        Record { key: Some(b"k\x00\xfe".to_vec()), value: Some(b"\x00\xff not json \n".to_vec()), ..Record::default() }
            .header("trace", b"\x01\x02\xff")
            .header("trace", "again")
            .null_header("nothing")
            .header("empty", "")
            .header("__connect.errors.topic", "an earlier failure")
            .timestamp(1_000_000_000_123);
    bed.run(std::slice::from_ref(&bad)).await;
    let letter = &bed.dead_letters(1).await[0];
    assert_eq!((&letter.key, &letter.value, letter.timestamp), (&bad.key, &bad.value, 1_000_000_000_123));
    let headers = letter.headers();
    let originals: Vec<_> = bad.headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    assert_eq!(headers[..originals.len()], originals, "the original headers first, in their order");
    let added: Vec<_> = headers[originals.len()..].iter().map(|(name, _)| *name).collect();
    let connect: BTreeSet<_> = added.iter().copied().filter(|name| name.starts_with("__connect")).collect();
    assert_eq!(connect, BTreeSet::from(CONNECT));
    assert_eq!(added.iter().collect::<BTreeSet<_>>().len(), added.len(), "each once");
    assert!(
        added.iter().all(|name| name.starts_with("__connect.errors.") || name.starts_with("sobjectd.")),
        "{added:?}"
    );
    assert_eq!(letter.header("__connect.errors.topic").unwrap(), bed.topic, "appended, so the newest is the last");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_what_the_org_refused() {
    let bed = TestBed::new("refusal").await;
    let long = "x".repeat(300);
    bed.run(&[upsert("fine", "1"), upsert("too-long", &long).operation("UPSERT")]).await;
    let letter = &bed.dead_letters(1).await[0];
    let header = |name: &str| letter.header(name).unwrap_or_else(|| panic!("no header {name}"));
    for (name, value) in [
        ("__connect.errors.topic", bed.topic.as_str()),
        ("__connect.errors.partition", "0"),
        ("__connect.errors.offset", "1"),
        ("__connect.errors.connector.name", "suite"),
        ("__connect.errors.task.id", "0"),
        ("__connect.errors.stage", "TASK_PUT"),
        ("__connect.errors.class.name", "org.apache.kafka.connect.sink.SinkTask"),
        ("__connect.errors.exception.class.name", "sobjectd.Refused"),
        ("sobjectd.sobject", "MyObject__c"),
        ("sobjectd.operation", "UPSERT"),
        ("sobjectd.external_id", "too-long"),
        ("sobjectd.status_code", "STRING_TOO_LONG"),
        ("sobjectd.fields", "Text__c"),
        ("sobjectd.http_status", "200"),
        ("sobjectd.attempts", "1"),
    ] {
        assert_eq!(header(name), value, "{name}");
    }
    assert!(header("sobjectd.message").contains("data value too large"), "{}", header("sobjectd.message"));
    assert!(header("__connect.errors.exception.message").contains("STRING_TOO_LONG"));
    let trace = header("__connect.errors.exception.stacktrace");
    assert!(trace.contains("sobjectd.Refused") && trace.contains("STRING_TOO_LONG"), "{trace}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stage_and_class_of_each_step() {
    let mut bed = TestBed::new("stages").await;
    bed.native();
    let value = r#"{"Text__c":"x"}"#;
    let steps = [
        (record(b"\xff".as_slice(), value), "KEY_CONVERTER", "org.apache.kafka.connect.storage.StringConverter"),
        (record("a00SB0000000001", "{"), "VALUE_CONVERTER", "org.apache.kafka.connect.json.JsonConverter"),
        (
            record("a00SB0000000001", value).header("operation", b"\xff"),
            "HEADER_CONVERTER",
            "org.apache.kafka.connect.storage.SimpleHeaderConverter",
        ),
        (record("a00SB0000000zzz", value), "TASK_PUT", "org.apache.kafka.connect.sink.SinkTask"),
    ];
    let records: Vec<_> = steps.iter().map(|(record, ..)| record.clone()).collect();
    bed.run(&records).await;
    let letters = bed.dead_letters(4).await;
    for (offset, (_, stage, class)) in steps.iter().enumerate() {
        let at = |l: &&crate::harness::Read| l.header("__connect.errors.offset") == Some(offset.to_string());
        let letter = letters.iter().find(at).unwrap();
        assert_eq!(letter.header("__connect.errors.stage").as_deref(), Some(*stage));
        assert_eq!(letter.header("__connect.errors.class.name").as_deref(), Some(*class));
    }
    let native = letters.iter().find(|l| l.header("__connect.errors.offset").as_deref() == Some("3")).unwrap();
    assert!(native.header("sobjectd.record_id").unwrap().starts_with("a00SB0000000zzz"));
    assert_eq!(native.header("sobjectd.external_id"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn kcat_reads_dead_letters() {
    let bed = TestBed::new("kcat-letters").await;
    kcat::produce(bed.broker, &bed.topic, &["operation=MERGE", "source=crm"], &[("ключ", r#"{"Text__c":"é😀"}"#)])
        .await;
    let daemon = crate::harness::Daemon::start(&bed.config).await;
    daemon.settled(1).await;
    daemon.stop().await;
    let letters = kcat::consume(bed.broker, &bed.letters).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].offset, 0);
    assert_eq!(letters[0].key.as_deref(), Some("ключ"));
    assert_eq!(letters[0].payload.as_deref(), Some(r#"{"Text__c":"é😀"}"#));
    assert_eq!(letters[0].header("source"), Some("crm"));
    assert_eq!(letters[0].header("__connect.errors.offset"), Some("0"));
    assert_eq!(letters[0].header("__connect.errors.exception.class.name"), Some("sobjectd.InvalidOperation"));
}
