//! Seen from outside: a log that is not read costs lines, and nothing else; a log that is read stays readable.

use sandbox::{Action, Fault, On};

use crate::harness::{Daemon, TestBed, record, until, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_not_read_blocks_nothing() {
    let mut bed = TestBed::new("deaf").await;
    bed.config.set("log.level", "'trace'").set("kafka.properties.debug", "'all'");
    let bad = (0..3000).map(|n| record(format!("bad{n}"), "not json"));
    bed.produce(&bad.chain([upsert("a", "good")]).collect::<Vec<_>>()).await;
    // The first lines tell the address of the admin listener.
    let mut daemon = Daemon::spawn_read_to(&bed.config.toml(), &[], 200);
    let metrics = daemon.settled(3001).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (1, 3000));
    let lost = async || daemon.metrics().await.sum("sobjectd_log_lines_dropped_total", &[]);
    until("lines to be lost", async || (lost().await > 0).then_some(())).await;
    daemon.terminate();
    assert_eq!(daemon.exit().await.code(), Some(0));
    assert_eq!(bed.committed().await, 3001);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_records_do_not_flood_the_log() {
    let bed = TestBed::new("flood").await;
    let bad = (0..200).map(|n| record(format!("bad{n}"), "not json"));
    let refused = (0..15).map(|n| upsert(&format!("long{n}"), &"x".repeat(300)));
    bed.produce(&bad.chain(refused).collect::<Vec<_>>()).await;
    let mut daemon = Daemon::start(&bed.config).await;
    let metrics = daemon.settled(215).await;
    assert_eq!(metrics.settled("dead_lettered"), 215, "an outcome is an outcome, with or without a line");
    assert_eq!(metrics.sum("sobjectd_rejections_total", &[("code", "InvalidValue")]), 200);
    daemon.terminate();
    assert_eq!(daemon.exit().await.code(), Some(0));
    daemon.event("more_records_rejected").with("code", "InvalidValue").with("more", 190).await;
    daemon.event("more_records_rejected").with("code", "STRING_TOO_LONG").with("more", 5).await;
    assert_eq!(daemon.event("record_rejected").lines().len(), 20, "ten of each code");
    bed.dead_letters(215).await;
}

/// The org's own texts, a refused call's, and ours; and what the log says of an org that is out.
#[tokio::test(flavor = "multi_thread")]
async fn without_values_no_line_quotes_a_record() {
    const VALUE: &str = "Nemo-4711";
    let mut bed = TestBed::new("no-values").await;
    bed.config.set("log.values", "false").set("log.level", "'trace'");
    let long = VALUE.repeat(40);
    let busy = Action::error(503, "SERVER_UNAVAILABLE", format!("{VALUE} has broken us"));
    bed.fault(Fault::on(On::Upsert, busy));
    bed.produce(&[
        upsert("long", &long),
        record("date", format!(r#"{{"DateTime__c":"2024-02-29T07:00:00 {VALUE}"}}"#)),
        upsert("word", "x").operation(VALUE),
        record("text", VALUE),
        upsert("fine", "x"),
    ])
    .await;
    let mut daemon = Daemon::start(&bed.config).await;
    daemon.settled(5).await;
    daemon.terminate();
    assert_eq!(daemon.exit().await.code(), Some(0));
    for (code, offset) in [("STRING_TOO_LONG", 0), ("JSON_PARSER_ERROR", 1), ("InvalidOperation", 2)] {
        daemon.event("record_rejected").with("code", code).with("offset", offset).await;
    }
    daemon.event("record_rejected").with("code", "STRING_TOO_LONG").mentions("Text__c").await;
    daemon.event("org_unavailable").mentions("SERVER_UNAVAILABLE").await;
    assert!(daemon.log().iter().any(|line| line.contains("TRACE") || line.contains("DEBUG")));
    let quoting: Vec<_> = daemon.log().iter().filter(|line| line.contains(VALUE)).cloned().collect();
    assert_eq!(quoting, [] as [String; 0]);
    let letters = bed.dead_letters(4).await;
    let letter = letters.iter().find(|letter| letter.key.as_deref() == Some(b"long")).unwrap();
    for header in ["sobjectd.message", "__connect.errors.exception.message"] {
        assert!(letter.header(header).unwrap().contains(VALUE), "{header} keeps the text");
    }
}
