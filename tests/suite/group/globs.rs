//! Globs with the consumer protocol: the daemon itself looks for topics.

use super::Consumer;
use crate::harness::{Daemon, Rig, python, record, unique, until, upsert};

async fn rig(prefix: &str, letters: &str) -> Rig {
    let mut rig = Rig::new("globs").await;
    Consumer.choose(&mut rig.config);
    rig.config.set("dead_letter.topic", &format!("'{letters}'"));
    rig.config.set(r#"kafka.properties."topic.metadata.refresh.interval.ms""#, "500");
    rig.config.in_route("topic", &format!("'{prefix}.*'"));
    rig
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_comes_later_is_taken_and_the_dead_letters_never() {
    let prefix = unique("globs");
    let (early, later, letters) = (format!("{prefix}.early"), format!("{prefix}.later"), format!("{prefix}.dlq"));
    let mut rig = rig(&prefix, &letters).await;
    // It holds only for topics that are there at the start.
    rig.config.set("kafka.start", "'latest'");
    rig.broker.topic(&early, 2).await;
    let daemon = Daemon::start(&rig.config).await;
    until("the first commit", async || rig.broker.committed(&rig.group, &early, 2).await[1]).await;
    python::produce(rig.broker, &early, &[upsert("a", "1"), record("b", "bad")]).await;
    daemon.settled(2).await;

    rig.broker.topic(&later, 2).await;
    python::produce(rig.broker, &later, &[upsert("c", "2"), record("d", "bad")]).await;
    let metrics = daemon.settled(4).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (2, 2));
    // It would have been taken by the next look.
    let once_more = format!("{prefix}.once-more");
    rig.broker.topic(&once_more, 1).await;
    python::produce(rig.broker, &once_more, &[upsert("e", "3")]).await;
    daemon.settled(5).await;
    daemon.stop().await;
    assert_eq!(rig.broker.committed(&rig.group, &letters, 1).await, [None]);
    assert_eq!(python::consume(rig.broker, &letters, 2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_topic_at_all_is_waited_for() {
    let prefix = unique("globs.none");
    let rig = rig(&prefix, &format!("{prefix}.dlq")).await;
    let daemon = Daemon::start(&rig.config).await;
    let first = format!("{prefix}.first");
    rig.broker.topic(&first, 1).await;
    python::produce(rig.broker, &first, &[upsert("a", "1")]).await;
    daemon.settled(1).await;
    // And one that goes takes nothing else along.
    let second = format!("{prefix}.second");
    rig.broker.topic(&second, 1).await;
    python::produce(rig.broker, &second, &[upsert("b", "1")]).await;
    daemon.settled(2).await;
    rig.broker.delete_topic(&first).await;
    daemon.event("revoked").mentions(&first).await;
    python::produce(rig.broker, &second, &[upsert("b", "2")]).await;
    daemon.settled(3).await;
    daemon.stop().await;
    assert_eq!(rig.text("b"), "2");
}
