//! Bad input: each record one dead letter that says where it lay and what is wrong, and its neighbours are written.

use std::{ffi::OsString, os::unix::ffi::OsStringExt as _};

use crate::harness::{Daemon, Record, TestBed, delete, kcat, record, upsert};

/// A record, the last word of its exception class (empty: any), and a word of its message.
type Case = (Record, &'static str, &'static str);

/// The number of records with one code that have a line of their own in a minute.
const LOGGED: usize = 10;

/// Every case between two good neighbours; one letter for each, with the position in header, message and log.
async fn one_letter_each(bed: &TestBed, cases: &[Case]) {
    let mut records = vec![upsert("neighbour-0", "good")];
    for (n, (bad, ..)) in cases.iter().enumerate() {
        records.extend([bad.clone(), upsert(&format!("neighbour-{}", n + 1), "good")]);
    }
    bed.produce(&records).await;
    let daemon = Daemon::start(&bed.config).await;
    let metrics = daemon.settled(records.len() as u64).await;
    assert_eq!(metrics.settled("dead_lettered"), cases.len() as u64);
    assert_eq!(metrics.settled("written"), cases.len() as u64 + 1);
    (0..=cases.len()).for_each(|n| assert_eq!(bed.text(&format!("neighbour-{n}")), "good"));

    let letters = bed.dead_letters(cases.len()).await;
    for (n, (bad, class, word)) in cases.iter().enumerate() {
        let offset = (2 * n + 1).to_string();
        let at = |letter: &&crate::harness::Read| letter.header("__connect.errors.offset").as_ref() == Some(&offset);
        let letter = letters.iter().find(at).unwrap_or_else(|| panic!("no letter of {offset}: {bad:?}"));
        assert_eq!(letter.header("__connect.errors.topic").as_ref(), Some(&bed.topic));
        assert_eq!(letter.header("__connect.errors.partition").as_deref(), Some("0"));
        assert_eq!((&letter.key, &letter.value), (&bad.key, &bad.value), "byte for byte");
        let said = letter.header("__connect.errors.exception.class.name").unwrap();
        assert!(said.starts_with("sobjectd.") && said.ends_with(class), "{said}, not {class}: {bad:?}");
        let message = letter.header("__connect.errors.exception.message").unwrap();
        let position = [bed.topic.as_str(), offset.as_str(), *word];
        assert!(position.iter().all(|part| message.contains(part)), "{message:?} does not say {position:?}");
        if n < LOGGED {
            daemon.event("record_rejected").with("topic", &*bed.topic).with("offset", 2 * n + 1).await;
        }
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_values_are_dead_letters() {
    let bed = TestBed::new("bad-values").await;
    let deep = |levels: usize| format!(r#"{{"Text__c":{}1{}}}"#, "[".repeat(levels), "]".repeat(levels));
    one_letter_each(
        &bed,
        &[
            (record("a", "[1]"), "InvalidValue", "object"),
            (record("a", "\"text\""), "InvalidValue", "object"),
            (record("a", "5"), "InvalidValue", "object"),
            (record("a", "true"), "InvalidValue", "object"),
            (record("a", ""), "InvalidValue", ""),
            (record("a", "{\"Text__c\":"), "InvalidValue", ""),
            (record("a", "{\"Text__c\":\"x\"} {}"), "InvalidValue", ""),
            (record("a", "{\"Text__c\":01}"), "InvalidValue", ""),
            (record("a", "{\"Text__c\":NaN}"), "InvalidValue", ""),
            (record("a", b"{\"Text__c\":\"\xff\"}".as_slice()), "InvalidValue", "UTF-8"),
            (record("a", r#"{"Text__c":"\ud83d"}"#), "InvalidValue", "surrogate"),
            (record("a", r#"{"Text__c":"\ude00\ud83d"}"#), "InvalidValue", "surrogate"),
            (record("a", r#"{"\ud83d":"x"}"#), "", ""),
            (record("a", deep(40)), "InvalidValue", ""),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_fields_are_dead_letters() {
    let mut bed = TestBed::new("bad-fields").await;
    bed.config.set("pipeline.linger", "'1s'");
    one_letter_each(
        &bed,
        &[
            (record("a", r#"{"Text__c":"1","Text__c":"2"}"#), "", "Text__c"),
            (record("a", r#"{"Text__c":"1","TEXT__C":"2"}"#), "", "TEXT__C"),
            (record("a", r#"{"Text__c":"1","\u0054ext__c":"2"}"#), "", "Text__c"),
            (record("a", r#"{"Bad Name!":1}"#), "InvalidField", "Bad Name!"),
            (record("a", r#"{"":1}"#), "InvalidField", ""),
            (record("a", r#"{"Stray__c":1}"#), "InvalidField", "Stray__c"),
            (record("a", r#"{"Text__c,Stray":1}"#), "InvalidField", "Text__c,Stray"),
            (record("a", r#"{"Formula__c":"x"}"#), "", "Formula__c"),
            (record("a", r#"{"CreatedDate":"2024-11-07T07:00:00.000Z"}"#), "", "CreatedDate"),
            (record("a", r#"{"Text__c":{"deep":1}}"#), "", "Text__c"),
            (record("a", r#"{"Text__c":[1]}"#), "", "Text__c"),
            (record("a", r#"{"Date__c":"29.02.2024"}"#), "InvalidField", "Date__c"),
            (record("a", r#"{"Checkbox__c":"perhaps"}"#), "InvalidField", "Checkbox__c"),
            (record("a", r#"{"Id":"a00SB0000000001YAA","Text__c":"x"}"#), "TargetMismatch", "Id"),
            (record("a", r#"{"ExternalId__c":"b","Text__c":"x"}"#), "TargetMismatch", "ExternalId__c"),
            (record("a", r#"{"externalid__C":null,"Text__c":"x"}"#), "TargetMismatch", "externalid__C"),
        ],
    )
    .await;
    assert_eq!(bed.org.calls().upsert, 1, "what is known to be wrong costs no call");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_keys_and_operations_are_dead_letters() {
    let bed = TestBed::new("bad-keys").await;
    let value = r#"{"Text__c":"x"}"#;
    one_letter_each(
        &bed,
        &[
            (record("", value).no_key(), "InvalidKey", ""),
            (record("", value), "InvalidKey", "empty"),
            (record("  ", value), "InvalidKey", "empty"),
            (record(b"\xff\xfe".as_slice(), value), "InvalidKey", "UTF-8"),
            (record("", "").no_key().no_value(), "InvalidKey", ""),
            (delete("").no_key(), "InvalidKey", ""),
            (upsert("a", "x").operation("MERGE"), "InvalidOperation", "MERGE"),
            (upsert("a", "x").operation(""), "InvalidOperation", ""),
            (upsert("a", "x").null_header("operation"), "InvalidOperation", ""),
            (upsert("a", "x").operation("UPSERT").operation("DELETE"), "InvalidOperation", "different texts"),
            (upsert("a", "x").header("operation", b"\xff"), "InvalidOperation", ""),
            (upsert("a", "x").operation("INSERT").no_value(), "", ""),
            (upsert("a", "x").operation("UPDATE").no_value(), "", ""),
            (upsert("a", "x").operation("UPSERT").no_value(), "", ""),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_are_too_large_are_dead_letters() {
    let mut bed = TestBed::new("too-large").await;
    bed.config.set("pipeline.max_row_bytes", "'4KiB'");
    let long = |bytes: usize| record("a", format!(r#"{{"LongText__c":"{}"}}"#, "x".repeat(bytes)));
    one_letter_each(&bed, &[(long(5000), "TooLarge", ""), (long(20_000), "TooLarge", "")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_org_refuses_are_dead_letters() {
    let bed = TestBed::new("refused").await;
    let long = format!(r#"{{"Text__c":"{}"}}"#, "x".repeat(256));
    one_letter_each(
        &bed,
        &[
            (record("a", long), "Refused", "STRING_TOO_LONG"),
            (record("b", r#"{"Picklist__c":"Purple"}"#), "Refused", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
            (record("c", r#"{"Email__c":"nobody"}"#), "Refused", "INVALID_EMAIL_ADDRESS"),
            (record("d", r#"{"Number__c":123456789012345678901}"#), "Refused", "NUMBER_OUTSIDE_VALID_RANGE"),
            (record("e", r#"{"DateTime__c":"2013-08-12T15:20:00+0000"}"#), "Refused", "JSON_PARSER_ERROR"),
            (record("g".repeat(256), r#"{"Text__c":"x"}"#), "", ""),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_whose_name_is_not_text_costs_that_header_only() {
    let bed = TestBed::new("header-name").await;
    let header = OsString::from_vec(b"\xff\xfe=x".to_vec());
    kcat::produce_bytes(
        bed.broker,
        &bed.topic,
        vec![header, "operation=UPSERT".into()],
        &[("a", r#"{"Text__c":"1"}"#)],
    )
    .await;
    let daemon = Daemon::start(&bed.config).await;
    let metrics = daemon.settled(1).await;
    assert_eq!((metrics.settled("written"), bed.text("a")), (1, "1".to_owned()));
    daemon.event("header_name_not_utf8").mentions("@0").await;
    daemon.stop().await;
}
