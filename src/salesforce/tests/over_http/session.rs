//! One session for all callers, and never a storm of logins.

use std::time::Instant;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::*;
use crate::record::{OrgAvailability::*, OrgTrouble::*};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_callers_share_one_login() {
    let org = sandbox().await;
    org.script(json!({"on": "login", "do": {"kind": "latency", "ms": 50}})).unwrap();
    let salesforce = salesforce(&config(&org));
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let salesforce = salesforce.clone();
            tokio::spawn(async move {
                let _permit = salesforce.permit().await;
                salesforce.probe().await;
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    let calls = org.calls();
    assert_eq!((calls.login, calls.resources, calls.unauthorized), (1, 50, 0));
    assert!(calls.max_concurrent <= 4, "{calls:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ends_under_calls_is_renewed_once() {
    let fixture = Fixture::with(|config| config.max_concurrent_requests = 20).await;
    fixture.org.expire_sessions();
    let mut commands = Vec::new();
    for n in 0..20 {
        commands.push(fixture.by_key(Action::Upsert, KEY, &[&format!("k{n}")], "{}"));
    }
    let verdicts = futures::future::join_all(commands.iter().map(|commands| fixture.write(commands))).await;
    assert!(verdicts.iter().all(|verdicts| short(&verdicts[0]) == "written true true"), "{verdicts:?}");
    assert_eq!(fixture.org.calls().login, 2);
    assert_eq!(*fixture.salesforce.watch().borrow(), Up);
}

#[tokio::test]
async fn a_session_that_stays_rejected_stops_calls_without_a_login_loop() {
    let fixture = Fixture::with(|config| config.login_interval = Duration::from_secs(3600)).await;
    fixture.script(json!({"on": "data", "do": {"kind": "expire_sessions", "heals": false}}));
    let commands = fixture.by_key(Action::Upsert, KEY, &["a"], "{}");
    for _ in 0..5 {
        assert!(short(&fixture.write(&commands).await[0]).starts_with("session_expired"));
    }
    assert_ne!(*fixture.salesforce.watch().borrow(), Up);
    // The session had worked, and so has a successor at once; that one does not, and the next is not due.
    let calls = fixture.org.calls();
    assert_eq!((calls.login, calls.upsert), (2, 2));
}

#[tokio::test]
async fn a_new_session_that_is_refused_too_is_expired() {
    let fixture = Fixture::start().await;
    fixture.script(json!({"on": "data", "do": {"kind": "expire_sessions", "heals": false}}));
    let commands = fixture.by_key(Action::Upsert, KEY, &["a"], "{}");
    assert_eq!(short(&fixture.write(&commands).await[0]), "session_expired INVALID_SESSION_ID");
    assert_eq!(*fixture.salesforce.watch().borrow(), Down(Session));
    let calls = fixture.org.calls();
    assert_eq!((calls.login, calls.upsert), (2, 2));
    // Healed: the next one that gets a turn ends it.
    fixture.org.clear_faults();
    drop(fixture.salesforce.permit().await);
    assert_eq!(short(&fixture.write(&commands).await[0]), "written true true");
    assert_eq!(*fixture.salesforce.watch().borrow(), Up);
}

#[tokio::test]
async fn logins_keep_their_distance() {
    let org = sandbox().await;
    org.script(json!({"on": "login", "times": 2, "do": {"kind": "status", "status": 503, "body": "<html>"}})).unwrap();
    let config = config::Salesforce { login_interval: Duration::from_millis(100), ..config(&org) };
    let salesforce = salesforce(&config);
    for _ in 0..10 {
        salesforce.probe().await;
    }
    assert_eq!(org.calls().login, 1);
    let start = Instant::now();
    salesforce.login_at_start(|_| {}).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert_eq!(org.calls().login, 3);
}

#[tokio::test]
async fn a_login_refused_at_start_is_an_error_for_the_caller() {
    let org = sandbox().await;
    let auth = Auth::ClientCredentials {
        client_id: Secret::literal(sandbox::CLIENT_ID),
        client_secret: Secret::literal("hunter2"),
    };
    let cause = salesforce(&config::Salesforce { auth, ..config(&org) }).login_at_start(|_| {}).await.unwrap_err();
    assert_eq!(cause.to_string(), "invalid_client: invalid client credentials");
    assert_eq!(org.calls().login, 1);
}

#[tokio::test]
async fn a_throttled_login_is_waited_for() {
    let org = sandbox().await;
    let throttled = json!({"kind": "oauth_error", "error": "invalid_grant", "description": "login rate exceeded"});
    org.script(json!({"on": "login", "times": 3, "do": throttled})).unwrap();
    salesforce(&config(&org)).login_at_start(|_| {}).await.unwrap();
    assert_eq!(org.calls().login, 4);
}

#[tokio::test]
async fn a_session_near_its_end_is_renewed_ahead_and_kept_while_that_fails() {
    let org = sandbox().await;
    let lifetime = Duration::from_millis(60);
    let config =
        config::Salesforce { session_lifetime: lifetime, renew_before: Duration::from_millis(30), ..config(&org) };
    let salesforce = salesforce(&config);
    salesforce.probe().await;
    tokio::time::sleep(lifetime).await;
    org.script(json!({"on": "login", "do": {"kind": "status", "status": 503, "body": ""}})).unwrap();
    salesforce.probe().await;
    assert_eq!((org.calls().login, org.calls().resources, org.calls().unauthorized), (2, 2, 0));
    salesforce.probe().await;
    assert_eq!((org.calls().login, org.calls().logins_granted, org.calls().resources), (3, 2, 3));
    assert_eq!(*salesforce.watch().borrow(), Up);
}

fn bearer(private_key: &str) -> Auth {
    Auth::JwtBearer {
        client_id: Secret::literal(sandbox::CLIENT_ID),
        username: "sync@example.com".to_owned(),
        private_key: Secret::literal(private_key),
        audience: None,
    }
}

#[tokio::test]
async fn a_jwt_is_signed_and_a_key_that_was_changed_is_read_again() {
    let org = sandbox().await;
    org.change_settings(json!({"jwt_public_key": include_str!("jwt.pub.pem")})).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "not yet").unwrap();
    let mut auth = bearer("");
    if let Auth::JwtBearer { private_key, .. } = &mut auth {
        *private_key = Secret::file(file.path());
    }
    let salesforce = salesforce(&config::Salesforce { auth, ..config(&org) });
    let refused = salesforce.login_at_start(|_| {}).await.unwrap_err();
    assert!(refused.message.contains("private_key is not an RSA key"), "{refused}");
    std::fs::write(file.path(), include_str!("jwt.key.pem")).unwrap();
    salesforce.login_at_start(|_| {}).await.unwrap();
    assert_eq!(org.calls().logins_granted, 1);
}

/// Accepts every login, and redirects every call to `location`.
async fn redirecting(location: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let token = json!({"access_token": "00D!x", "instance_url": url}).to_string();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let length = socket.read(&mut request).await.unwrap();
            let answer = if request[..length].starts_with(b"POST") {
                format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{token}", token.len())
            } else {
                format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            };
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    url
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let org = sandbox().await;
    let url = redirecting(format!("{}/services/data/v66.0", org.url())).await;
    let salesforce = salesforce(&testing::config(&url, credentials()));
    salesforce.probe().await;
    assert_eq!(org.calls(), sandbox::Calls { quota_max: org.calls().quota_max, ..sandbox::Calls::default() });
    assert_eq!(*salesforce.watch().borrow(), Down(Unavailable));
}

#[tokio::test]
async fn a_login_url_that_redirects_is_waited_for_and_says_where_to() {
    let org = sandbox().await;
    let location = json!({"location": "https://renamed.my.salesforce.com/services/oauth2/token?x=hunter2"});
    org.script(json!({"on": "login", "do": {"kind": "status", "status": 302, "body": "", "headers": location}}))
        .unwrap();
    let mut said = Vec::new();
    salesforce(&config(&org)).login_at_start(|cause| said.push(cause.to_string())).await.unwrap();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("302") && said[0].contains("https://renamed.my.salesforce.com/services/oauth2/token"));
    assert!(said[0].contains("My Domain") && !said[0].contains("hunter2"), "{said:?}");
}

/// Down to its caches, its client and its session.
#[tokio::test]
async fn a_session_in_use_shows_no_secret() {
    let fixture = Fixture::start().await;
    fixture.write(&fixture.by_key(Action::Upsert, KEY, &["a"], "{}")).await;
    let (shown, session) =
        (format!("{:#?}", fixture.salesforce), fixture.salesforce.calls.auth.session().await.unwrap());
    let token = secrecy::ExposeSecret::expose_secret(&session.token);
    assert!(token.len() > 20 && !shown.contains(token) && !shown.contains(sandbox::CLIENT_SECRET), "{shown}");
}

#[tokio::test]
async fn a_first_session_that_is_refused_is_expired_although_no_login_is_due() {
    let org = sandbox().await;
    org.script(json!({"on": "data", "do": {"kind": "expire_sessions", "heals": false}})).unwrap();
    let salesforce = salesforce(&config::Salesforce { login_interval: Duration::from_millis(200), ..config(&org) });
    salesforce.probe().await;
    assert_eq!(*salesforce.watch().borrow(), Down(Session));
    assert_eq!((org.calls().login, org.calls().resources), (1, 1));
    org.clear_faults();
    drop(salesforce.permit().await);
    salesforce.probe().await;
    assert_eq!(*salesforce.watch().borrow(), Up);
    assert_eq!((org.calls().login, org.calls().resources), (2, 2));
}

/// The same with a key in PKCS#1.
#[tokio::test]
async fn a_clock_that_is_wrong_follows_the_token_hosts() {
    for (ahead, logins) in [(3600, 2), (0, 1), (-3600, 1)] {
        let org = sandbox().await;
        org.change_settings(json!({"jwt_public_key": include_str!("jwt.pub.pem"), "clock_ahead_seconds": ahead}))
            .unwrap();
        let salesforce =
            salesforce(&config::Salesforce { auth: bearer(include_str!("jwt.pkcs1.pem")), ..config(&org) });
        salesforce.login_at_start(|_| {}).await.unwrap();
        assert_eq!((org.calls().login, org.calls().logins_granted), (logins, 1), "{ahead}");
        // It is known by now.
        org.expire_sessions();
        salesforce.probe().await;
        assert_eq!((org.calls().login, org.calls().logins_granted), (logins + 1, 2), "{ahead}");
    }
}

#[tokio::test]
async fn a_login_refused_for_another_cause_is_repeated_once_at_most() {
    let org = sandbox().await;
    let refused =
        json!({"kind": "oauth_error", "error": "invalid_grant", "description": "user hasn't approved this consumer"});
    org.script(json!({"on": "login", "times": null, "do": refused})).unwrap();
    for (ahead, logins) in [(0, 1), (3600, 2)] {
        org.change_settings(json!({"clock_ahead_seconds": ahead})).unwrap();
        let salesforce = salesforce(&config::Salesforce { auth: bearer(include_str!("jwt.key.pem")), ..config(&org) });
        let before = org.calls().login;
        salesforce.login_at_start(|_| {}).await.unwrap_err();
        assert_eq!(org.calls().login - before, logins, "{ahead}");
        salesforce.login_at_start(|_| {}).await.unwrap_err();
        assert_eq!(org.calls().login - before, logins + 1, "{ahead}: the clock is known");
    }
}

#[tokio::test]
async fn a_throttled_login_is_not_repeated_at_once_whatever_the_clock() {
    let org = sandbox().await;
    let throttled = json!({"kind": "oauth_error", "error": "invalid_grant", "description": "login rate exceeded"});
    org.script(json!({"on": "login", "do": throttled})).unwrap();
    org.change_settings(json!({"clock_ahead_seconds": 3600})).unwrap();
    let salesforce = salesforce(&config::Salesforce { auth: bearer(include_str!("jwt.key.pem")), ..config(&org) });
    salesforce.login_once().await.unwrap_err();
    assert_eq!(org.calls().login, 1);
}
