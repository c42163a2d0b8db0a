//! Seen from outside: a log that nobody reads costs lines, and nothing else.

use crate::harness::{Daemon, Rig, record, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_blocks_nothing() {
    let rig = Rig::new("deaf").await;
    let bad = (0..3000).map(|n| record(format!("bad{n}"), "not json"));
    rig.produce(&bad.chain([upsert("a", "good")]).collect::<Vec<_>>()).await;
    // The first lines tell the address of the admin listener; each rejection is one more.
    let mut daemon = Daemon::spawn_heard(&rig.config.toml(), &[], 5);
    let metrics = daemon.settled(3001).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (1, 3000));
    daemon.terminate();
    assert_eq!(daemon.exit().await.code(), Some(0));
    assert_eq!(rig.committed().await, 3001);
}
