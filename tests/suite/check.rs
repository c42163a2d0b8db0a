//! `sobjectd check` and `sobjectd config`: what is said of a configuration before it runs.

use std::{
    path::Path,
    process::{Command, Output},
};

use sandbox::{Action, Fault, On};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{Config, Daemon, TestBed, config_file, output, python, unique, upsert};

/// The finding of a key that has this level, or a panic that shows all.
fn finding<'a>(report: &'a Value, level: &str, key: &str) -> &'a Value {
    let findings = report["findings"].as_array().unwrap();
    let is = |finding: &&Value| finding["level"] == level && finding["key"] == key;
    findings.iter().find(is).unwrap_or_else(|| panic!("no {level} of {key} in {report:#}"))
}

async fn run(args: &[&str], toml: &str) -> Output {
    let (_dir, file) = config_file(toml);
    let mut command = Command::new(env!("CARGO_BIN_EXE_sobjectd"));
    command.args(args).arg("--config").arg(file).env_clear();
    output(&mut command).await
}

async fn check(args: &[&str], config: &Config) -> (i32, Value) {
    let output = run(&[&["check", "--json"], args].concat(), &config.toml()).await;
    let report = serde_json::from_slice(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), report.unwrap_or_else(|error| panic!("{error}: {said}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_online_check_names_every_part_that_is_well() {
    let bed = TestBed::new("check-well").await;
    bed.broker.topic_with(&bed.letters, 1, &[("max.message.bytes", "1200000")]).await;
    let (code, report) = check(&["--online"], &bed.config).await;
    assert_eq!((code, &report["result"]), (0, &Value::from("ok")), "{report:#}");
    for key in [
        "kafka.bootstrap_servers",
        "kafka.group_id",
        "routes[0].topic",
        "dead_letter.topic",
        "salesforce.auth",
        "salesforce.quota.reserve",
        "routes[0].sobject",
        "routes[0].external_id_field",
    ] {
        finding(&report, "ok", key);
    }
    let sharing = finding(&report, "note", "routes[0].sobject")["hint"].as_str().unwrap();
    assert!(sharing.contains("View All and Modify All on MyObject__c"), "{sharing}");
    assert_eq!((bed.org.calls().login, bed.org.calls().describe), (1, 1));
    assert_eq!(bed.broker.committed(&bed.group, &bed.topic, 1).await, [None], "it has read nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_misfit_has_its_place() {
    let mut bed = TestBed::new("check-misfit").await;
    bed.broker.topic_with(&bed.letters, 1, &[("cleanup.policy", "compact"), ("max.message.bytes", "1000")]).await;
    bed.config.in_route("external_id_field", "'ExternalLoose__c'");
    bed.config.route(&[("topic", "'no.such.topic'"), ("sobject", "'NoSuchObject__c'")]);
    bed.config.route(&[("topic", "'nothing.yet.*'"), ("sobject", "'Contact'"), ("fields.exclude", "['LastName']")]);
    bed.config.route(&[("topic", "'nor.this.*'"), ("sobject", "'Contact'"), ("lock_parent", "'NoSuchParent__c'")]);
    bed.config.route(&[("topic", "'nor.that.*'"), ("sobject", "'Contact'"), ("lock_parent", "'LastName'")]);
    bed.config.route(&[
        ("topic", "'but.these.*'"),
        ("sobject", "'Contact'"),
        ("lock_parent", "'Account.ExternalId__c'"),
    ]);
    bed.config.route(&[
        ("topic", "'and.those.*'"),
        ("sobject", "'Contact'"),
        ("fields.rename", "{ a = 'AccountId.ExternalId__c', b = 'Account.Name', c = 'Owner.Ext__c' }"),
    ]);
    let (code, report) = check(&["--online"], &bed.config).await;
    assert_eq!((code, &report["result"]), (78, &Value::from("problem")), "{report:#}");
    for (level, key) in [
        ("warning", "routes[0].external_id_field"),
        ("problem", "routes[1].topic"),
        ("problem", "routes[1].sobject"),
        ("warning", "routes[2].topic"),
        ("warning", "routes[2].fields"),
        ("problem", "routes[3].lock_parent"),
        ("problem", "routes[4].lock_parent"),
        ("warning", "dead_letter.topic"),
    ] {
        let found = finding(&report, level, key);
        assert!(found["line"].is_u64() && found["file"].is_string() && found["hint"].is_string(), "{found}");
    }
    finding(&report, "ok", "routes[5].lock_parent");
    let parents = report["findings"].as_array().unwrap().iter().filter(|found| found["key"] == "routes[6].fields");
    let mut said: Vec<_> = parents.map(|found| found["message"].as_str().unwrap()).collect();
    said.sort_unstable();
    assert_eq!(said.len(), 4, "three parents, and what a record must bring: {said:?}");
    let words = [
        "Account.Name: Account: Account.Name is neither",
        "Contact has no relationship AccountId",
        "Owner.Ext__c: User:",
    ];
    assert!(words.iter().all(|words| said.iter().any(|said| said.starts_with(words))), "{said:?}");
    let letters = report["findings"].as_array().unwrap().iter().filter(|found| found["key"] == "dead_letter.topic");
    assert_eq!(letters.count(), 2, "compacted, and too small: {report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_topic_without_room_for_headers_is_a_warning() {
    let mut bed = TestBed::new("check-room").await;
    bed.broker.topic(&bed.letters, 1).await;
    let (code, report) = check(&["--online"], &bed.config).await;
    assert_eq!(code, 0, "{report:#}");
    let warning = finding(&report, "warning", "dead_letter.topic");
    assert!(warning["hint"].as_str().unwrap().contains(&(1_048_588 + 65_536).to_string()), "{warning}");
    assert!(warning["hint"].as_str().unwrap().contains("without its value"), "{warning}");
    bed.config.set("dead_letter.too_large", "'stop'");
    let (_, report) = check(&["--online"], &bed.config).await;
    let warning = finding(&report, "warning", "dead_letter.topic");
    assert!(warning["hint"].as_str().unwrap().contains("stops the daemon"), "{warning}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_offsets_are_a_problem_before_they_stop_the_start() {
    let mut bed = TestBed::new("check-lost").await;
    bed.run(&[upsert("a", "1"), upsert("b", "1")]).await;
    bed.produce(&[upsert("c", "1"), upsert("d", "1")]).await;
    bed.broker.delete_before(&bed.topic, 0, 3).await;
    let (code, report) = check(&["--online"], &bed.config).await;
    assert_eq!(code, 78, "{report:#}");
    let problem = finding(&report, "problem", "kafka.group_id");
    assert!(problem["message"].as_str().unwrap().contains("[0]: offset 2 is committed"), "{problem}");
    let mut daemon = Daemon::spawn(&bed.config);
    assert_eq!(daemon.exit().await.code(), Some(1), "what check says is what the start does");
    bed.config.set("kafka.on_lost_offsets", "'earliest'");
    let (code, report) = check(&["--online"], &bed.config).await;
    assert_eq!(code, 0, "{report:#}");
    finding(&report, "warning", "kafka.group_id");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_asks_for_a_login_is_not_taken_for_a_schema_registry() {
    const PAGE: &str =
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\nconnection: close\r\n\r\n<html></html>";
    let mut bed = TestBed::new("check-registry").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let page = tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _read = socket.read(&mut request).await.unwrap();
                socket.write_all(PAGE.as_bytes()).await.unwrap();
            });
        }
    });
    bed.config.in_route("value.format", "'avro'").set("schema_registry.url", &format!("'{url}'"));
    let (code, report) = check(&["--online"], &bed.config).await;
    assert_eq!(code, 78, "{report:#}");
    let problem = finding(&report, "problem", "schema_registry.url");
    assert!(problem["message"].as_str().unwrap().contains("not a schema registry"), "{problem}");
    page.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_of_which_no_client_can_be_made_are_a_problem_before_the_start() {
    let mut bed = TestBed::new("check-properties").await;
    bed.config.set(r#"kafka.properties."queue.buffering.backpressure.threshold""#, "2");
    let (code, report) = check(&["--online"], &bed.config).await;
    assert_eq!(code, 78, "{report:#}");
    let problem = finding(&report, "problem", "kafka.properties");
    assert!(problem["message"].as_str().unwrap().contains("backpressure"), "{problem}");
    let mut daemon = Daemon::spawn(&bed.config);
    assert_ne!(daemon.exit().await.code(), Some(0), "what check says is what the start does");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_answer_is_told_from_what_is_wrong() {
    let mut bed = TestBed::new("check-away").await;
    bed.config.set("salesforce.login_url", "'http://127.0.0.1:9'");
    let (code, report) = check(&["--online"], &bed.config).await;
    assert_eq!((code, &report["result"]), (1, &Value::from("unreachable")), "{report:#}");
    finding(&report, "unreachable", "salesforce.login_url");

    bed.config.set("salesforce.login_url", &format!("'{}'", bed.org.url()));
    bed.config.set("salesforce.auth.client_secret", "'wrong-secret'");
    let (code, report) = check(&["--online"], &bed.config).await;
    assert_eq!(code, 78, "{report:#}");
    assert!(finding(&report, "problem", "salesforce.auth")["message"].as_str().unwrap().contains("refused"));
    assert!(!report.to_string().contains("wrong-secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserve_that_is_touched_is_a_warning_and_delays_nothing() {
    let mut bed = TestBed::new("check-quota").await;
    bed.broker.topic(&bed.letters, 1).await;
    bed.org.change_settings(json!({"quota_max": 1000, "quota_used": 950})).unwrap();
    for object in ["Account", "Contact", "Lead"] {
        bed.config.route(&[("topic", &format!("'{object}.*'")), ("sobject", &format!("'{object}'"))]);
    }
    let (code, report) = check(&["--online"], &bed.config).await;
    assert_eq!(code, 0, "{report:#}");
    finding(&report, "warning", "salesforce.quota.reserve");
    finding(&report, "ok", "routes[3].sobject");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_without_online_asks_neither_the_broker_nor_the_org() {
    let mut config = Config::new("127.0.0.1:9", "http://127.0.0.1:9", "group");
    config.route(&[("topic", "'t'"), ("sobject", "'Contact'")]);
    let (code, report) = check(&[], &config).await;
    assert_eq!((code, &report["result"]), (0, &Value::from("ok")));

    config.set("kafka.comit_interval", "'1s'").set("pipeline.batch_rows", "201");
    let (code, report) = check(&[], &config).await;
    assert_eq!(code, 78);
    assert!(finding(&report, "problem", "kafka.comit_interval")["hint"].as_str().unwrap().contains("commit_interval"));
    assert!(finding(&report, "problem", "pipeline.batch_rows")["line"].is_u64());

    let table = run(&["check"], &config.toml()).await;
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("problem     pipeline.batch_rows") && table.ends_with("problem: 2\n"), "{table}");
    assert!(!table.contains('\u{1b}'), "colours in an output that is not a terminal: {table:?}");
}

/// A validator that is not ours takes what we ship, and refuses what the daemon refuses.
#[tokio::test(flavor = "multi_thread")]
async fn the_shipped_schema_fits_the_shipped_files() {
    let root = env!("CARGO_MANIFEST_DIR");
    let schema = Command::new(env!("CARGO_BIN_EXE_sobjectd")).args(["config", "schema"]).output().unwrap();
    let shipped = std::fs::read(format!("{root}/docs/configuration.schema.json")).unwrap();
    assert_eq!(String::from_utf8(schema.stdout).unwrap(), String::from_utf8(shipped).unwrap());
    let bad = [
        ("unknown", "nane = 'x'"),
        ("range", "pipeline.batch_rows = 201"),
        ("word", "log.format = 'xml'"),
        ("duration", "drain_timeout = '60'"),
        ("flow", "salesforce.auth = { flow = 'password', client_id = 'x' }"),
        (
            "secret",
            "salesforce.auth = { flow = 'client_credentials', client_id = 'x', client_secret = { vault = 'x' } }",
        ),
    ];
    let mut config = Config::new("127.0.0.1:9", "http://127.0.0.1:9", "group");
    config.route(&[("topic", "'t'"), ("sobject", "'Contact'")]).unset("drain_timeout");
    let files: Vec<_> = bad.map(|(_, line)| config_file(&format!("{line}\n{}", without(&config, line).toml()))).into();
    let good = config_file(&config.toml());
    let shipped = walk(&Path::new(root).join("config"));
    assert!(shipped.len() >= 2, "{shipped:?}");
    let mut args = vec!["check_schema.py".to_owned(), format!("{root}/docs/configuration.schema.json")];
    args.extend(shipped.iter().cloned().chain([good.1.display().to_string()]));
    args.push("--refused".to_owned());
    args.extend(files.iter().map(|(_, file)| file.display().to_string()));
    let output = python::run(&args.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(output.trim(), format!("{} fit, {} refused", shipped.len() + 1, bad.len()));
}

/// The configuration less what `line` says itself.
fn without(config: &Config, line: &str) -> Config {
    let mut config = config.clone();
    let key = line.split(" =").next().unwrap();
    config.unset(key);
    if key == "salesforce.auth" {
        for name in ["flow", "client_id", "client_secret"] {
            config.unset(&format!("salesforce.auth.{name}"));
        }
    }
    config
}

/// All TOML files below a folder.
fn walk(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| {
        let is_file = path.extension().is_some_and(|extension| extension == "toml");
        if path.is_dir() { walk(&path) } else { is_file.then(|| path.display().to_string()).into_iter().collect() }
    });
    files.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_the_org_does_not_speak_is_said_as_such() {
    let bed = TestBed::new("check-version").await;
    bed.org.change_settings(json!({"newest_version": 65})).unwrap();
    let (code, report) = check(&["--online"], &bed.config).await;
    assert_eq!(code, 78, "{report:#}");
    let found = finding(&report, "problem", "salesforce.api_version");
    assert!(found["message"].as_str().unwrap().contains("the org speaks 31.0–65.0, and not 66.0"), "{found}");
    assert_eq!(bed.org.calls().describe, 0, "nothing else is asked of it");

    let mut daemon = Daemon::spawn(&bed.config);
    assert_eq!(daemon.exit().await.code(), Some(78));
    let found = daemon.event("configuration_finding").with("level", "ERROR").mentions("salesforce.api_version").await;
    assert!(found.contains("the org speaks 31.0–65.0"), "{found}");
    assert!(!daemon.log().iter().any(|line| line.contains("may not see it")), "it is no matter of permissions");
}

/// A user of the profile *Minimum Access - API Only* may not view the setup, which `GET /limits` needs.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_setup_rights_is_told_how_many_calls_are_used() {
    let bed = TestBed::new("check-no-setup").await;
    bed.broker.topic(&bed.letters, 1).await;
    bed.org.change_settings(json!({"view_setup": false})).unwrap();
    let (code, report) = check(&["--online"], &bed.config).await;
    assert_eq!(code, 0, "{report:#}");
    finding(&report, "ok", "salesforce.quota.reserve");
}

/// A firewall's refusal says nothing of the SObject: its route is not checked, and the others are.
#[tokio::test(flavor = "multi_thread")]
async fn a_route_whose_describe_is_refused_is_not_checked_and_not_waited_for() {
    let mut bed = TestBed::new("check-refused").await;
    let contacts = unique("check-refused.contacts");
    bed.broker.topic(&contacts, 1).await;
    bed.broker.topic(&bed.letters, 1).await;
    bed.config.route(&[("topic", &format!("'{contacts}'")), ("sobject", "'Contact'"), ("operation", "'insert'")]);
    bed.fault(Fault::on(On::Describe, Action::page(403, "<html>")).sobject("Contact").always());
    let (code, report) = check(&["--online"], &bed.config).await;
    assert_eq!((code, &report["result"]), (1, &Value::from("unreachable")), "{report:#}");
    let refused = finding(&report, "unreachable", "routes[1].sobject")["message"].as_str().unwrap();
    assert!(refused.contains("Contact is not checked") && refused.contains("403"), "{refused}");
    finding(&report, "ok", "routes[0].sobject");
    finding(&report, "ok", "salesforce.quota.reserve");
}
