//! The registry: asked once, waited for, and believed when it says that there is no such schema.

use std::process::Command;

use crate::harness::{Authority, Daemon, FakeRegistry, Record, TestBed, TlsProxy, config_file, output, record, until};

const SCHEMA: &str = r#"{"type":"record","name":"r","fields":[{"name":"Text__c","type":"string"}]}"#;

/// A framed record of [`SCHEMA`].
fn framed(id: u32, key: &str) -> Record {
    let head = [&[0][..], &id.to_be_bytes()].concat();
    record(key, [head, vec![2, b'x']].concat())
}

async fn bed(name: &str, partitions: i32, url: &str) -> TestBed {
    let mut bed = TestBed::with_partitions(name, partitions).await;
    bed.config.set("schema_registry.url", &format!("'{url}'")).set("schema_registry.request_timeout", "'500ms'");
    bed.config.in_route("value.format", "'avro'");
    bed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_is_asked_for_once() {
    let registry = FakeRegistry::default();
    let bed = bed("once", 4, &registry.start().await).await;
    registry.schema("schemas/ids/7", "AVRO", SCHEMA);
    let records: Vec<_> = (0..400).map(|n| framed(7, &format!("k{n}")).partition(n % 4)).collect();
    let metrics = bed.run(&records).await;
    assert_eq!(metrics.settled("written"), 400);
    assert_eq!(registry.asked("schemas/ids/7"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_fails_is_waited_for() {
    let registry = FakeRegistry::default();
    let bed = bed("waits", 1, &registry.start().await).await;
    registry.schema("schemas/ids/7", "AVRO", SCHEMA);
    registry.fail(Some(500));
    bed.produce(&[framed(7, "a"), framed(7, "b")]).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.event("schema_registry_unavailable").mentions("500").await;
    // No registry at this address, for now.
    registry.fail(Some(404));
    daemon.event("schema_registry_refused").mentions("404").await;
    registry.fail(None);
    // The framework's answer for an unknown path, which says nothing of a schema.
    let (path, unknown) = ("schemas/ids/7", r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#);
    let before = registry.asked(path);
    registry.answer(path, 404, unknown).answer("schemas/types", 404, unknown).answer("subjects", 404, unknown);
    until("the registry to be asked again", async || (registry.asked(path) > before + 1).then_some(())).await;
    registry.schema(path, "AVRO", SCHEMA);
    let metrics = daemon.settled(2).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (2, 0));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_does_not_wait_for_a_registry() {
    let registry = FakeRegistry::default();
    let bed = bed("drain", 1, &registry.start().await).await;
    registry.fail(Some(503));
    bed.produce(&[framed(7, "a")]).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.event("schema_registry_unavailable").mentions("503").await;
    daemon.stop().await;
    assert_eq!(bed.committed().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_url_is_asked_when_one_does_not_answer() {
    let (dead, alive) = (FakeRegistry::default(), FakeRegistry::default());
    let urls = format!("{}, {}", dead.start().await, alive.start().await);
    let bed = bed("urls", 1, &urls).await;
    dead.fail(Some(503));
    alive.schema("schemas/ids/7", "AVRO", SCHEMA).schema("schemas/ids/8", "AVRO", SCHEMA);
    let metrics = bed.run(&[framed(7, "a"), framed(8, "b")]).await;
    assert_eq!(metrics.settled("written"), 2);
    assert_eq!((dead.asked("schemas/ids/7"), dead.asked("schemas/ids/8")), (1, 0), "the one that answered goes first");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_schema_id_is_a_dead_letter() {
    let registry = FakeRegistry::default();
    let mut bed = bed("unknown", 1, &registry.start().await).await;
    bed.config.set("schema_registry.missing_wait", "'0s'");
    registry.schema("schemas/ids/7", "AVRO", SCHEMA);
    let records = [framed(9, "a"), framed(7, "b"), framed(9, "c"), framed(u32::MAX, "d")];
    let metrics = bed.run(&records).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (1, 3));
    assert_eq!(registry.asked("schemas/ids/9"), 1, "it is not asked for with every record");
    for letter in bed.dead_letters(3).await {
        assert_eq!(letter.header("__connect.errors.stage").as_deref(), Some("VALUE_CONVERTER"));
        let class = letter.header("__connect.errors.class.name");
        assert_eq!(class.as_deref(), Some("io.confluent.connect.avro.AvroConverter"));
        let message = letter.header("__connect.errors.exception.message").unwrap();
        let said = ["the registry has no schema 9", "no registry has a schema 4294967295"];
        assert!(said.iter().any(|words| message.contains(words)), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_lags_is_asked_again() {
    let registry = FakeRegistry::default();
    let bed = bed("lags", 1, &registry.start().await).await;
    let path = "schemas/ids/7";
    bed.produce(&[framed(7, "a"), framed(7, "b")]).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.event("schema_absent").mentions("the registry has no schema 7").await;
    until("the registry to be asked again", async || (registry.asked(path) > 2).then_some(())).await;
    assert_eq!(daemon.metrics().await.settled("dead_lettered"), 0);
    registry.schema(path, "AVRO", SCHEMA);
    let metrics = daemon.settled(2).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (2, 0));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_stay_absent_are_waited_for_once_and_not_each() {
    let registry = FakeRegistry::default();
    let mut bed = bed("absent", 1, &registry.start().await).await;
    bed.config.set("schema_registry.missing_wait", "'1s'");
    let records: Vec<_> = (100..140).map(|id| framed(id, &format!("k{id}"))).collect();
    let before = std::time::Instant::now();
    let metrics = bed.run(&records).await;
    assert_eq!(metrics.settled("dead_lettered"), 40);
    assert!(before.elapsed().as_secs() < 30, "40 waits of a second");
    assert!(registry.asked("schemas/ids/100") > 2);
    assert_eq!(registry.asked("schemas/ids/139"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_followed_within_the_configured_hosts() {
    let (registry, leader) = (FakeRegistry::default(), FakeRegistry::default());
    let (url, elsewhere) = (registry.start().await, leader.start().await);
    registry.redirect("schemas/ids/7", "/base/leader/7").schema("leader/7", "AVRO", SCHEMA);
    // Another port of the host, which takes the credentials along.
    registry.redirect("schemas/ids/8", &format!("{elsewhere}/schemas/ids/8"));
    leader.schema("schemas/ids/8", "AVRO", SCHEMA).demand("Bearer t0ken");
    registry.demand("Bearer t0ken");
    let mut bed = bed("redirects", 1, &url).await;
    bed.config.set("schema_registry.token", "'t0ken'");
    let metrics = bed.run(&[framed(7, "a"), framed(8, "b")]).await;
    assert_eq!(metrics.settled("written"), 2);

    // `localhost` is not among the hosts of schema_registry.url.
    let foreign = elsewhere.replace("127.0.0.1", "localhost");
    registry.redirect("schemas/ids/9", &format!("{foreign}/schemas/ids/9?secret=1"));
    bed.produce(&[framed(9, "c")]).await;
    let daemon = Daemon::start(&bed.config).await;
    let refused = daemon.event("schema_registry_refused").mentions("307");
    let said = refused.mentions("it redirects to http://localhost, which is not followed").await;
    assert!(!said.contains("secret") && leader.asked("schemas/ids/9") == 0, "{said}");
    daemon.stop().await;

    registry.redirect("schemas/types", &foreign).redirect("subjects", &foreign);
    let (_dir, file) = config_file(&bed.config.toml());
    let mut check = Command::new(env!("CARGO_BIN_EXE_sobjectd"));
    check.args(["check", "--online", "--config"]).arg(file).env_clear();
    let output = output(&mut check).await;
    let report = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(78), "{report}");
    assert!(report.contains("it redirects to http://localhost, which is not followed"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_registry_gets_its_credentials() {
    let registry = FakeRegistry::default();
    let url = registry.start().await;
    registry.schema("schemas/ids/7", "AVRO", SCHEMA);
    let mut bed = bed("credentials", 1, &url).await;
    bed.config.set("schema_registry.username", "'ada'").set("schema_registry.password", "'hunter2'");
    registry.demand("Basic YWRhOmh1bnRlcjI=");
    assert_eq!(bed.run(&[framed(7, "a")]).await.settled("written"), 1);

    bed.config.unset("schema_registry.username").unset("schema_registry.password");
    bed.config.set("schema_registry.token", "'t0ken'").set("log.level", "'trace'");
    bed.produce(&[framed(7, "b")]).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.event("schema_registry_refused").mentions("401").mentions("who are you?").await;
    registry.demand("Bearer t0ken");
    until("the record to be written", async || bed.find("b")).await;
    assert!(!daemon.log().iter().any(|line| line.contains("t0ken")), "a secret is in the log");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guid_in_the_headers_names_the_schema() {
    let registry = FakeRegistry::default();
    let bed = bed("guid", 1, &registry.start().await).await;
    registry.schema("schemas/guids/01020304-0506-0708-090a-0b0c0d0e0f10", "AVRO", SCHEMA);
    registry.answer("schemas/types", 200, r#"["AVRO"]"#);
    let guid: Vec<u8> = [1].into_iter().chain(1..=16).collect();
    let other: Vec<u8> = [1].into_iter().chain([9; 16]).collect();
    // Not a registry's word, but it is one: it does not know GUIDs.
    registry.answer("schemas/guids/09090909-0909-0909-0909-090909090909", 404, "");
    let records = [
        record("a", [2, b'x']).header("__value_schema_id", &guid),
        record("b", [2, b'x']).header("__value_schema_id", &other),
        record("c", [&guid[..], &[2, b'x']].concat()),
    ];
    let metrics = bed.run(&records).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (2, 1));
    assert_eq!((bed.text("a"), bed.text("c")), ("x".to_owned(), "x".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_certificate_authority_and_a_client_certificate() {
    let (authority, registry) = (Authority::new(), FakeRegistry::default());
    let url = registry.start().await;
    registry.schema("schemas/ids/7", "AVRO", SCHEMA);
    let port = url.rsplit(':').next().unwrap().trim_end_matches("/base").parse().unwrap();
    let asks = format!("client_ca={}", authority.file("ca.pem"));
    let tls_proxy = TlsProxy::start(&authority, port, &[&asks]);
    let mut bed = bed("tls", 1, &format!("{}/base", tls_proxy.url())).await;
    bed.produce(&[framed(7, "a")]).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.event("schema_registry_unavailable").mentions("certificate").await;
    daemon.stop().await;

    bed.config.set("schema_registry.tls.ca", &authority.secret("ca.pem"));
    bed.config.set("schema_registry.tls.certificate", &authority.secret("client.pem"));
    bed.config.set("schema_registry.tls.key", &authority.secret("client.key"));
    let daemon = Daemon::start(&bed.config).await;
    assert_eq!(daemon.settled(1).await.settled("written"), 1);
    daemon.stop().await;
    assert!(tls_proxy.said("open").iter().all(|line| line.ends_with(" sobjectd-client")));
}
