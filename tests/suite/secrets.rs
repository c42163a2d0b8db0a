//! No secret shows: in logs at trace level, in errors, metrics, reports, dead letters, or in the effective
//! configuration.

use std::process::Command;

use sandbox::{Action, Fault, On};

use crate::harness::{Config, Daemon, FakeRegistry, TestBed, config_file, output, record, until, upsert};

/// What must never be seen again, by the key that holds it.
const MARKED: &[(&str, &str)] = &[
    (r#"kafka.properties."sasl.password""#, "xyzzy-sasl-password"),
    (r#"kafka.properties."ssl.key.password""#, "xyzzy-key-password"),
    ("schema_registry.password", "xyzzy-registry-password"),
    ("salesforce.proxy.password", "xyzzy-proxy-password"),
];

fn marked(config: &mut Config) {
    config.set("schema_registry.username", "'ada'").set("log.level", "'trace'");
    config.set("salesforce.proxy.username", "'ada'").set("salesforce.proxy.url", "'http://127.0.0.1:9'");
    config.set("salesforce.proxy.exclude", "['127.0.0.1']");
    for (key, secret) in MARKED {
        config.set(key, &format!("'{secret}'"));
    }
}

/// A token of the sandbox: the org's id, an exclamation mark, and the rest.
fn has_token(text: &str) -> bool {
    text.match_indices("00D").any(|(at, _)| text[at..].bytes().take(20).any(|byte| byte == b'!'))
}

#[track_caller]
fn assert_clean(what: &str, text: &str) {
    assert!(!text.is_empty(), "{what} says nothing");
    for (_, secret) in MARKED.iter().chain(&[("", sandbox::CLIENT_SECRET), ("", "xyzzy")]) {
        assert!(!text.contains(secret), "{secret} is in {what}");
    }
    assert!(!has_token(text), "a token is in {what}");
}

/// What a command says, on both of its outputs.
async fn said(args: &[&str], toml: &str) -> String {
    let (_dir, file) = config_file(toml);
    let mut command = Command::new(env!("CARGO_BIN_EXE_sobjectd"));
    command.args(args).arg("--config").arg(file).env_clear();
    let output = output(&mut command).await;
    String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_meets_everything_shows_no_secret() {
    let mut bed = TestBed::new("secrets").await;
    let registry = FakeRegistry::default();
    bed.config.set("schema_registry.url", &format!("'{}'", registry.start().await));
    registry.fail(Some(403));
    marked(&mut bed.config);
    // A route whose schemas the registry refuses, so that it is asked and complains.
    let other = format!("{}.avro", bed.topic);
    bed.broker.topic(&other, 1).await;
    bed.config.route(&[("topic", &format!("'{other}'")), ("sobject", "'Contact'"), ("value.format", "'avro'")]);
    let daemon = Daemon::start(&bed.config).await;
    bed.produce(&[upsert("a", "1"), record("b", "no json"), upsert("c", "3")]).await;
    crate::harness::python::produce(bed.broker, &other, &[record("k", b"\0\0\0\0\x01xyz")]).await;
    daemon.event("schema_registry_refused").await;
    bed.org.expire_sessions();
    bed.fault(Fault::on(On::Upsert, Action::body(503, "busy")));
    bed.produce(&[upsert("d", "4")]).await;
    until("the org to have all that is good", async || (bed.org.journal().len() == 3).then_some(())).await;

    let admin = daemon.admin().unwrap();
    for page in ["/metrics", "/status", "/ready"] {
        assert_clean(page, &daemon.page(page).await.unwrap().1);
    }
    assert_clean("a dead letter", &format!("{:?}", bed.dead_letters(1).await));
    let status = Command::new(env!("CARGO_BIN_EXE_sobjectd")).args(["status", "--admin", &admin]).output().unwrap();
    assert_clean("status", &String::from_utf8(status.stdout).unwrap());
    daemon.signal("HUP");
    daemon.event("secrets_reload_requested").await;
    let log = daemon.log().join("\n");
    assert!(log.contains("TRACE") && log.contains("DEBUG"), "the log is at trace level");
    assert_clean("the log", &log);

    let toml = bed.config.toml();
    for args in [
        &["check"][..],
        &["check", "--online"],
        &["check", "--online", "--json"],
        &["config", "show"],
        &["config", "show", "--json"],
    ] {
        assert_clean(&args.join(" "), &said(args, &toml).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_is_refused_shows_no_secret() {
    let mut config = Config::new("127.0.0.1:9", "http://127.0.0.1:9", "group");
    config.route(&[("topic", "'t'"), ("sobject", "'Contact'")]);
    marked(&mut config);
    for (key, value) in [
        ("salesforce.auth.client_secret", "['xyzzy']"),
        ("salesforce.auth.client_secret", "{ file = 7, xyzzy = 'xyzzy' }"),
        ("salesforce.login_url", "'https://me:xyzzy@example.com'"),
        ("schema_registry.url", "'https://me:xyzzy@example.com'"),
        (r#"kafka.properties."sasl.jaas.config""#, "'xyzzy'"),
        (r#"kafka.properties."security.protocol""#, "'xyzzy'"),
        ("salesforce.proxy.url", "'http://me:xyzzy@example.com'"),
        ("salesforce.tls.ca", "'xyzzy'"),
        ("salesforce.tls.key", "'-----BEGIN PRIVATE KEY-----xyzzy'"),
        ("unknown", "'xyzzy'"),
    ] {
        let mut config = config.clone();
        let toml = config.set(key, value).toml();
        for command in ["check", "run"] {
            assert_clean(&format!("{command} with {key} = {value}"), &said(&[command], &toml).await);
        }
    }
    assert_clean("a syntax error", &said(&["check"], "salesforce.auth.client_secret = 'xyzzy\n").await);
}
