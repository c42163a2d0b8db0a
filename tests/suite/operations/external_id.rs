//! The record key is an external id.

use crate::harness::{Daemon, OBJECT, Seeded, TestBed, delete, kcat, record, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn the_header_chooses_the_operation() {
    let bed = TestBed::new("header").await;
    bed.run(&[
        upsert("a", "1"),
        upsert("b", "2").operation("INSERT"),
        upsert("a", "3").operation("UPDATE"),
        upsert("b", "4").operation("UPSERT"),
        delete("a"),
        upsert("a", "5").operation("INSERT"),
        upsert("c", "6").operation("INSERT"),
        upsert("c", "7").operation("INSERT"),
    ])
    .await;
    let change = |op: &str, text: &str| (op.to_owned(), Some(text.to_owned()));
    let gone = ("delete".to_owned(), None);
    assert_eq!(bed.history("a"), [change("create", "1"), change("update", "3"), gone, change("create", "5")]);
    assert_eq!(bed.history("b"), [change("create", "2"), change("update", "4")]);
    assert_eq!(bed.history("c"), [change("create", "6"), change("update", "7")], "an INSERT repeated is harmless");
}

#[tokio::test(flavor = "multi_thread")]
async fn header_words_in_any_dress() {
    let bed = TestBed::new("words").await;
    let words = ["update", " Update ", "\"UPDATE\"", "u", "UpDaTe", "U"];
    let mut records = vec![upsert("a", "0")];
    records.extend(words.iter().map(|word| upsert("a", word.trim_matches('"').trim()).operation(word)));
    records.extend([upsert("b", "1").operation("c"), upsert("b", "2").operation("r"), delete("b")]);
    records.push(upsert("b", "never").operation("d"));
    let metrics = bed.run(&records).await;
    assert_eq!(metrics.settled("dead_lettered"), 0);
    let ops: Vec<_> = bed.history("a").into_iter().map(|(op, _)| op).collect();
    assert_eq!(ops, ["create", "update", "update", "update", "update", "update", "update"]);
    let ops: Vec<_> = bed.history("b").into_iter().map(|(op, _)| op).collect();
    assert_eq!(ops, ["create", "update", "delete"], "c, r, DELETE; the last d finds nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn aliases_can_be_chosen() {
    let mut bed = TestBed::new("aliases").await;
    bed.config.in_route("operation_aliases", "{ merge = 'upsert', drop = 'delete' }");
    let records =
        [upsert("a", "1").operation("MERGE"), upsert("b", "2").operation("merge"), upsert("a", "").operation("drop")];
    let metrics = bed.run(&records).await;
    assert_eq!(metrics.settled("written"), 3);
    assert!(bed.find("a").is_none());
    assert_eq!(bed.text("b"), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_of_nothing_is_rejected_and_a_delete_of_nothing_is_written() {
    let bed = TestBed::new("nothing").await;
    let metrics = bed.run(&[upsert("a", "1").operation("UPDATE"), delete("b"), upsert("c", "2")]).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (2, 1));
    let letters = bed.dead_letters(1).await;
    assert_eq!(letters[0].key.as_deref(), Some(&b"a"[..]));
    assert_eq!(letters[0].header("__connect.errors.exception.class.name").as_deref(), Some("sobjectd.NotFound"));
    assert_eq!(letters[0].header("sobjectd.operation").as_deref(), Some("UPDATE"));
    assert_eq!(bed.org.records(OBJECT).len(), 1, "an UPDATE creates nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tombstone_deletes_where_it_may() {
    let bed = TestBed::new("tombstone").await;
    let metrics = bed.run(&[upsert("a", "1"), upsert("b", "2"), record("a", "").no_value()]).await;
    assert_eq!(metrics.settled("written"), 3);
    assert!(bed.find("a").is_none() && bed.find("b").is_some());

    let mut bed = TestBed::new("tombstone-reject").await;
    bed.config.in_route("tombstone", "'reject'");
    let metrics = bed.run(&[upsert("a", "1"), record("a", "").no_value(), delete("b"), upsert("c", "2")]).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (3, 1));
    assert_eq!(bed.text("a"), "1");
    assert_eq!(bed.dead_letters(1).await[0].value, None, "a tombstone stays one");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_operation_header_no_header_chooses_the_operation() {
    let mut bed = TestBed::new("unrouted").await;
    bed.config.not_in_route("operation_header");
    let metrics = bed.run(&[upsert("a", "1").operation("DELETE"), upsert("a", "2").operation("nonsense")]).await;
    assert_eq!(metrics.settled("written"), 2);
    assert_eq!(bed.text("a"), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_a_delete_is_not_decoded() {
    let bed = TestBed::new("delete-value").await;
    let metrics = bed.run(&[upsert("a", "1"), record("a", b"\xff{not json".as_slice()).operation("DELETE")]).await;
    assert_eq!(metrics.settled("written"), 2);
    assert!(bed.find("a").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_kcat_are_written() {
    let bed = TestBed::new("kcat").await;
    kcat::produce(bed.broker, &bed.topic, &[], &[("a", r#"{"Text__c":"1"}"#), ("b", r#"{"Text__c":"2"}"#)]).await;
    kcat::produce(bed.broker, &bed.topic, &["operation=UPDATE"], &[("a", r#"{"Text__c":"3"}"#)]).await;
    kcat::produce(bed.broker, &bed.topic, &[], &[("b", "")]).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(4).await;
    daemon.stop().await;
    assert_eq!(bed.text("a"), "3");
    assert!(bed.find("b").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_others_made_is_found_and_a_record_that_others_deleted_is_missed() {
    let bed = TestBed::new("others").await;
    Seeded(&bed.org).create(OBJECT, r#"{"ExternalId__c":"Mixed-Case","Text__c":"theirs"}"#).await;
    bed.produce(&[upsert("mixed-case", "1").operation("UPDATE")]).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(1).await;
    assert_eq!(bed.text("Mixed-Case"), "1");

    // Its id is in the daemon's cache now; a new record has another.
    let id = bed.org.records(OBJECT)[0].id;
    Seeded(&bed.org).delete(OBJECT, &id.to_string()).await;
    Seeded(&bed.org).create(OBJECT, r#"{"ExternalId__c":"mixed-case"}"#).await;
    bed.produce(&[upsert("MIXED-CASE", "2").operation("UPDATE")]).await;
    let metrics = daemon.settled(2).await;
    assert_eq!(metrics.settled("written"), 2, "a stale id is not an outcome");
    assert_eq!(bed.text("mixed-case"), "2");
    daemon.stop().await;
}
