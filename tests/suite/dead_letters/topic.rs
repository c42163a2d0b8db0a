//! The dead-letter topic: made where it is missing, and what it takes and does not take.

use std::sync::OnceLock;

use super::large::noise;
use crate::harness::{Broker, Daemon, Rig, python, record, until, upsert};
use sandbox::{Action, Fault, On};

const DAY: i64 = 24 * 60 * 60 * 1000;

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_created_as_configured_and_takes_what_the_input_takes() {
    let mut rig = Rig::new("created").await;
    rig.topic = format!("{}-wide", rig.topic);
    let settings = [("max.message.bytes", "6000000"), ("message.timestamp.after.max.ms", "9223372036854775807")];
    rig.broker.topic_with(&rig.topic, 1, &settings).await;
    rig.config.in_route("topic", &format!("'{}'", rig.topic)).set("dead_letter.partitions", "3");
    // Larger than the default max_row_bytes of 4 MiB; and from a clock that is a year ahead.
    let large = record("large", format!(r#"{{"LongText__c":"{}"}}"#, "x".repeat(5 << 20)));
    let early = record("early", "bad").timestamp(now() + 365 * DAY);
    rig.run(&[large.clone(), early.clone(), upsert("a", "1")]).await;
    assert_eq!(rig.broker.partitions(&rig.letters).await, Some(3));
    let settings = rig.broker.settings(&rig.letters).await;
    assert_eq!(settings["max.message.bytes"], (6_000_000 + 64 * 1024).to_string());
    let mut letters = rig.dead_letters(2).await;
    letters.sort_by_key(|letter| letter.header("__connect.errors.offset"));
    assert!(letters[0].value == large.value, "5 MiB, byte for byte");
    assert_eq!(letters[0].header("__connect.errors.exception.class.name").unwrap(), "sobjectd.TooLarge");
    assert_eq!(Some(letters[1].timestamp), early.timestamp);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timestamp_that_the_topic_refuses_goes_into_a_header() {
    let mut rig = Rig::new("timestamp").await;
    rig.topic = format!("{}-early", rig.topic);
    rig.broker.topic_with(&rig.topic, 1, &[("message.timestamp.after.max.ms", "9223372036854775807")]).await;
    rig.broker.topic(&rig.letters, 1).await;
    rig.config.in_route("topic", &format!("'{}'", rig.topic));
    let early = now() + 2 * DAY;
    rig.run(&[record("early", "bad").timestamp(early), record("b", "bad")]).await;
    let letters = rig.dead_letters(2).await;
    let letter = letters.iter().find(|letter| letter.key.as_deref() == Some(b"early")).unwrap();
    assert_eq!(letter.header("sobjectd.timestamp"), Some(early.to_string()));
    assert!(letter.timestamp < early);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_topic_cannot_be_it() {
    let mut rig = Rig::new("loop").await;
    rig.config.set("dead_letter.topic", &format!("'{}'", rig.topic));
    let mut daemon = Daemon::spawn(&rig.config);
    assert_eq!(daemon.exit().await.code(), Some(78));
    daemon.says(&["dead_letter.topic", &rig.topic]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_glob_does_not_read_it() {
    let mut rig = Rig::new("glob").await;
    rig.config.in_route("topic", &format!("'{}*'", rig.topic));
    rig.config.set("dead_letter.topic", &format!("'{}.letters'", rig.topic));
    rig.letters = format!("{}.letters", rig.topic);
    let metrics = rig.run(&[record("a", "bad"), upsert("b", "1")]).await;
    assert_eq!((metrics.read(), metrics.settled("dead_lettered")), (2, 1));
    rig.dead_letters(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_larger_than_it_takes_stops_the_daemon() {
    let mut rig = Rig::new("small").await;
    rig.broker.topic_with(&rig.letters, 1, &[("max.message.bytes", "2000")]).await;
    rig.config.set("dead_letter.too_large", "'stop'");
    rig.produce(&[upsert("a", "1"), record("b", noise(5000)), upsert("c", "3")]).await;
    let mut daemon = Daemon::spawn(&rig.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    daemon.event("dead_letter_failed").mentions(&rig.letters).await;
    assert_eq!(rig.committed().await, 1, "what was written before it, and nothing after");
    assert_eq!(rig.text("a"), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_takes_more_than_any_client_sends_will_do() {
    let rig = Rig::new("vast").await;
    rig.broker.topic_with(&rig.letters, 1, &[("max.message.bytes", "2147483647")]).await;
    rig.run(&[record("a", "bad")]).await;
    rig.dead_letters(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_gone_is_waited_for_and_taken_again_when_it_is_back() {
    let mut rig = Rig::new("anew").await;
    // How long librdkafka itself takes an unknown topic for one that is not known yet.
    rig.config.set(r#"kafka.properties."topic.metadata.propagation.max.ms""#, "1000");
    let daemon = Daemon::start(&rig.config).await;
    rig.produce(&[record("a", "bad")]).await;
    daemon.settled(1).await;
    rig.broker.delete_topic(&rig.letters).await;
    rig.produce(&[record("b", "bad"), upsert("c", "1")]).await;
    daemon.event("dead_letter_topic_unknown").with("topic", &*rig.letters).await;
    rig.broker.topic(&rig.letters, 1).await;
    daemon.settled(3).await;
    assert_eq!(rig.dead_letters(1).await[0].key.as_deref(), Some(&b"b"[..]));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_delays_letters_and_loses_none() {
    static OWN: OnceLock<Broker> = OnceLock::new();
    let own = Broker::start().await;
    let own = OWN.get_or_init(|| own);
    let rig = Rig::on(own, "away", 1).await;
    let daemon = Daemon::start(&rig.config).await;
    // The org holds the call until the broker is gone, then refuses the row.
    rig.fault(Fault::on(On::Upsert, Action::Latency { ms: 900 }));
    python::produce(own, &rig.topic, &[upsert("a", &"x".repeat(300)), upsert("b", "1")]).await;
    until("the call", async || (rig.org.calls().upsert == 1).then_some(())).await;
    own.script("kill").await;
    until("the neighbour", async || rig.find("b")).await;
    own.script("again").await;
    daemon.settled(2).await;
    assert_eq!(rig.dead_letters(1).await[0].key.as_deref(), Some(&b"a"[..]));
    until("the commit", async || (rig.committed().await == 2).then_some(())).await;
    daemon.stop().await;
}
