//! What the cluster lets nobody but others do is named, with what to allow, and nothing is lost.

use super::{assert_exit_mentions, quoted, rig};
use crate::harness::{Daemon, Rig, record, secured, until, upsert};

async fn alice(name: &str) -> Rig {
    user(name, "alice").await
}

async fn user(name: &str, user: &str) -> Rig {
    let ca = quoted(&secured().await.tls("ca.pem"));
    let properties = [
        ("security.protocol", "'SASL_SSL'"),
        ("ssl.ca.location", &ca),
        ("sasl.mechanisms", "'PLAIN'"),
        ("sasl.username", &format!("'{user}'")),
        ("sasl.password", &format!("'{user}-secret'")),
    ];
    rig(name, "SASL_SSL", &properties).await
}

async fn deny(rig: &Rig, operation: &str, kind: &str, name: &str) {
    rig.broker.acl(&["--add", "--deny-principal", "User:alice", "--operation", operation, kind, name]).await;
    // What has an ACL is open to nobody whom none allows.
    rig.broker.acl(&["--add", "--allow-principal", "User:alice", "--operation", "Describe", kind, name]).await;
}

/// The daemon ends with 1, and its last ERROR mentions these words.
async fn ends(rig: &Rig, words: &[&str]) {
    let mut daemon = Daemon::spawn(&rig.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    assert_exit_mentions(&daemon, words).await;
    assert_eq!(rig.committed().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_group_ends_the_daemon() {
    let rig = alice("denied-group").await;
    deny(&rig, "Read", "--group", &rig.group).await;
    ends(&rig, &["kafka.group_id", "Read on the group"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_topic_ends_the_daemon() {
    let rig = alice("denied-topic").await;
    rig.produce(&[upsert("a", "1")]).await;
    deny(&rig, "Read", "--topic", &rig.topic).await;
    ends(&rig, &["authorization failed", "Describe and Read"]).await;
    assert_eq!(rig.org.journal().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_denied_later_ends_the_daemon() {
    let rig = alice("denied-later").await;
    rig.produce(&[upsert("a", "1")]).await;
    let mut daemon = Daemon::start(&rig.config).await;
    daemon.settled(1).await;
    until("the commit", async || (rig.committed().await == 1).then_some(())).await;
    deny(&rig, "Read", "--topic", &rig.topic).await;
    assert_eq!(daemon.exit().await.code(), Some(1));
    assert_exit_mentions(&daemon, &["does not let this user read", "Describe and Read"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_write_nothing_ends_the_daemon_at_the_first_dead_letter() {
    let rig = user("denied-writes", "carol").await;
    rig.broker.topic(&rig.letters, 1).await;
    rig.produce(&[record("a", "bad"), upsert("b", "1")]).await;
    // Then the broker gives no producer id, which is fatal to a producer. Everybody else may go on as before.
    for (place, operation) in [(&["--topic", "*"][..], "Write"), (&["--cluster"], "IdempotentWrite")] {
        let allow = ["--add", "--allow-principal", "User:*", "--operation", "All"];
        let deny = ["--add", "--deny-principal", "User:carol", "--operation", operation];
        for rule in [allow, deny] {
            rig.broker.acl(&[&rule[..], place].concat()).await;
        }
    }
    ends(&rig, &[&rig.letters, "Write on the dead-letter topic"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denied_dead_letter_ends_the_daemon_and_loses_no_record() {
    let rig = alice("denied-letters").await;
    rig.broker.topic(&rig.letters, 1).await;
    rig.produce(&[record("a", "bad"), upsert("b", "1")]).await;
    deny(&rig, "Write", "--topic", &rig.letters).await;
    ends(&rig, &[&rig.letters, "authorization failed"]).await;
}
