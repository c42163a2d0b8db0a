//! Compression, as the org sees it on the wire: it inflates what says that it is compressed, and refuses what is not.

use super::numbered;
use crate::harness::{OBJECT, Record, TestBed, upsert};

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_answers_are_compressed() {
    let mut bed = TestBed::new("gzip").await;
    bed.config.set("salesforce.compression", "'gzip'").set("pipeline.linger", "'200ms'");
    let texts: Vec<_> = (0..400).map(|n| format!("{}, Zürich {n}", "ab".repeat(n % 40))).collect();
    let records: Vec<Record> = texts.iter().enumerate().map(|(n, text)| upsert(&format!("key{n}"), text)).collect();
    assert_eq!(bed.run(&records).await.settled("written"), 400);
    let calls = bed.org.calls();
    assert!(calls.gzip_requests >= 2, "{calls:?}");
    assert!(calls.gzip_requests <= calls.upsert, "nothing but rows: {calls:?}");
    assert!(calls.gzip_answers >= calls.upsert + calls.describe, "{calls:?}");
    assert_eq!(bed.org.records(OBJECT).len(), 400);
    for (n, text) in texts.iter().enumerate() {
        assert_eq!(bed.text(&format!("key{n}")), *text);
    }

    // A body that fits into a packet stays as it is; its answer is the org's to choose.
    let before = bed.org.calls();
    assert_eq!(bed.run(&[upsert("key0", "short")]).await.settled("written"), 1);
    let calls = bed.org.calls();
    assert_eq!((calls.upsert, calls.gzip_requests), (before.upsert + 1, before.gzip_requests));
    assert!(calls.gzip_answers > before.gzip_answers);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_requests_are_not_compressed() {
    let bed = TestBed::new("plain").await;
    assert_eq!(bed.run(&numbered(400)).await.settled("written"), 400);
    let calls = bed.org.calls();
    assert_eq!((calls.gzip_requests, calls.gzip_answers), (0, 0));
}
