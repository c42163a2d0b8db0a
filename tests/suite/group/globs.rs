//! Globs with the consumer protocol: the daemon itself looks for topics.

use super::Consumer;
use crate::harness::{Daemon, TestBed, python, record, unique, until, upsert};

async fn bed(prefix: &str, letters: &str) -> TestBed {
    let mut bed = TestBed::new("globs").await;
    Consumer.choose(&mut bed.config);
    bed.config.set("dead_letter.topic", &format!("'{letters}'"));
    bed.config.set(r#"kafka.properties."topic.metadata.refresh.interval.ms""#, "500");
    bed.config.in_route("topic", &format!("'{prefix}.*'"));
    bed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_comes_later_is_taken_and_the_dead_letters_never() {
    let prefix = unique("globs");
    let (early, later, letters) = (format!("{prefix}.early"), format!("{prefix}.later"), format!("{prefix}.dlq"));
    let mut bed = bed(&prefix, &letters).await;
    // It holds only for topics that are there at the start.
    bed.config.set("kafka.start", "'latest'");
    bed.broker.topic(&early, 2).await;
    let daemon = Daemon::start(&bed.config).await;
    until("the first commit", async || bed.broker.committed(&bed.group, &early, 2).await[1]).await;
    python::produce(bed.broker, &early, &[upsert("a", "1"), record("b", "bad")]).await;
    daemon.settled(2).await;

    bed.broker.topic(&later, 2).await;
    python::produce(bed.broker, &later, &[upsert("c", "2"), record("d", "bad")]).await;
    let metrics = daemon.settled(4).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (2, 2));
    // It would have been taken by the next look.
    let once_more = format!("{prefix}.once-more");
    bed.broker.topic(&once_more, 1).await;
    python::produce(bed.broker, &once_more, &[upsert("e", "3")]).await;
    daemon.settled(5).await;
    daemon.stop().await;
    assert_eq!(bed.broker.committed(&bed.group, &letters, 1).await, [None]);
    assert_eq!(python::consume(bed.broker, &letters, 2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_topic_at_all_is_waited_for() {
    let prefix = unique("globs.none");
    let bed = bed(&prefix, &format!("{prefix}.dlq")).await;
    let daemon = Daemon::start(&bed.config).await;
    let first = format!("{prefix}.first");
    bed.broker.topic(&first, 1).await;
    python::produce(bed.broker, &first, &[upsert("a", "1")]).await;
    daemon.settled(1).await;
    // And one that goes takes nothing else along.
    let second = format!("{prefix}.second");
    bed.broker.topic(&second, 1).await;
    python::produce(bed.broker, &second, &[upsert("b", "1")]).await;
    daemon.settled(2).await;
    bed.broker.delete_topic(&first).await;
    daemon.event("revoked").mentions(&first).await;
    python::produce(bed.broker, &second, &[upsert("b", "2")]).await;
    daemon.settled(3).await;
    daemon.stop().await;
    assert_eq!(bed.text("b"), "2");
}
