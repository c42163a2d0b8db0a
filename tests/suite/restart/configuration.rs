//! A bad configuration ends with 78 and says all that is wrong with it.

use std::process::Command;

use crate::harness::{Config, Daemon};

fn good() -> Config {
    let mut config = Config::new("127.0.0.1:1", "http://127.0.0.1:1", "group");
    config.route(&[("topic", "'t'"), ("sobject", "'Contact'")]);
    config
}

/// Everything is said on stderr, whatever becomes of it first.
async fn refused(toml: &str, says: &[&str]) {
    let mut daemon = Daemon::spawn_with(toml, &[]);
    assert_eq!(daemon.exit().await.code(), Some(78), "{toml}");
    let said = daemon.log().join("\n");
    for word in says {
        assert!(said.contains(word), "{word:?} is not in:\n{said}");
    }
    assert!(!said.contains("sandbox-secret") && !said.contains("hunter2"), "a secret is in:\n{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_problems_of_a_configuration_are_said_at_once() {
    let mut config = good();
    config
        .set("kafka.comit_interval", "'1s'")
        .set("salesforce.request_timeout", "'soon'")
        .set("pipeline.batch_rows", "201")
        .set("salesforce.quota.reserve", "120")
        .set("drain_timeout", "'10m'")
        .set("kafka.max_poll_interval", "'5m'")
        .in_route("external_id_field", "'Id'")
        .in_route("operation", "'upsert'");
    let says = [
        "comit_interval",
        "commit_interval", // the nearest known key
        "request_timeout",
        "batch_rows",
        "reserve",
        "drain_timeout",
        "external_id_field",
        ".toml",
    ];
    refused(&config.toml(), &says).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn combinations_that_cannot_work_are_refused() {
    for (key, value, says) in [
        ("salesforce.unknown_hold", "'5m'", &["drain_timeout", "unknown_hold"][..]),
        (r#"kafka.properties."enable.auto.commit""#, "'true'", &["enable.auto.commit"]),
        (r#"kafka.properties."auto.offset.reset""#, "'earliest'", &["auto.offset.reset"]),
        ("salesforce.login_url", "'http://example.com'", &["login_url", "https"]),
        ("salesforce.login_url", "'https://me:hunter2@example.com'", &["login_url"]),
        ("salesforce.auth.flow", "'password'", &["auth", "jwt_bearer"]),
        ("salesforce.auth.client_secret", "{ env = 'NO_SUCH_VARIABLE' }", &["client_secret", "NO_SUCH_VARIABLE"]),
        ("salesforce.auth.client_secret", "{ file = '/no/such/file' }", &["client_secret", "/no/such/file"]),
        ("log.level", "'loud=='", &["log.level"]),
    ] {
        refused(good().set(key, value).toml().as_str(), says).await;
    }
    refused(good().clear_routes().toml().as_str(), &["routes"]).await;
    let route = [("topic", "'t'"), ("sobject", "'Contact'")];
    refused(good().route(&route).toml().as_str(), &["topic", "t"]).await;
    refused(good().in_route("operation", "'upsert'").toml().as_str(), &["operation", "external_id_field"]).await;
    refused(good().in_route("identity", "'nowhere'").toml().as_str(), &["identity"]).await;
    refused("name = [", &["sobjectd.toml"]).await;
}

#[test]
fn a_bad_command_line_has_an_exit_code_of_its_own() {
    let run = |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_sobjectd")).args(args).env_clear().output().unwrap();
    assert_eq!(run(&["fly"]).status.code(), Some(2));
    assert_eq!(run(&["run", "--no-such-option"]).status.code(), Some(2));
    assert_eq!(run(&["run", "--config", "/no/such/file.toml"]).status.code(), Some(78));
    let help = run(&["--help"]);
    assert!(help.status.success() && String::from_utf8(help.stdout).unwrap().contains("sobjectd check --online"));
}

#[test]
fn shells_and_the_manual_know_every_command() {
    let sobjectd =
        |args: &[&str]| Command::new(env!("CARGO_BIN_EXE_sobjectd")).args(args).env_clear().output().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let pages = dir.path().join("man1");
    assert!(sobjectd(&["man", pages.to_str().unwrap()]).status.success());
    let bash = String::from_utf8(sobjectd(&["completions", "bash"]).stdout).unwrap();
    for command in ["run", "check", "status", "config", "completions"] {
        assert!(bash.contains(&format!("sobjectd,{command})")), "{command} has no completion");
        let page = std::fs::read_to_string(pages.join(format!("sobjectd-{command}.1"))).unwrap();
        assert!(page.contains(".SH NAME"), "{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_wins_over_the_file() {
    let toml = good().set("pipeline.batch_rows", "100").toml();
    let mut daemon = Daemon::spawn_with(&toml, &[("SOBJECTD__PIPELINE__BATCH_ROWS", "0")]);
    assert_eq!(daemon.exit().await.code(), Some(78));
    daemon.says(&["batch_rows"]).await;
}
