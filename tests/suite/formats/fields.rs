use crate::harness::{Seeded, TestBed, record};

#[tokio::test(flavor = "multi_thread")]
async fn renamed_constant_and_where_the_record_lies() {
    let mut bed = TestBed::new("fields").await;
    Seeded(&bed.org).create("Account", r#"{"Name":"Acme","ExternalId__c":"A-7"}"#).await;
    bed.config
        .in_route("fields.rename", "{ 'e-mail' = 'Email__c', account_code = 'Account__r.ExternalId__c' }")
        .in_route("fields.constant", "{ Phone__c = '+31', Int__c = 7, Checkbox__c = true }")
        .in_route("fields.topic", "'Text__c'")
        .in_route("fields.partition", "'Currency__c'")
        .in_route("fields.offset", "'Number__c'")
        .in_route("fields.timestamp", "'DateTime__c'");
    let record = record(
        "a",
        r#"{"E-Mail":"a@b.nl","account_code":"A-7","Phone__c":"not this","MultiPicklist__c":["North","East"]}"#,
    );
    bed.run(&[record.timestamp(1_709_164_800_123)]).await;
    let expected = [
        ("Account__r", r#"{"ExternalId__c":"A-7"}"#.to_owned()),
        ("Checkbox__c", "true".into()),
        ("Currency__c", "0".into()),
        ("DateTime__c", "\"2024-02-29T00:00:00.123Z\"".into()),
        ("Email__c", "\"a@b.nl\"".into()),
        ("Int__c", "7".into()),
        ("MultiPicklist__c", "\"North;East\"".into()),
        ("Number__c", "0".into()),
        ("Phone__c", "\"+31\"".into()),
        ("Text__c", format!("\"{}\"", bed.topic)),
    ];
    let sent: Vec<_> = bed.sent("a").unwrap().into_iter().collect();
    assert_eq!(sent, expected.map(|(name, json)| (name.to_owned(), json)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_that_cannot_be_named_costs_its_own_record_and_no_call() {
    let bed = TestBed::new("parents").await;
    Seeded(&bed.org).create("Account", r#"{"Name":"Acme","ExternalId__c":"A-7"}"#).await;
    let child = |key: &str, parent: &str| record(key, format!(r#"{{"Text__c":"x","Account__r":{parent}}}"#));
    let records = [
        child("good", r#"{"ExternalId__c":"A-7"}"#),
        child("stray", r#"{"Stray__c":"A-7"}"#),
        child("name", r#"{"Name":"Acme"}"#),
        child("two", r#"{"ExternalId__c":"A-7","Name":"Acme"}"#),
        child("none", "{}"),
        child("text", "\"A-7\""),
        child("cleared", "null"),
    ];
    let metrics = bed.run(&records).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (2, 5));
    assert_eq!(bed.org.calls().upsert, 1, "what is known to be wrong costs no call");
    // A parent of the same kind.
    bed.run(&[record("kin", r#"{"Parent__r":{"ExternalId__c":"good"}}"#)]).await;
    assert!(bed.find("kin").unwrap()["Parent__c"].contains("a00"), "{:?}", bed.find("kin"));
    assert!(bed.find("good").unwrap()["Account__c"].contains("001"));
    assert_eq!(bed.sent("cleared").unwrap()["Account__c"], "null");
    for letter in bed.dead_letters(5).await {
        let message = letter.header("__connect.errors.exception.message").unwrap();
        assert!(message.contains("Account"), "{message}");
    }
}
