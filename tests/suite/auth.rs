//! Logging in: both flows, renewal, and no login storm.

use sandbox::{Action, Fault, On};
use serde_json::json;

use crate::harness::{Daemon, Record, TestBed, key_pair, openssl, until, upsert};

fn numbered(count: usize) -> Vec<Record> {
    (0..count).map(|n| upsert(&format!("key{n}"), "x")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_assertion_logs_in() {
    let (private, public) = key_pair();
    let mut bed = TestBed::new("jwt").await;
    bed.org.change_settings(json!({"jwt_public_key": public})).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("sf.pem");
    std::fs::write(&file, private).unwrap();
    bed.config.set("salesforce.auth.flow", "'jwt_bearer'").unset("salesforce.auth.client_secret");
    bed.config.set("salesforce.auth.username", "'sync@example.com'");
    bed.config.set("salesforce.auth.private_key", &format!("{{ file = '{}' }}", file.display()));
    let metrics = bed.run(&numbered(3)).await;
    assert_eq!(metrics.settled("written"), 3);
    assert_eq!((bed.org.calls().login, bed.org.calls().logins_granted), (1, 1));

    // A key that the org does not know is for a person to mend.
    let other = dir.path().join("other.pem");
    openssl(dir.path(), "genpkey -algorithm RSA -out other.pem");
    bed.config.set("salesforce.auth.private_key", &format!("{{ file = '{}' }}", other.display()));
    let mut daemon = Daemon::spawn(&bed.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    daemon.event("salesforce_login_refused").mentions("invalid_grant").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_login_ends_the_start_and_shows_no_secret() {
    let mut bed = TestBed::new("refused").await;
    bed.config.set("salesforce.auth.client_secret", "'hunter2-hunter2'").set("log.level", "'trace'");
    let mut daemon = Daemon::spawn(&bed.config);
    assert_eq!(daemon.exit().await.code(), Some(1));
    daemon.event("salesforce_login_refused").mentions("invalid_client").await;
    assert_eq!(bed.org.calls().login, 1, "no login storm");
    let leaks = daemon.log().iter().filter(|line| line.contains("hunter2")).count();
    assert_eq!(leaks, 0, "the secret is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_tokens_stay_out_of_the_log_even_at_trace() {
    let mut bed = TestBed::new("trace").await;
    bed.config.set("log.level", "'trace'");
    bed.produce(&numbered(3)).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(3).await;
    let log = daemon.log().join("\n");
    assert!(!log.contains(sandbox::CLIENT_SECRET), "the client secret is in the log");
    assert!(!log.contains("Bearer 00D") && !log.contains("access_token\":\""), "a token is in the log");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_before_it_ends() {
    let mut bed = TestBed::new("renewal").await;
    bed.org.change_settings(json!({"session_seconds": 3})).unwrap();
    bed.config.set("salesforce.session_lifetime", "'3s'").set("salesforce.renew_before", "'1500ms'");
    let daemon = Daemon::start(&bed.config).await;
    for round in 1.. {
        bed.produce(&[upsert(&format!("key{round}"), "x")]).await;
        daemon.settled(round).await;
        if bed.org.calls().logins_granted >= 3 {
            break;
        }
    }
    assert_eq!(bed.org.calls().unauthorized, 0, "no call met an expired session");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_expiry_under_many_calls_costs_one_login() {
    let mut bed = TestBed::new("expiry").await;
    bed.config.set("pipeline.batch_rows", "10");
    bed.org.change_settings(json!({"latency_ms": 100})).unwrap();
    bed.produce(&numbered(200)).await;
    let daemon = Daemon::start(&bed.config).await;
    until("four calls at work", async || (bed.org.calls().concurrent == 4).then_some(())).await;
    bed.org.expire_sessions();
    let metrics = daemon.settled(200).await;
    assert_eq!((metrics.settled("written"), bed.org.calls().logins_granted), (200, 2));
    assert!(bed.org.calls().unauthorized >= 1);
    assert_eq!(bed.org.journal().len(), 200, "a refused call is sent again, once");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_stays_rejected_causes_no_login_storm() {
    let mut bed = TestBed::new("broken").await;
    bed.config.set("salesforce.login_interval", "'500ms'");
    bed.produce(&numbered(10)).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(10).await;
    let before = (std::time::Instant::now(), bed.org.calls().login);
    bed.fault(Fault::on(On::Upsert, Action::ExpireSessions { heals: false }).always());
    bed.produce(&numbered(10)).await;
    until("several refusals", async || (bed.org.calls().unauthorized >= 4).then_some(())).await;
    daemon.not_ready().await;
    let logins = u128::from(bed.org.calls().login - before.1);
    let floor = before.0.elapsed().as_millis() / 500 + 2;
    assert!(logins <= floor, "{logins} logins in {:?}", before.0.elapsed());
    daemon.event("org_session_rejected").await;
    bed.org.clear_faults();
    let metrics = daemon.settled(20).await;
    assert_eq!(metrics.settled("written"), 20);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_or_failing_login_is_waited_for() {
    let bed = TestBed::new("throttled").await;
    let throttled = Action::oauth_error("invalid_grant", "login rate exceeded");
    bed.fault(Fault::on(On::Login, throttled).times(2));
    bed.fault(Fault::on(On::Login, Action::body(503, "busy")));
    let metrics = bed.run(&numbered(3)).await;
    assert_eq!(metrics.settled("written"), 3);
    assert_eq!(bed.org.calls().login, 4);
}

/// As `.env` files and secret stores hold a key, and as `openssl pkcs12 -nodes` writes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_one_line_of_a_variable_or_after_its_certificate_signs() {
    let dir = tempfile::tempdir().unwrap();
    openssl(dir.path(), "req -x509 -newkey rsa:2048 -nodes -days 2 -keyout sf.pem -out sf.crt -subj /CN=x");
    openssl(dir.path(), "rsa -in sf.pem -pubout -out sf.pub");
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    let (key, certificate) = (read("sf.pem"), read("sf.crt"));
    let mut bed = TestBed::new("key-in-variable").await;
    bed.org.change_settings(json!({"jwt_public_key": read("sf.pub")})).unwrap();
    bed.config.set("salesforce.auth.flow", "'jwt_bearer'").unset("salesforce.auth.client_secret");
    bed.config.set("salesforce.auth.username", "'sync@example.com'");
    bed.config.set("salesforce.auth.private_key", "{ env = 'SF_KEY' }");
    for (round, text) in [key.trim().replace('\n', "\\n"), certificate + &key].iter().enumerate() {
        let daemon = Daemon::spawn_with(&bed.config.toml(), &[("SF_KEY", text)]);
        daemon.ready().await;
        assert_eq!(bed.org.calls().logins_granted, round as u64 + 1);
        daemon.stop().await;
    }
}
