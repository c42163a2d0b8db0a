//! TLS as OpenSSL speaks it, in front of the org.

use std::process::{Command, Stdio};

use super::numbered;
use crate::harness::{Authority, Daemon, TestBed, TlsProxy};

/// An org, and before it a TLS proxy with these options.
async fn bed(name: &str, options: &[&str]) -> (TestBed, Authority, TlsProxy) {
    let mut bed = TestBed::new(name).await;
    let authority = Authority::new();
    let tls_proxy = TlsProxy::start(&authority, bed.port(), options);
    bed.org_is_at(&tls_proxy.url());
    bed.config.set("salesforce.tls.ca", &authority.secret("ca.pem"));
    (bed, authority, tls_proxy)
}

/// The daemon finds no way to the org, and says why; no request gets there.
async fn is_refused(bed: &TestBed, says: &str) {
    let daemon = Daemon::spawn(&bed.config);
    daemon.event("salesforce_login_failed").with("level", "WARN").mentions(says).await;
    assert_eq!(bed.org.calls().login, 0);
    daemon.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_certificate_authority_is_trusted() {
    let (mut bed, authority, tls_proxy) = bed("ca", &[]).await;
    bed.config.unset("salesforce.tls.ca");
    is_refused(&bed, "UnknownIssuer").await;
    assert!(tls_proxy.said("open").is_empty(), "the handshake was not finished");

    bed.config.set("salesforce.tls.ca", &authority.secret("ca.pem"));
    assert_eq!(bed.run(&numbered(3)).await.settled("written"), 3);
    assert_eq!(bed.text("key2"), "x");
    assert!(tls_proxy.said("open").iter().all(|line| line == "TLSv1.3 -"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_host_is_refused() {
    let (mut bed, _authority, tls_proxy) = bed("host", &[]).await;
    bed.org_is_at(&format!("https://127.0.0.1:{}", tls_proxy.port));
    is_refused(&bed, "not valid for name").await;
    assert!(tls_proxy.said("open").is_empty(), "the handshake was not finished");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_older_than_tls_1_2_is_spoken() {
    let (mut bed, authority, old) = bed("tls11", &["newest=TLSv1_1"]).await;
    // It does speak that: OpenSSL gets through.
    let connect = format!("s_client -connect localhost:{} -tls1_1 -cipher DEFAULT@SECLEVEL=0 -CAfile ca.pem", old.port);
    let status = Command::new("openssl")
        .args(connect.replace("ca.pem", &authority.file("ca.pem")).split(' '))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.unwrap().success());
    assert_eq!(old.says("open", 1).await, ["TLSv1.1 -"]);
    is_refused(&bed, "alert").await;
    assert_eq!(old.said("open").len(), 1);
    assert!(old.says("refused", 1).await[0].to_lowercase().contains("protocol"));

    let newer = TlsProxy::start(&authority, bed.port(), &["newest=TLSv1_2"]);
    bed.org_is_at(&newer.url());
    assert_eq!(bed.run(&numbered(1)).await.settled("written"), 1);
    assert!(newer.said("open").iter().all(|line| line == "TLSv1.2 -"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_is_shown() {
    let (mut bed, authority, free) = bed("mtls", &[]).await;
    let demanding = TlsProxy::start(&authority, bed.port(), &[&format!("client_ca={}", authority.file("ca.pem"))]);
    bed.org_is_at(&demanding.url());
    is_refused(&bed, "alert").await;
    assert!(demanding.says("refused", 1).await[0].to_lowercase().contains("certificate"));

    bed.config.set("salesforce.tls.certificate", &authority.secret("client.pem"));
    bed.config.set("salesforce.tls.key", &authority.secret("client.key"));
    assert_eq!(bed.run(&numbered(3)).await.settled("written"), 3);
    assert!(demanding.said("open").iter().all(|line| line == "TLSv1.3 sobjectd-client"));
    // Who does not ask does not get it.
    bed.org_is_at(&free.url());
    assert_eq!(bed.run(&numbered(3)).await.settled("written"), 3);
    assert!(free.said("open").iter().all(|line| line == "TLSv1.3 -"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_certificate_is_named_before_anything_is_connected() {
    let (mut bed, authority, tls_proxy) = bed("pair", &[]).await;
    bed.config.set("salesforce.tls.certificate", &authority.secret("client.pem"));
    bed.config.set("salesforce.tls.key", &authority.secret("server.key"));
    let mut daemon = Daemon::spawn(&bed.config);
    assert_ne!(daemon.exit().await.code(), Some(0));
    let log = daemon.log().join("\n");
    assert!(log.contains("salesforce") && log.contains("does tls.key belong to tls.certificate?"), "{log}");
    assert!(tls_proxy.said("").is_empty());
}
