//! Several routes in one daemon, where the identity comes from, and which fields go.

use crate::harness::{Daemon, OBJECT, TestBed, kcat, python, record, unique, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn topics_and_globs_to_several_objects() {
    let mut bed = TestBed::new("routes").await;
    let family = unique("family");
    let (contacts, accounts, exact) =
        (format!("{family}.contacts"), format!("{family}.x.accounts"), format!("{family}.own"));
    for topic in [&contacts, &accounts, &exact] {
        bed.broker.topic(topic, 2).await;
    }
    let by_key = [("operation", "'upsert'"), ("external_id_field", "'ExternalId__c'")];
    for (topic, sobject) in [
        (format!("'{family}.*s'"), "'Contact'"),
        (format!("'{accounts}'"), "'Account'"),
        (format!("'{exact}'"), "'MyObject__c'"),
    ] {
        bed.config.route(&[("topic", &topic), ("sobject", sobject), by_key[0], by_key[1]]);
    }
    bed.produce(&[upsert("r", "1")]).await;
    kcat::produce(bed.broker, &contacts, &[], &[("c", r#"{"LastName":"C"}"#), ("d", r#"{"LastName":"D"}"#)]).await;
    kcat::produce(bed.broker, &accounts, &[], &[("a", r#"{"Name":"A"}"#)]).await;
    python::produce(bed.broker, &exact, &[upsert("m", "2")]).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(5).await;
    daemon.stop().await;
    let counts = ["Contact", "Account", OBJECT].map(|sobject| bed.org.records(sobject).len());
    assert_eq!(counts, [2, 1, 2], "an exact name beats a glob");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_appears_later_is_read_from_its_beginning() {
    let mut bed = TestBed::new("later").await;
    let family = unique("appearing");
    bed.config.set(r#"kafka.properties."topic.metadata.refresh.interval.ms""#, "'500'");
    bed.config.in_route("topic", &format!("'{family}.*'"));
    bed.config.set("validate_on_start", "false");
    let first = format!("{family}.first");
    bed.broker.topic(&first, 1).await;
    let daemon = Daemon::start(&bed.config).await;
    let second = format!("{family}.second");
    bed.broker.topic(&second, 1).await;
    python::produce(bed.broker, &second, &[upsert("a", "1")]).await;
    daemon.settled(1).await;
    daemon.stop().await;
    assert_eq!(bed.text("a"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_identity_may_lie_in_the_value_or_in_a_header() {
    let mut bed = TestBed::new("identity-value").await;
    bed.config.in_route("identity", "'value.externalid__C'");
    let records = [
        record("x", r#"{"ExternalId__c":"a","Text__c":"1"}"#),
        record("", r#"{"EXTERNALID__C":"b","Text__c":"2"}"#).no_key(),
        record("a", r#"{"Text__c":"no identity"}"#),
        record("a", r#"{"ExternalId__c":null}"#),
        record("a", r#"{"ExternalId__c":{"deep":1}}"#),
        record("a", r#"{"ExternalId__c":["a"]}"#),
        record("a", r#"{"ExternalId__c":""}"#),
    ];
    let metrics = bed.run(&records).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (2, 5));
    assert_eq!((bed.text("a"), bed.text("b")), ("1".to_owned(), "2".to_owned()));
    for letter in bed.dead_letters(5).await {
        assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.InvalidKey");
    }

    let mut bed = TestBed::new("identity-header").await;
    bed.config.in_route("identity", "'header.who'");
    let records = [
        upsert("x", "1").header("who", "a"),
        upsert("a", "2"),
        upsert("a", "3").header("who", ""),
        upsert("a", "4").null_header("who"),
    ];
    let metrics = bed.run(&records).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (1, 3));
    assert_eq!(bed.text("a"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_can_be_chosen_and_nulls_ignored() {
    let mut bed = TestBed::new("fields").await;
    bed.config
        .in_route("fields.include", "['text__c', 'Email__c', 'Phone__c']")
        .in_route("fields.exclude", "['PHONE__C']");
    bed.config.in_route("nulls", "'ignore'");
    bed.run(&[
        record("a", r#"{"Text__c":"1","Email__c":"a@example.com","Phone__c":"1","Stray__c":1}"#),
        record("a", r#"{"Text__c":"2","Email__c":null}"#),
    ])
    .await;
    let fields = bed.find("a").unwrap();
    assert_eq!(fields["Email__c"], r#""a@example.com""#);
    assert_eq!(fields["Text__c"], r#""2""#);
    assert!(!fields.contains_key("Phone__c"));
}
