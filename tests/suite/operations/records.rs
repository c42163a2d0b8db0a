//! The right record, and nothing deleted in silence: ids of other SObjects, external ids that move, DELETEs that find
//! nothing, and keys that are none.

use sandbox::{Action, Fault, On, When};
use serde_json::json;

use crate::harness::{Daemon, OBJECT, Read, Seeded, TestBed, delete, kcat, python, record, unique, upsert};

fn codes(letters: &[Read]) -> Vec<String> {
    letters.iter().map(|letter| letter.header("__connect.errors.exception.class.name").unwrap()).collect()
}

/// Salesforce deletes by ids of any SObject.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_id_of_another_sobject_is_rejected_before_any_call() {
    let mut bed = TestBed::new("other-sobject").await;
    bed.native();
    let account = Seeded(&bed.org).create("Account", r#"{"Name":"Important Ltd"}"#).await;
    let own = Seeded(&bed.org).create(OBJECT, r#"{"Text__c":"theirs"}"#).await;
    bed.run(&[record(&*account, "").no_value(), delete(&account), upsert(&account, "1"), upsert(&own, "2")]).await;
    assert_eq!(codes(&bed.dead_letters(3).await), ["sobjectd.InvalidKey"; 3]);
    assert_eq!(bed.org.records("Account").len(), 1);
    assert_eq!((bed.org.calls().delete, bed.org.calls().update), (0, 1));
}

/// A data warehouse has put it into one case.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_id_that_lost_its_case_is_mended() {
    let mut bed = TestBed::new("lost-case").await;
    bed.native();
    let ids = [Seeded(&bed.org).create(OBJECT, "{}").await, Seeded(&bed.org).create(OBJECT, "{}").await];
    let metrics = bed.run(&[upsert(&ids[0].to_lowercase(), "1"), upsert(&ids[1].to_uppercase(), "2")]).await;
    assert_eq!(metrics.settled("written"), 2);
}

/// Another route of the same SObject moves the external id `e1` from one record to another.
#[tokio::test(flavor = "multi_thread")]
async fn an_update_and_a_delete_follow_an_external_id_that_has_moved() {
    let mut bed = TestBed::new("moved").await;
    let numbers = unique("moved.numbers");
    bed.broker.topic(&numbers, 1).await;
    bed.config.route(&[
        ("topic", &format!("'{numbers}'")),
        ("sobject", &format!("'{OBJECT}'")),
        ("operation", "'upsert'"),
        ("external_id_field", "'ExternalNumber__c'"),
    ]);
    let daemon = Daemon::start(&bed.config).await;
    let mut settled = 0;
    let number = |number: &str, external: &str| record(number, json!({"ExternalId__c": external}).to_string());
    for (topic, records) in [
        (&numbers, vec![number("1", "e1"), number("2", "e2")]),
        (&bed.topic, vec![upsert("e1", "of 1").operation("UPDATE")]),
        (&numbers, vec![number("1", "e9"), number("2", "e1")]),
        (&bed.topic, vec![upsert("e1", "of 2").operation("UPDATE")]),
        (&bed.topic, vec![delete("e1")]),
    ] {
        python::produce(bed.broker, topic, &records).await;
        settled += records.len() as u64;
        daemon.settled(settled).await;
        if settled == 6 {
            assert_eq!((bed.text("e9"), bed.text("e1")), ("of 1".to_owned(), "of 2".to_owned()));
        }
    }
    daemon.stop().await;
    assert!(bed.find("e1").is_none() && bed.find("e9").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_that_finds_nothing_is_counted_and_said_once() {
    let bed = TestBed::new("not-found").await;
    bed.produce(&[upsert("a", "1"), delete("a"), delete("b"), delete("c")]).await;
    let daemon = Daemon::start(&bed.config).await;
    let metrics = daemon.settled(4).await;
    assert_eq!(metrics.settled("written"), 4);
    assert_eq!(metrics.sum("sobjectd_deletes_not_found_total", &[("route", &bed.topic)]), 2);
    daemon.event("delete_found_nothing").with("route", &*bed.topic).await;
    assert_eq!(daemon.event("delete_found_nothing").lines().len(), 1);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_that_finds_nothing_may_be_a_dead_letter() {
    let mut bed = TestBed::new("on-missing").await;
    bed.config.in_route("on_missing", "'dead_letter'").set("salesforce.request_timeout", "'500ms'");
    // The second answer of a delete is lost, and its repeat finds what it was to do done.
    bed.fault(Fault::on(On::Delete, Action::Cut { when: When::After }));
    let metrics = bed.run(&[upsert("a", "1"), delete("a"), delete("b")]).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (2, 1));
    assert_eq!(metrics.sum("sobjectd_deletes_not_found_total", &[("route", &bed.topic)]), 1);
    let letters = bed.dead_letters(1).await;
    assert_eq!((codes(&letters), letters[0].key.as_deref()), (vec!["sobjectd.NotFound".to_owned()], Some(&b"b"[..])));
}

/// Avro's frame and Java's Long are UTF-8 by accident.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_control_characters_names_no_record() {
    let bed = TestBed::new("binary-key").await;
    bed.run(&[upsert("\0\0\0\0\u{5}\u{6}C-1", "1"), record(42_i64.to_be_bytes(), "{}"), upsert("a", "3")]).await;
    assert_eq!(codes(&bed.dead_letters(2).await), ["sobjectd.InvalidKey"; 2]);
    assert_eq!(bed.org.records(OBJECT).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_a_number_of_javas_or_has_several_columns() {
    let mut bed = TestBed::new("long-key").await;
    bed.config.in_route("key.format", "'long'");
    let metrics = bed.run(&[record(42_i64.to_be_bytes(), "{}"), record((-1_i64).to_be_bytes(), "{}")]).await;
    assert_eq!(metrics.settled("written"), 2);
    assert!(bed.find("42").is_some() && bed.find("-1").is_some());

    let mut bed = TestBed::new("two-columns").await;
    bed.config.in_route("key.format", "'json'").in_route("key.field", "['REGION', 'ID']");
    kcat::produce(bed.broker, &bed.topic, &[], &[(r#"{"ID":7,"REGION":"eu"}"#, r#"{"Text__c":"1"}"#)]).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(1).await;
    daemon.stop().await;
    assert_eq!(bed.text("eu|7"), "1");
}
