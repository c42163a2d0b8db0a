//! Connections are kept, and given up in time.

use super::numbered;
use crate::harness::{Authority, Daemon, Rig, Terminator};

async fn rig(name: &str) -> (Rig, Terminator) {
    let mut rig = Rig::new(name).await;
    let authority = Authority::new();
    let terminator = Terminator::start(&authority, rig.port(), &[]);
    rig.org_is_at(&terminator.url());
    rig.config
        .set("salesforce.tls.ca", &format!("'''{}'''", std::fs::read_to_string(authority.file("ca.pem")).unwrap()));
    (rig, terminator)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_is_used_again_and_again() {
    let (mut rig, terminator) = rig("keep-alive").await;
    rig.config.set("salesforce.max_concurrent_requests", "1").set("pipeline.batch_rows", "10");
    assert_eq!(rig.run(&numbered(400)).await.settled("written"), 400);
    let calls = rig.org.calls();
    assert!(calls.login == 1 && calls.describe >= 1 && calls.upsert >= 40, "{calls:?}");
    // A call that begins while the connection of the last one is still on its way back into the pool opens another.
    let opened = terminator.said("open").len() as u64;
    assert!((1..=4).contains(&opened), "{opened} handshakes for {calls:?}");
    assert!(terminator.said("refused").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_one_is_closed() {
    let (mut rig, terminator) = rig("idle").await;
    rig.config.set("salesforce.pool_idle_timeout", "'300ms'");
    rig.produce(&numbered(1)).await;
    let daemon = Daemon::start(&rig.config).await;
    daemon.settled(1).await;
    let opened = terminator.said("open").len();
    terminator.says("closed", opened).await;
    rig.produce(&numbered(1)).await;
    assert_eq!(daemon.settled(2).await.settled("written"), 2);
    assert_eq!(terminator.said("open").len(), opened + 1, "and a new one opened");
    daemon.stop().await;
}
