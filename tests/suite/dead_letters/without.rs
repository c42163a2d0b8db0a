//! No dead-letter topic.

use crate::harness::{Daemon, OBJECT, Rig, record, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_stops_the_daemon_as_it_fails_a_connect_task() {
    let mut rig = Rig::new("stop").await;
    rig.config.unset("dead_letter.topic");
    rig.produce(&[upsert("a", "1"), upsert("b", "2"), record("c", "bad"), upsert("d", "4")]).await;
    let mut daemon = Daemon::spawn(&rig.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    daemon.event("exited_with_error").mentions(&rig.topic).await;
    assert_eq!(rig.committed().await, 2, "the records before it are committed, it is not");
    assert_eq!((rig.text("a"), rig.text("b")), ("1".to_owned(), "2".to_owned()));

    let mut again = Daemon::spawn(&rig.config);
    assert_eq!(again.exit().await.code(), Some(1), "it is still there");
    assert_eq!(rig.committed().await, 2);
    assert_eq!(rig.history("a").len(), 1, "nothing is done again");
}

#[tokio::test(flavor = "multi_thread")]
async fn or_is_logged_counted_and_skipped() {
    let mut rig = Rig::new("skip").await;
    rig.config.unset("dead_letter.topic").set("dead_letter.on_rejection", "'skip'");
    rig.produce(&[upsert("a", "1"), record("b", "bad"), upsert("c", &"x".repeat(300)), upsert("d", "4")]).await;
    let daemon = Daemon::start(&rig.config).await;
    let metrics = daemon.settled(4).await;
    assert_eq!((metrics.settled("written"), metrics.settled("skipped")), (2, 2));
    daemon.event("record_rejected").with("topic", &*rig.topic).with("code", "STRING_TOO_LONG").await;
    daemon.stop().await;
    assert_eq!(rig.committed().await, 4);
    assert_eq!(rig.org.records(OBJECT).len(), 2);
}
