//! Seen from outside: a log that nobody reads costs lines, and nothing else; a log that somebody reads stays readable.

use crate::harness::{Daemon, Rig, record, until, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_nobody_reads_blocks_nothing() {
    let mut rig = Rig::new("deaf").await;
    rig.config.set("log.level", "'trace'").set("kafka.properties.debug", "'all'");
    let bad = (0..3000).map(|n| record(format!("bad{n}"), "not json"));
    rig.produce(&bad.chain([upsert("a", "good")]).collect::<Vec<_>>()).await;
    // The first lines tell the address of the admin listener.
    let mut daemon = Daemon::spawn_heard(&rig.config.toml(), &[], 200);
    let metrics = daemon.settled(3001).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (1, 3000));
    let lost = async || daemon.metrics().await.sum("sobjectd_log_lines_dropped_total", &[]);
    until("lines to be lost", async || (lost().await > 0).then_some(())).await;
    daemon.terminate();
    assert_eq!(daemon.exit().await.code(), Some(0));
    assert_eq!(rig.committed().await, 3001);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_records_do_not_flood_the_log() {
    let rig = Rig::new("flood").await;
    let bad = (0..200).map(|n| record(format!("bad{n}"), "not json"));
    let refused = (0..15).map(|n| upsert(&format!("long{n}"), &"x".repeat(300)));
    rig.produce(&bad.chain(refused).collect::<Vec<_>>()).await;
    let mut daemon = Daemon::start(&rig.config).await;
    let metrics = daemon.settled(215).await;
    assert_eq!(metrics.settled("dead_lettered"), 215, "an outcome is an outcome, with or without a line");
    assert_eq!(metrics.sum("sobjectd_rejections_total", &[("code", "InvalidValue")]), 200);
    daemon.terminate();
    assert_eq!(daemon.exit().await.code(), Some(0));
    daemon.says(&["WARN", "190 more records rejected with InvalidValue"]).await;
    daemon.says(&["WARN", "5 more records rejected with STRING_TOO_LONG"]).await;
    let lines = daemon.log().iter().filter(|line| line.contains("record rejected")).count();
    assert_eq!(lines, 20, "ten of each code");
    rig.dead_letters(215).await;
}
