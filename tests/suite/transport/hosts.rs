//! Where credentials go, and where they do not.

use axum::{Router, response::Redirect};
use serde_json::json;

use super::numbered;
use crate::harness::{Daemon, Proxy, TestBed};

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_to_no_host_that_the_org_merely_names() {
    let mut bed = TestBed::new("hosts").await;
    let proxy = Proxy::start(bed.port(), None).await;
    bed.config.set("salesforce.proxy.url", &format!("'{}'", proxy.url)).set("salesforce.allow_insecure", "true");
    bed.org_is_at("http://sf.example.co.uk");
    for elsewhere in ["http://data.example.co.uk", "http://co.uk", "http://example.com", "http://127.0.0.1:1"] {
        bed.org.change_settings(json!({"instance_url": elsewhere})).unwrap();
        let mut daemon = Daemon::spawn(&bed.config);
        assert_eq!(daemon.exit().await.code(), Some(1), "{elsewhere}");
        let refused = daemon.event("salesforce_login_refused").mentions("instance_url").await;
        assert!(refused.contains(elsewhere) && refused.contains("salesforce.instance_hosts"), "{refused}");
    }
    let asked = proxy.asked();
    assert!(asked.iter().all(|line| line == "POST http://sf.example.co.uk/services/oauth2/token"), "{asked:?}");

    bed.org.change_settings(json!({"instance_url": "http://data.example.co.uk"})).unwrap();
    bed.config.set("salesforce.instance_hosts", "['.example.co.uk']");
    assert_eq!(bed.run(&numbered(3)).await.settled("written"), 3);
    let asked = proxy.asked().split_off(asked.len());
    assert!(asked.iter().any(|line| line.contains("http://data.example.co.uk/services/data/")), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_endpoint_that_redirects_gets_no_credentials_there() {
    let mut bed = TestBed::new("redirect").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let target = format!("{}/services/oauth2/token", bed.org.url());
    // 307 and 308 would have the form sent again.
    let router = Router::new().fallback(move || async move { Redirect::temporary(&target) });
    tokio::spawn(async move { axum::serve(listener, router).await });
    bed.config.set("salesforce.login_url", &format!("'http://{address}'")).set("startup_timeout", "'1s'");
    let mut daemon = Daemon::spawn(&bed.config);
    // It is waited for as an outage is, and no longer at a start.
    assert_eq!(daemon.exit().await.code(), Some(1));
    daemon.event("salesforce_login_failed").with("level", "WARN").mentions("307").mentions("My Domain").await;
    let calls = bed.org.calls();
    assert_eq!((calls.login, calls.other, calls.max_concurrent), (0, 0, 0), "the target got no call");
}
