//! What the cluster lets nobody but others do is named, with what to allow, and nothing is lost.

use super::{quoted, rig};
use crate::harness::{Daemon, Rig, record, secured, upsert};

async fn alice(name: &str) -> Rig {
    let ca = quoted(&secured().await.tls("ca.pem"));
    let properties = [
        ("security.protocol", "'SASL_SSL'"),
        ("ssl.ca.location", &ca),
        ("sasl.mechanisms", "'PLAIN'"),
        ("sasl.username", "'alice'"),
        ("sasl.password", "'alice-secret'"),
    ];
    rig(name, "SASL_SSL", &properties).await
}

async fn deny(rig: &Rig, operation: &str, kind: &str, name: &str) {
    rig.broker.acl(&["--add", "--deny-principal", "User:alice", "--operation", operation, kind, name]).await;
    // What has an ACL is open to nobody whom none allows.
    rig.broker.acl(&["--add", "--allow-principal", "User:alice", "--operation", "Describe", kind, name]).await;
}

/// Ends with 1, and an ERROR holds these words.
async fn ends(rig: &Rig, words: &[&str]) {
    let mut daemon = Daemon::spawn(&rig.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    daemon.says(&[&["ERROR"], words].concat()).await;
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
async fn a_denied_dead_letter_ends_the_daemon_and_loses_no_record() {
    let rig = alice("denied-letters").await;
    rig.broker.topic(&rig.letters, 1).await;
    rig.produce(&[record("a", "bad"), upsert("b", "1")]).await;
    deny(&rig, "Write", "--topic", &rig.letters).await;
    ends(&rig, &[&rig.letters, "authorization failed"]).await;
}
