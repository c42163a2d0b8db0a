//! A forward proxy between the daemon and the org.

use super::numbered;
use crate::harness::{Authority, Daemon, Proxy, TestBed, TlsProxy};

/// A name that only the proxy can resolve.
const ORG: &str = "http://sf.example.com";

/// An org of that name, and before it a proxy that the configuration does not name yet.
async fn bed(name: &str) -> (TestBed, Proxy) {
    let mut bed = TestBed::new(name).await;
    let proxy = Proxy::start(bed.port(), None).await;
    bed.org_is_at(ORG);
    bed.config.set("salesforce.allow_insecure", "true").set("salesforce.connect_timeout", "'1s'");
    (bed, proxy)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tunnel_for_tls_with_a_password() {
    let mut bed = TestBed::new("tunnel").await;
    let authority = Authority::new();
    let tls_proxy = TlsProxy::start(&authority, bed.port(), &[]);
    let proxy = Proxy::start(tls_proxy.port, Some("ada:p@ss:w/rd %41")).await;
    bed.org_is_at("https://localhost");
    bed.config.set("salesforce.tls.ca", &authority.secret("ca.pem"));
    bed.config.set("salesforce.proxy.url", &format!("'{}'", proxy.url)).set("log.level", "'trace'");
    let daemon = Daemon::spawn(&bed.config);
    daemon.event("salesforce_login_failed").with("level", "WARN").mentions("proxy").await;
    daemon.kill().await;
    assert!(proxy.asked().iter().all(|line| line == "407 CONNECT localhost:443"), "{:?}", proxy.asked());
    assert!(tls_proxy.said("").is_empty(), "nothing passed");

    let refused = proxy.asked().len();
    bed.config.set("salesforce.proxy.username", "'ada'").set("salesforce.proxy.password", "'p@ss:w/rd %41'");
    bed.produce(&numbered(3)).await;
    let daemon = Daemon::start(&bed.config).await;
    assert_eq!(daemon.settled(3).await.settled("written"), 3);
    let log = daemon.log().join("\n");
    daemon.stop().await;
    let passed = &proxy.asked()[refused..];
    assert!(!passed.is_empty() && passed.iter().all(|line| line == "CONNECT localhost:443"), "{passed:?}");
    for shown in ["p@ss", "p%40ss", "YWRhOnBAc3M6dy9yZCAlNDE="] {
        assert!(!log.contains(shown), "the password is in the log as {shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_configured_leads_everywhere_but_to_what_it_excludes() {
    let mut bed = TestBed::new("excluded").await;
    let proxy = Proxy::start(bed.port(), None).await;
    let login = format!("POST {}/services/oauth2/token", bed.org.url());
    bed.config.set("salesforce.proxy.url", &format!("'{}'", proxy.url));
    assert_eq!(bed.run(&numbered(3)).await.settled("written"), 3);
    assert!(proxy.asked().contains(&login), "also to this machine: {:?}", proxy.asked());

    let before = proxy.asked().len();
    for exclude in ["127.0.0.1", "127.0.0.0/8"] {
        bed.config.set("salesforce.proxy.exclude", &format!("['example.com', '{exclude}']"));
        assert_eq!(bed.run(&numbered(1)).await.settled("written"), 1);
        assert_eq!(proxy.asked().len(), before, "{exclude}");
    }
    let url = format!("http://localhost:{}", bed.port());
    bed.org_is_at(&url);
    bed.config.set("salesforce.proxy.exclude", "['localhost']");
    assert_eq!(bed.run(&numbered(1)).await.settled("written"), 1);
    assert_eq!(proxy.asked().len(), before, "a name");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environments_proxy_holds_where_none_is_configured() {
    let (mut bed, proxy) = bed("environment").await;
    bed.produce(&numbered(3)).await;
    let environment = [("HTTP_PROXY", proxy.url.as_str())];
    let daemon = Daemon::spawn_with(&bed.config.toml(), &environment);
    assert_eq!(daemon.settled(3).await.settled("written"), 3);
    daemon.stop().await;
    assert!(proxy.asked().iter().all(|line| line.starts_with(&format!("POST {ORG}/"))), "{:?}", proxy.asked());

    let before = proxy.asked().len();
    let daemon = Daemon::spawn_with(&bed.config.toml(), &[environment[0], ("NO_PROXY", "example.com")]);
    daemon.event("salesforce_login_failed").with("level", "WARN").await;
    daemon.kill().await;
    assert_eq!(proxy.asked().len(), before);

    // One that is configured is used in its place.
    let own = Proxy::start(bed.port(), None).await;
    bed.config.set("salesforce.proxy.url", &format!("'{}'", own.url));
    let daemon = Daemon::spawn_with(&bed.config.toml(), &environment);
    daemon.ready().await;
    daemon.stop().await;
    assert!(proxy.asked().len() == before && !own.asked().is_empty());
}
