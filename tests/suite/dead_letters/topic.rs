//! The dead-letter topic: made where it is missing, and what it takes and does not take.

use super::large::noise;
use crate::harness::{Daemon, TestBed, killable, now_ms, record, until, upsert};
use sandbox::{Action, Fault, On};

const DAY: i64 = 24 * 60 * 60 * 1000;

#[tokio::test(flavor = "multi_thread")]
async fn the_dead_letter_topic_is_created_as_configured_and_takes_what_the_input_takes() {
    let mut bed = TestBed::new("created").await;
    bed.topic = format!("{}-wide", bed.topic);
    let settings = [("max.message.bytes", "6000000"), ("message.timestamp.after.max.ms", "9223372036854775807")];
    bed.broker.topic_with(&bed.topic, 1, &settings).await;
    bed.config.in_route("topic", &format!("'{}'", bed.topic)).set("dead_letter.partitions", "3");
    // Larger than the default max_row_bytes of 4 MiB; and from a clock that is a year ahead.
    let large = record("large", format!(r#"{{"LongText__c":"{}"}}"#, "x".repeat(5 << 20)));
    let early = record("early", "bad").timestamp(now_ms() as i64 + 365 * DAY);
    bed.run(&[large.clone(), early.clone(), upsert("a", "1")]).await;
    assert_eq!(bed.broker.partitions(&bed.letters).await, Some(3));
    let settings = bed.broker.settings(&bed.letters).await;
    assert_eq!(settings["max.message.bytes"], (6_000_000 + 64 * 1024).to_string());
    let mut letters = bed.dead_letters(2).await;
    letters.sort_by_key(|letter| letter.header("__connect.errors.offset"));
    assert!(letters[0].value == large.value, "5 MiB, byte for byte");
    assert_eq!(letters[0].header("__connect.errors.exception.class.name").unwrap(), "sobjectd.TooLarge");
    assert_eq!(Some(letters[1].timestamp), early.timestamp);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timestamp_that_the_topic_refuses_goes_into_a_header() {
    let mut bed = TestBed::new("timestamp").await;
    bed.topic = format!("{}-early", bed.topic);
    bed.broker.topic_with(&bed.topic, 1, &[("message.timestamp.after.max.ms", "9223372036854775807")]).await;
    bed.broker.topic(&bed.letters, 1).await;
    bed.config.in_route("topic", &format!("'{}'", bed.topic));
    let early = now_ms() as i64 + 2 * DAY;
    bed.run(&[record("early", "bad").timestamp(early), record("b", "bad")]).await;
    let letters = bed.dead_letters(2).await;
    let letter = letters.iter().find(|letter| letter.key.as_deref() == Some(b"early")).unwrap();
    assert_eq!(letter.header("sobjectd.timestamp"), Some(early.to_string()));
    assert!(letter.timestamp < early);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_topic_cannot_be_the_dead_letter_topic() {
    let mut bed = TestBed::new("loop").await;
    bed.config.set("dead_letter.topic", &format!("'{}'", bed.topic));
    let mut daemon = Daemon::spawn(&bed.config);
    assert_eq!(daemon.exit().await.code(), Some(78));
    daemon.says(&["dead_letter.topic", &bed.topic]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_glob_does_not_read_the_dead_letter_topic() {
    let mut bed = TestBed::new("glob").await;
    bed.config.in_route("topic", &format!("'{}*'", bed.topic));
    bed.config.set("dead_letter.topic", &format!("'{}.letters'", bed.topic));
    bed.letters = format!("{}.letters", bed.topic);
    let metrics = bed.run(&[record("a", "bad"), upsert("b", "1")]).await;
    assert_eq!((metrics.read(), metrics.settled("dead_lettered")), (2, 1));
    bed.dead_letters(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_larger_than_its_topic_takes_stops_the_daemon() {
    let mut bed = TestBed::new("small").await;
    bed.broker.topic_with(&bed.letters, 1, &[("max.message.bytes", "2000")]).await;
    bed.config.set("dead_letter.too_large", "'stop'");
    bed.produce(&[upsert("a", "1"), record("b", noise(5000)), upsert("c", "3")]).await;
    let mut daemon = Daemon::spawn(&bed.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    daemon.event("dead_letter_failed").mentions(&bed.letters).await;
    assert_eq!(bed.committed().await, 1, "what was written before it, and nothing after");
    assert_eq!(bed.text("a"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_topic_may_take_more_than_any_client_sends() {
    let bed = TestBed::new("vast").await;
    bed.broker.topic_with(&bed.letters, 1, &[("max.message.bytes", "2147483647")]).await;
    bed.run(&[record("a", "bad")]).await;
    bed.dead_letters(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_dead_letter_topic_is_waited_for_and_used_again() {
    let mut bed = TestBed::new("anew").await;
    // How long librdkafka itself takes an unknown topic for one that is not known yet.
    bed.config.set(r#"kafka.properties."topic.metadata.propagation.max.ms""#, "1000");
    let daemon = Daemon::start(&bed.config).await;
    bed.produce(&[record("a", "bad")]).await;
    daemon.settled(1).await;
    bed.broker.delete_topic(&bed.letters).await;
    bed.produce(&[record("b", "bad"), upsert("c", "1")]).await;
    daemon.event("produce_topic_unknown").with("topic", &*bed.letters).await;
    bed.broker.topic(&bed.letters, 1).await;
    daemon.settled(3).await;
    assert_eq!(bed.dead_letters(1).await[0].key.as_deref(), Some(&b"b"[..]));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_delays_letters_and_loses_none() {
    let (broker, _turn) = killable().await;
    let mut bed = TestBed::on(broker, "away", 1).await;
    bed.config.set("salesforce.request_timeout", "'60s'");
    let daemon = Daemon::start(&bed.config).await;
    // The org holds the call until the broker is gone, then refuses the row.
    bed.fault(Fault::on(On::Upsert, Action::Hang { apply: true }));
    bed.produce(&[upsert("a", &"x".repeat(300)), upsert("b", "1")]).await;
    until("the call", async || (bed.org.calls().upsert == 1).then_some(())).await;
    broker.script("kill").await;
    bed.org.clear_faults();
    until("the neighbour", async || bed.find("b")).await;
    broker.script("again").await;
    daemon.settled(2).await;
    assert_eq!(bed.dead_letters(1).await[0].key.as_deref(), Some(&b"a"[..]));
    until("the commit", async || (bed.committed().await == 2).then_some(())).await;
    daemon.stop().await;
}
