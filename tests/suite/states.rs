//! What the daemon says it is doing, to probes, to `sobjectd status` and in its log.

use std::process::{Command, Output};

use sandbox::{Server, ServerOptions};
use serde_json::Value;

use crate::harness::{Daemon, TestBed, output, python, until, upsert};

pub(crate) async fn status(args: &[&str], admin: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sobjectd"));
    command.arg("status").args(args).args(["--admin", admin]).env_clear();
    output(&mut command).await
}

pub(crate) async fn as_json(admin: &str) -> Value {
    serde_json::from_slice(&status(&["--json"], admin).await.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_from_its_start_to_its_end() {
    let mut bed = TestBed::new("states").await;
    let url = bed.org.url().to_owned();
    let port = url.rsplit(':').next().unwrap().parse().unwrap();
    bed.org.shutdown().await;
    let mut daemon = Daemon::spawn(&bed.config);
    let admin = until("the admin listener", async || daemon.admin()).await;

    let waiting =
        until("a wait", async || Some(as_json(&admin).await).filter(|status| status["state"] == "waiting")).await;
    assert_eq!(waiting["waiting"][0]["for"], "salesforce");
    assert!(waiting["waiting"][0]["since"].as_str().unwrap().starts_with("20"));
    let (code, body) = daemon.page("/ready").await.unwrap();
    assert_eq!(code, 503);
    assert!(body.starts_with("waiting since ") && body.contains("\nwaiting for salesforce since "), "{body}");
    assert_eq!(status(&["--ready"], &admin).await.status.code(), Some(1));
    assert_eq!(daemon.metrics().await.sum("sobjectd_state", &[("state", "waiting")]), 1);

    bed.org = Server::start(ServerOptions { port, ..ServerOptions::default() }).await.unwrap();
    daemon.ready().await;
    python::produce(bed.broker, &bed.topic, &[upsert("a", "1"), upsert("b", "2")]).await;
    daemon.settled(2).await;
    let running = as_json(&admin).await;
    assert_eq!((&running["state"], &running["waiting"]), (&Value::from("running"), &Value::Array(Vec::new())));
    assert_eq!((&running["name"], &running["routes"][0]["written"]), (&Value::from("suite"), &Value::from(2)));
    assert!(running["daily_api_calls"]["max"].as_u64().unwrap() > 0, "{running}");
    let table = status(&["--ready"], &admin).await;
    assert_eq!(table.status.code(), Some(0));
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("running since 20") && table.contains(&bed.topic), "{table}");
    assert_eq!(daemon.metrics().await.sum("sobjectd_state", &[("state", "running")]), 1);
    assert_eq!(daemon.metrics().await.sum("sobjectd_state", &[("state", "waiting")]), 0);

    daemon.terminate();
    assert_eq!(daemon.exit().await.code(), Some(0));
    // One line for each change, in their order.
    let states: Vec<_> = daemon.event("state_changed").lines().iter().map(|line| line["state"].clone()).collect();
    assert_eq!(states.first().unwrap(), "waiting", "{states:?}");
    assert_eq!(states[states.len() - 3..], ["running", "draining", "stopped"], "{states:?}");
    assert!(states.windows(2).all(|pair| pair[0] != pair[1]), "{states:?}");

    let gone = status(&[], &admin).await;
    assert_eq!(gone.status.code(), Some(1));
    assert!(String::from_utf8(gone.stderr).unwrap().contains(&admin));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_listener_reads_no_body_and_knows_no_secret() {
    let bed = TestBed::new("admin").await;
    let daemon = Daemon::start(&bed.config).await;
    let admin = daemon.admin().unwrap();
    let client = reqwest::Client::new();
    for path in ["/live", "/ready", "/status", "/metrics"] {
        let text = client.get(format!("{admin}{path}")).send().await.unwrap().text().await.unwrap();
        assert!(!text.contains(sandbox::CLIENT_SECRET) && !text.contains(sandbox::CLIENT_ID), "{path}: {text}");
        let posted = client.post(format!("{admin}{path}")).body(vec![b'x'; 64 << 20]).send().await;
        // Refused before the body is read: the answer may come, or only the end of the connection.
        assert!(posted.is_err() || posted.unwrap().status() == 405, "{path}");
    }
    assert_eq!(client.get(format!("{admin}/config")).send().await.unwrap().status(), 404);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_reads_secrets_again_and_loses_nothing() {
    let mut bed = TestBed::new("hangup").await;
    let secret = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(secret.path(), sandbox::CLIENT_SECRET).unwrap();
    bed.config.set("salesforce.auth.client_secret", &format!("{{ file = '{}' }}", secret.path().display()));
    let daemon = Daemon::start(&bed.config).await;
    python::produce(bed.broker, &bed.topic, &[upsert("a", "1")]).await;
    daemon.settled(1).await;
    assert_eq!(bed.org.calls().login, 1);

    // A secret that is wrong costs nothing: the old session is used.
    std::fs::write(secret.path(), "not-the-secret").unwrap();
    daemon.signal("HUP");
    daemon.event("secrets_reload_requested").await;
    python::produce(bed.broker, &bed.topic, &[upsert("a", "2")]).await;
    daemon.settled(2).await;
    daemon.event("salesforce_login_refused").await;

    std::fs::remove_file(secret.path()).unwrap();
    daemon.signal("HUP");
    daemon.event("secret_unreadable").mentions("client_secret").await;
    std::fs::write(secret.path(), sandbox::CLIENT_SECRET).unwrap();
    let logins = bed.org.calls().login;
    let mut records = 2;
    until("a login with the new secret", async || {
        records += 1;
        python::produce(bed.broker, &bed.topic, &[upsert("a", "3")]).await;
        daemon.settled(records).await;
        (bed.org.calls().login > logins).then_some(())
    })
    .await;
    daemon.stop().await;
}
