//! Compression, as the org sees it on the wire: it inflates what says that it is compressed, and refuses what is not.

use super::numbered;
use crate::harness::{OBJECT, Record, Rig, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn both_ways() {
    let mut rig = Rig::new("gzip").await;
    rig.config.set("salesforce.compression", "'gzip'").set("pipeline.linger", "'200ms'");
    let texts: Vec<_> = (0..400).map(|n| format!("{}, Zürich {n}", "ab".repeat(n % 40))).collect();
    let records: Vec<Record> = texts.iter().enumerate().map(|(n, text)| upsert(&format!("key{n}"), text)).collect();
    assert_eq!(rig.run(&records).await.settled("written"), 400);
    let calls = rig.org.calls();
    assert!(calls.gzip_requests >= 2, "{calls:?}");
    assert!(calls.gzip_requests <= calls.upsert, "nothing but rows: {calls:?}");
    assert!(calls.gzip_answers >= calls.upsert + calls.describe, "{calls:?}");
    assert_eq!(rig.org.records(OBJECT).len(), 400);
    for (n, text) in texts.iter().enumerate() {
        assert_eq!(rig.text(&format!("key{n}")), *text);
    }

    // A body that fits into a packet stays as it is; its answer is the org's to choose.
    let before = rig.org.calls();
    assert_eq!(rig.run(&[upsert("key0", "short")]).await.settled("written"), 1);
    let calls = rig.org.calls();
    assert_eq!((calls.upsert, calls.gzip_requests), (before.upsert + 1, before.gzip_requests));
    assert!(calls.gzip_answers > before.gzip_answers);
}

#[tokio::test(flavor = "multi_thread")]
async fn not_unless_it_is_asked_for() {
    let rig = Rig::new("plain").await;
    assert_eq!(rig.run(&numbered(400)).await.settled("written"), 400);
    let calls = rig.org.calls();
    assert_eq!((calls.gzip_requests, calls.gzip_answers), (0, 0));
}
