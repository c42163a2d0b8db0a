//! No dead-letter topic.

use crate::harness::{Daemon, OBJECT, TestBed, record, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_dead_letter_topic_a_rejection_stops_the_daemon() {
    let mut bed = TestBed::new("stop").await;
    bed.config.unset("dead_letter.topic");
    bed.produce(&[upsert("a", "1"), upsert("b", "2"), record("c", "bad"), upsert("d", "4")]).await;
    let mut daemon = Daemon::spawn(&bed.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    daemon.event("exited_with_error").mentions(&bed.topic).await;
    assert_eq!(bed.committed().await, 2, "the records before it are committed, it is not");
    assert_eq!((bed.text("a"), bed.text("b")), ("1".to_owned(), "2".to_owned()));

    let mut again = Daemon::spawn(&bed.config);
    assert_eq!(again.exit().await.code(), Some(1), "it is still there");
    assert_eq!(bed.committed().await, 2);
    assert_eq!(bed.history("a").len(), 1, "nothing is done again");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_dead_letter_topic_a_rejection_may_be_logged_counted_and_skipped() {
    let mut bed = TestBed::new("skip").await;
    bed.config.unset("dead_letter.topic").set("dead_letter.on_rejection", "'skip'");
    bed.produce(&[upsert("a", "1"), record("b", "bad"), upsert("c", &"x".repeat(300)), upsert("d", "4")]).await;
    let daemon = Daemon::start(&bed.config).await;
    let metrics = daemon.settled(4).await;
    assert_eq!((metrics.settled("written"), metrics.settled("skipped")), (2, 2));
    daemon.event("record_rejected").with("topic", &*bed.topic).with("code", "STRING_TOO_LONG").await;
    daemon.stop().await;
    assert_eq!(bed.committed().await, 4);
    assert_eq!(bed.org.records(OBJECT).len(), 2);
}
