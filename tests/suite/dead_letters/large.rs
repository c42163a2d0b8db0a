//! Records and letters that are larger than something: each costs one dead letter, and none stops the daemon.

use crate::harness::{Daemon, OBJECT, Read, TestBed, now_ms, python, record, unique, upsert};

const DAY: i64 = 24 * 60 * 60 * 1000;

/// Bytes that no codec makes shorter, and no format reads.
pub(super) fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..bytes).map(next).collect()
}

fn find<'a>(letters: &'a [Read], key: &str) -> &'a Read {
    letters.iter().find(|letter| letter.key.as_deref() == Some(key.as_bytes())).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_its_producer_has_compressed_fits_into_the_dead_letter_topic_again() {
    let bed = TestBed::new("packed").await;
    bed.broker.topic(&bed.letters, 1).await;
    let value = format!(r#"{{"Text__c":"x","Nope__c":1,"LongText__c":"{}"}}"#, "lorem ipsum ".repeat(200_000));
    let large = record("large", value);
    python::produce_packed(bed.broker, &bed.topic, &[large.clone(), upsert("after", "y")], "gzip").await;
    let daemon = Daemon::start(&bed.config).await;
    let metrics = daemon.settled(2).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (1, 1));
    daemon.stop().await;
    let letters = bed.dead_letters(1).await;
    assert!(letters[0].value == large.value, "2.4 MB, byte for byte, where a topic takes one");
    assert_eq!(letters[0].header("__connect.errors.exception.class.name").unwrap(), "sobjectd.InvalidField");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_above_its_bound_is_a_dead_letter_and_without_its_value_where_that_is_beyond_the_topics_own() {
    let mut bed = TestBed::new("bound").await;
    bed.config.set("pipeline.max_record_bytes", "'64KiB'");
    let long = |key: &str, bytes: usize| record(key, format!(r#"{{"LongText__c":"{}"}}"#, "x".repeat(bytes)));
    let records = [long("held", 100_000), long("beyond", 1_500_000), upsert("after", "y")];
    python::produce_packed(bed.broker, &bed.topic, &records, "gzip").await;
    let daemon = Daemon::start(&bed.config).await;
    let metrics = daemon.settled(3).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (1, 2));
    daemon.stop().await;
    let letters = bed.dead_letters(2).await;
    for letter in &letters {
        assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.TooLarge");
        assert!(letter.header("sobjectd.message").unwrap().ends_with("pipeline.max_record_bytes is 65536"));
    }
    let (held, beyond) = (find(&letters, "held"), find(&letters, "beyond"));
    assert_eq!((&held.value, held.header("sobjectd.value.bytes")), (&records[0].value, None));
    let size = records[1].value.as_ref().unwrap().len().to_string();
    assert_eq!((&beyond.value, beyond.header("sobjectd.value.bytes")), (&None, Some(size)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_has_no_room_for_its_headers_goes_without_its_value() {
    let mut bed = TestBed::new("room").await;
    bed.topic = format!("{}-narrow", bed.topic);
    let narrow = [("max.message.bytes", "100000")];
    bed.broker.topic_with(&bed.topic, 1, &narrow).await;
    bed.broker.topic_with(&bed.letters, 1, &narrow).await;
    bed.config.in_route("topic", &format!("'{}'", bed.topic));
    let metrics = bed.run(&[record("bad", noise(100_000 - 300)), upsert("after", "y")]).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (1, 1));
    let letter = &bed.dead_letters(1).await[0];
    assert_eq!((&letter.value, letter.header("sobjectd.value.bytes").as_deref()), (&None, Some("99700")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_without_its_value_says_where_the_record_lies() {
    let bed = TestBed::new("reference").await;
    bed.broker.topic_with(&bed.letters, 1, &[("max.message.bytes", "4000")]).await;
    let large = record("b", noise(9000)).header("trace", "7").timestamp(now_ms() as i64 - DAY);
    let metrics = bed.run(&[upsert("a", "1"), large.clone(), record("small", "bad"), upsert("c", "3")]).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (2, 2));
    let letters = bed.dead_letters(2).await;
    let letter = find(&letters, "b");
    assert_eq!((&letter.value, Some(letter.timestamp)), (&None, large.timestamp));
    for (name, value) in [
        ("trace", "7"),
        ("sobjectd.value.bytes", "9000"),
        ("__connect.errors.topic", bed.topic.as_str()),
        ("__connect.errors.offset", "1"),
        ("__connect.errors.exception.class.name", "sobjectd.InvalidValue"),
    ] {
        assert_eq!(letter.header(name).as_deref(), Some(value), "{name}");
    }
    let small = find(&letters, "small");
    assert_eq!((small.value.as_deref(), small.header("sobjectd.value.bytes")), (Some(&b"bad"[..]), None));
    assert_eq!(bed.committed().await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_that_is_too_large_goes_without_its_own_headers_and_its_key() {
    let bed = TestBed::new("reference-large").await;
    bed.broker.topic_with(&bed.letters, 1, &[("max.message.bytes", "2000")]).await;
    let key: String = noise(4000).iter().map(|byte| char::from(b'a' + byte % 26)).collect();
    let records = [record("b", "bad").header("large", noise(5000)), record(key, "bad"), upsert("c", "1")];
    let metrics = bed.run(&records).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (1, 2));
    let letters = bed.dead_letters(2).await;
    let headers = find(&letters, "b");
    assert_eq!((headers.header("large"), headers.header("sobjectd.headers.bytes").as_deref()), (None, Some("5005")));
    let keyless = letters.iter().find(|letter| letter.key.is_none()).unwrap();
    assert_eq!(keyless.header("sobjectd.key.bytes").as_deref(), Some("4000"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_takes_no_letter_at_all_stops_the_daemon() {
    let bed = TestBed::new("tiny").await;
    bed.broker.topic_with(&bed.letters, 1, &[("max.message.bytes", "200")]).await;
    bed.produce(&[upsert("a", "1"), record("b", "bad")]).await;
    let mut daemon = Daemon::spawn(&bed.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    daemon.event("dead_letter_failed").mentions(&bed.letters).mentions("max.message.bytes").await;
    assert_eq!(bed.committed().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_that_are_refused_together_are_sent_one_by_one() {
    let bed = TestBed::new("together").await;
    bed.broker.topic(&bed.letters, 1).await;
    let daemon = Daemon::start(&bed.config).await;
    // Each letter fits, and no two of them do.
    bed.broker.set(&bed.letters, "max.message.bytes", "3000").await;
    let records: Vec<_> = (0..50).map(|n| record(format!("k{n}"), noise(1500))).collect();
    bed.produce(&records).await;
    let metrics = daemon.settled(50).await;
    assert_eq!(metrics.settled("dead_lettered"), 50);
    daemon.stop().await;
    let letters = bed.dead_letters(50).await;
    assert!(letters.iter().all(|letter| letter.value == records[0].value), "each has its whole value");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_is_replayed_and_refused_again_has_one_set_of_headers_and_its_first_origin() {
    let mut bed = TestBed::new("replayed").await;
    bed.run(&[upsert("a", "1"), record("b", "bad").header("trace", "7")]).await;
    let first = bed.dead_letters(1).await.remove(0);
    let (input, letters) = (bed.topic.clone(), bed.letters.clone());
    (bed.topic, bed.letters) = (letters.clone(), unique("replayed.again"));
    bed.config.in_route("topic", &format!("'{letters}'"));
    bed.config.set("dead_letter.topic", &format!("'{}'", bed.letters));
    bed.config.set("kafka.group_id", &format!("'{}'", unique("replayed.group")));
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(1).await;
    daemon.stop().await;
    let again = bed.dead_letters(1).await.remove(0);
    let names = |letter: &Read| letter.headers().iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&again), names(&first), "one set, in the same order");
    assert_eq!((&again.key, &again.value, again.timestamp), (&first.key, &first.value, first.timestamp));
    for (name, value) in [("__connect.errors.topic", input.as_str()), ("__connect.errors.offset", "1"), ("trace", "7")]
    {
        assert_eq!(again.header(name).as_deref(), Some(value), "{name}");
    }
    let message = again.header("__connect.errors.exception.message").unwrap();
    assert!(message.starts_with(&format!("{letters}[0]@0: ")), "where it was refused again: {message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_that_is_written_again_deletes_nothing() {
    let mut bed = TestBed::new("reference-again").await;
    bed.config.in_route("tombstone", "'delete'");
    let tombstone = |key: &str| record(key, "").no_value();
    let reference = tombstone("a").header("sobjectd.value.bytes", "9000");
    // One of the headers that are not there may have said UPDATE.
    let without_headers = tombstone("a").header("sobjectd.headers.bytes", "9000");
    let records = [upsert("a", "1"), upsert("b", "1"), reference, without_headers, tombstone("b")];
    let metrics = bed.run(&records).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (3, 2));
    assert_eq!(bed.org.records(OBJECT).len(), 1);
    for letter in bed.dead_letters(2).await {
        let message = letter.header("__connect.errors.exception.message").unwrap();
        assert!(message.contains("is a dead letter without its"), "{message}");
    }
}
