//! Connections are kept, and given up in time.

use super::numbered;
use crate::harness::{Authority, Daemon, TestBed, TlsProxy};

async fn bed(name: &str) -> (TestBed, TlsProxy) {
    let mut bed = TestBed::new(name).await;
    let authority = Authority::new();
    let tls_proxy = TlsProxy::start(&authority, bed.port(), &[]);
    bed.org_is_at(&tls_proxy.url());
    bed.config
        .set("salesforce.tls.ca", &format!("'''{}'''", std::fs::read_to_string(authority.file("ca.pem")).unwrap()));
    (bed, tls_proxy)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_used_again_and_again() {
    let (mut bed, tls_proxy) = bed("keep-alive").await;
    bed.config.set("salesforce.max_concurrent_requests", "1").set("pipeline.batch_rows", "10");
    assert_eq!(bed.run(&numbered(400)).await.settled("written"), 400);
    let calls = bed.org.calls();
    assert!(calls.login == 1 && calls.describe >= 1 && calls.upsert >= 40, "{calls:?}");
    // A call that begins while the connection of the last one is still on its way back into the pool opens another.
    let opened = tls_proxy.said("open").len() as u64;
    assert!((1..=4).contains(&opened), "{opened} handshakes for {calls:?}");
    assert!(tls_proxy.said("refused").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_is_closed() {
    let (mut bed, tls_proxy) = bed("idle").await;
    bed.config.set("salesforce.pool_idle_timeout", "'300ms'");
    bed.produce(&numbered(1)).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(1).await;
    let opened = tls_proxy.said("open").len();
    tls_proxy.says("closed", opened).await;
    bed.produce(&numbered(1)).await;
    assert_eq!(daemon.settled(2).await.settled("written"), 2);
    assert_eq!(tls_proxy.said("open").len(), opened + 1, "and a new one opened");
    daemon.stop().await;
}
