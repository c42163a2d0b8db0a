//! TLS as OpenSSL speaks it, in front of the org.

use std::process::{Command, Stdio};

use super::numbered;
use crate::harness::{Authority, Daemon, Rig, Terminator};

/// An org behind a terminator with these options.
async fn rig(name: &str, options: &[&str]) -> (Rig, Authority, Terminator) {
    let mut rig = Rig::new(name).await;
    let authority = Authority::new();
    let terminator = Terminator::start(&authority, rig.port(), options);
    rig.org_is_at(&terminator.url());
    rig.config.set("salesforce.tls.ca", &authority.secret("ca.pem"));
    (rig, authority, terminator)
}

/// The daemon finds no way to the org, and says why; no request gets there.
async fn is_refused(rig: &Rig, says: &str) {
    let daemon = Daemon::spawn(&rig.config);
    daemon.event("salesforce_login_failed").with("level", "WARN").mentions(says).await;
    assert_eq!(rig.org.calls().login, 0);
    daemon.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_of_ones_own() {
    let (mut rig, authority, terminator) = rig("ca", &[]).await;
    rig.config.unset("salesforce.tls.ca");
    is_refused(&rig, "UnknownIssuer").await;
    assert!(terminator.said("open").is_empty(), "the handshake was not finished");

    rig.config.set("salesforce.tls.ca", &authority.secret("ca.pem"));
    assert_eq!(rig.run(&numbered(3)).await.settled("written"), 3);
    assert_eq!(rig.text("key2"), "x");
    assert!(terminator.said("open").iter().all(|line| line == "TLSv1.3 -"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_host() {
    let (mut rig, _authority, terminator) = rig("host", &[]).await;
    rig.org_is_at(&format!("https://127.0.0.1:{}", terminator.port));
    is_refused(&rig, "not valid for name").await;
    assert!(terminator.said("open").is_empty(), "the handshake was not finished");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_older_than_tls_1_2() {
    let (mut rig, authority, old) = rig("tls11", &["newest=TLSv1_1"]).await;
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
    is_refused(&rig, "alert").await;
    assert_eq!(old.said("open").len(), 1);
    assert!(old.says("refused", 1).await[0].to_lowercase().contains("protocol"));

    let newer = Terminator::start(&authority, rig.port(), &["newest=TLSv1_2"]);
    rig.org_is_at(&newer.url());
    assert_eq!(rig.run(&numbered(1)).await.settled("written"), 1);
    assert!(newer.said("open").iter().all(|line| line == "TLSv1.2 -"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate() {
    let (mut rig, authority, free) = rig("mtls", &[]).await;
    let demanding = Terminator::start(&authority, rig.port(), &[&format!("client_ca={}", authority.file("ca.pem"))]);
    rig.org_is_at(&demanding.url());
    is_refused(&rig, "alert").await;
    assert!(demanding.says("refused", 1).await[0].to_lowercase().contains("certificate"));

    rig.config.set("salesforce.tls.certificate", &authority.secret("client.pem"));
    rig.config.set("salesforce.tls.key", &authority.secret("client.key"));
    assert_eq!(rig.run(&numbered(3)).await.settled("written"), 3);
    assert!(demanding.said("open").iter().all(|line| line == "TLSv1.3 sobjectd-client"));
    // Who does not ask does not get it.
    rig.org_is_at(&free.url());
    assert_eq!(rig.run(&numbered(3)).await.settled("written"), 3);
    assert!(free.said("open").iter().all(|line| line == "TLSv1.3 -"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_certificate_is_named_before_anything_is_connected() {
    let (mut rig, authority, terminator) = rig("pair", &[]).await;
    rig.config.set("salesforce.tls.certificate", &authority.secret("client.pem"));
    rig.config.set("salesforce.tls.key", &authority.secret("server.key"));
    let mut daemon = Daemon::spawn(&rig.config);
    assert_ne!(daemon.exit().await.code(), Some(0));
    let log = daemon.log().join("\n");
    assert!(log.contains("salesforce") && log.contains("does tls.key belong to tls.certificate?"), "{log}");
    assert!(terminator.said("").is_empty());
}
