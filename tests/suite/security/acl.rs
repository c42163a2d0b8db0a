//! A denied right is named, with what to allow, and nothing is lost.

use super::{assert_exit_mentions, bed, quoted};
use crate::harness::{Daemon, TestBed, record, secured, until, upsert};

async fn alice(name: &str) -> TestBed {
    user(name, "alice").await
}

async fn user(name: &str, user: &str) -> TestBed {
    let ca = quoted(&secured().await.tls("ca.pem"));
    let properties = [
        ("security.protocol", "'SASL_SSL'"),
        ("ssl.ca.location", &ca),
        ("sasl.mechanisms", "'PLAIN'"),
        ("sasl.username", &format!("'{user}'")),
        ("sasl.password", &format!("'{user}-secret'")),
    ];
    bed(name, "SASL_SSL", &properties).await
}

async fn deny(bed: &TestBed, operation: &str, kind: &str, name: &str) {
    bed.broker.acl("DENY", "alice", operation, kind, name).await;
    // A resource with an access rule is closed to each user that no rule allows.
    bed.broker.acl("ALLOW", "alice", "DESCRIBE", kind, name).await;
}

/// The daemon ends with 1, and its last ERROR mentions these words.
async fn ends(bed: &TestBed, words: &[&str]) {
    let mut daemon = Daemon::spawn(&bed.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    assert_exit_mentions(&daemon, words).await;
    assert_eq!(bed.committed().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_group_ends_the_daemon() {
    let bed = alice("denied-group").await;
    deny(&bed, "READ", "group", &bed.group).await;
    ends(&bed, &["kafka.group_id", "Read on the group"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_topic_ends_the_daemon() {
    let bed = alice("denied-topic").await;
    bed.produce(&[upsert("a", "1")]).await;
    deny(&bed, "READ", "topic", &bed.topic).await;
    ends(&bed, &["authorization failed", "Describe and Read"]).await;
    assert_eq!(bed.org.journal().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_denied_later_ends_the_daemon() {
    let bed = alice("denied-later").await;
    bed.produce(&[upsert("a", "1")]).await;
    let mut daemon = Daemon::start(&bed.config).await;
    daemon.settled(1).await;
    until("the commit", async || (bed.committed().await == 1).then_some(())).await;
    deny(&bed, "READ", "topic", &bed.topic).await;
    assert_eq!(daemon.exit().await.code(), Some(1));
    assert_exit_mentions(&daemon, &["does not let this user read", "Describe and Read"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_write_nothing_ends_the_daemon_at_the_first_dead_letter() {
    let bed = user("denied-writes", "carol").await;
    bed.broker.topic(&bed.letters, 1).await;
    bed.produce(&[record("a", "bad"), upsert("b", "1")]).await;
    // Then the broker gives no producer id, which is fatal to a producer. All other users may go on as before.
    for (operation, kind, name) in [("WRITE", "topic", "*"), ("IDEMPOTENT_WRITE", "cluster", "kafka-cluster")] {
        bed.broker.acl("ALLOW", "*", "ALL", kind, name).await;
        bed.broker.acl("DENY", "carol", operation, kind, name).await;
    }
    ends(&bed, &[&bed.letters, "Write on the dead-letter topic"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_dead_letter_ends_the_daemon_and_loses_no_record() {
    let bed = alice("denied-letters").await;
    bed.broker.topic(&bed.letters, 1).await;
    bed.produce(&[record("a", "bad"), upsert("b", "1")]).await;
    deny(&bed, "WRITE", "topic", &bed.letters).await;
    ends(&bed, &[&bed.letters, "authorization failed"]).await;
}
