//! Order per record identity, and nothing lost. The verdict comes from `tests/python`: a model that reads the topics
//! and the org's journal, and knows neither the daemon nor the sandbox.

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::{BuildHasher as _, Hasher as _},
};

use sandbox::{Action, Fault, On};
use serde_json::{Value, json};

use crate::harness::{Daemon, OBJECT, Seeded, TestBed, exclusive, now_ms, python, unique, until, upsert};

const RECORDS: u64 = 10_000;
const PARTITIONS: i32 = 6;

/// The big load: five topics, both id modes, and what it takes to judge it.
struct Load {
    bed: TestBed,
    plan: Value,
    seed: u64,
    dir: tempfile::TempDir,
}

/// From `SOBJECTD_SEED`, to repeat a run, or by chance.
fn seed() -> u64 {
    std::env::var("SOBJECTD_SEED")
        .map_or_else(|_| RandomState::new().build_hasher().finish() % 1_000_000, |s| s.parse().unwrap())
}

impl Load {
    async fn new(name: &str) -> Self {
        let mut bed = TestBed::with_partitions(name, PARTITIONS).await;
        let seed = seed();
        eprintln!("SOBJECTD_SEED={seed} for {name}");
        bed.config.clear_routes().set("pipeline.batch_rows", "25");
        let mut plan = json!({
            "seed": seed, "partitions": PARTITIONS, "records": RECORDS, "dead_letter": bed.letters, "routes": [],
        });
        for (kind, sobject, field, keys) in [
            ("folded", OBJECT, Some("ExternalId__c"), 350),
            ("exact", OBJECT, Some("ExternalIdCase__c"), 200),
            ("number", OBJECT, Some("ExternalNumber__c"), 200),
            ("id", "Contact", None, 250),
            ("folded", OBJECT, Some("ExternalId__c"), 60), // the same identities as the first, from another topic
        ] {
            let topic = unique(&format!("{name}.{kind}"));
            bed.broker.topic(&topic, PARTITIONS).await;
            let operation = if field.is_some() { "upsert" } else { "update" };
            let (topic_toml, sobject_toml) = (format!("'{topic}'"), format!("'{sobject}'"));
            let mut route =
                vec![("topic", topic_toml.as_str()), ("sobject", &sobject_toml), ("operation_header", "'operation'")];
            let (operation_toml, field_toml) = (format!("'{operation}'"), format!("'{}'", field.unwrap_or_default()));
            route.extend([("operation", operation_toml.as_str()), ("tombstone", "'delete'")]);
            if field.is_some() {
                route.push(("external_id_field", &field_toml));
            }
            bed.config.route(&route);
            plan["routes"].as_array_mut().unwrap().push(json!({
                "topic": topic, "sobject": sobject, "key_field": field, "kind": kind, "operation": operation, "keys": keys,
            }));
        }
        let mut contacts = Vec::new();
        for n in 0..250 {
            contacts.push(Seeded(&bed.org).create("Contact", &format!(r#"{{"LastName":"before {n}"}}"#)).await);
        }
        plan["before"] = json!(bed.org.records("Contact"));
        plan["since"] = json!(bed.org.journal().len());
        plan["contacts"] = json!(contacts);
        Self { bed, plan, seed, dir: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> String {
        let path = self.dir.path().join("plan.json");
        std::fs::write(&path, self.plan.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    async fn produce(&self) {
        python::run(&["workload.py", &self.bed.broker.bootstrap, &self.file()]).await;
    }

    fn applied(&self) -> u64 {
        self.bed.org.calls().applied
    }

    /// How many records the group has committed.
    async fn committed(&self) -> u64 {
        let mut sum = 0;
        for route in self.plan["routes"].as_array().unwrap() {
            let topic = route["topic"].as_str().unwrap();
            let offsets = self.bed.broker.committed(&self.bed.group, topic, PARTITIONS).await;
            sum += offsets.into_iter().flatten().sum::<i64>() as u64;
        }
        sum
    }

    async fn finished(&self) {
        until("all to be committed", async || (self.committed().await == RECORDS).then_some(())).await;
    }

    /// Asks the model, which allows the given interruptions, and returns its counts.
    async fn judged(mut self, interruptions: u64) -> Value {
        self.plan["interruptions"] = json!(interruptions);
        let file = self.file();
        let answer = python::run(&["judge.py", &self.bed.broker.bootstrap, self.bed.org.url(), &file]).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let problems = answer["problems"].as_array().unwrap();
        assert!(problems.is_empty(), "SOBJECTD_SEED={}: {problems:#?}\n{}", self.seed, answer["counts"]);
        assert_eq!(answer["counts"]["records"], RECORDS);
        assert!(answer["counts"]["identities"].as_u64().unwrap() >= 950, "{}", answer["counts"]);
        assert!(answer["counts"]["dead letters"].as_u64().unwrap() > 0, "the load has bad records too");
        answer["counts"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_records_in_one_run() {
    let _exclusive = exclusive().await;
    let load = Load::new("one-run").await;
    load.produce().await;
    let daemon = Daemon::start(&load.bed.config).await;
    daemon.settled(RECORDS).await;
    load.finished().await;
    daemon.stop().await;
    let counts = load.judged(0).await;
    assert_eq!(counts["runs"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_over_five_kills_and_a_stop() {
    let _exclusive = exclusive().await;
    let mut load = Load::new("kills").await;
    load.bed.config.set("kafka.group_instance_id", "'suite-0'").set("kafka.commit_interval", "'500ms'");
    load.bed.fault(Fault::on(On::Write, Action::Latency { ms: 60 }).always());
    load.produce().await;
    let mut random = load.seed;
    let mut chance = move |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut kills = Vec::new();
    for _ in 0..5 {
        let daemon = Daemon::start(&load.bed.config).await;
        let mark = load.applied() + 300 + chance(900);
        until("some progress", async || (load.applied() >= mark).then_some(())).await;
        // Just after an answer of the org, and mostly before its commit.
        let seen = load.applied();
        until("one more answer", async || (load.applied() > seen).then_some(())).await;
        kills.push(now_ms() + chance(60));
        until("the moment", async || (now_ms() >= *kills.last().unwrap()).then_some(())).await;
        daemon.kill().await;
    }
    let mut daemon = Daemon::start(&load.bed.config).await;
    let mark = load.applied() + 300;
    until("some progress", async || (load.applied() >= mark).then_some(())).await;
    daemon.terminate();
    assert_eq!(daemon.exit().await.code(), Some(0), "a clean drain is not an interruption");
    load.bed.org.clear_faults();
    let daemon = Daemon::start(&load.bed.config).await;
    load.finished().await;
    daemon.stop().await;
    let between = kills.iter().filter(|at| answered_and_not_committed(&load.bed.org.journal(), **at)).count();
    assert!(between > 0, "no kill fell between an answer of the org and its commit");
    let counts = load.judged(5).await;
    assert!(counts["repeated identities"].as_u64().unwrap() > 0, "{counts}");
}

/// Whether something that was applied, and so answered, at least 10 ms before the kill was done again after it. Stamps
/// tell one record's changes from another's.
fn answered_and_not_committed(journal: &[sandbox::Change], kill: u64) -> bool {
    let sent = |change: &sandbox::Change| change.fields.as_ref().map(|fields| fields.get().to_owned());
    let before = journal.iter().filter(|change| change.at_ms + 10 < kill).filter_map(sent).collect::<HashSet<_>>();
    journal.iter().filter(|change| change.at_ms > kill + 100).filter_map(sent).any(|again| before.contains(&again))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_change_of_an_identity_waits_and_other_identities_do_not() {
    let mut bed = TestBed::with_partitions("gate", 2).await;
    let second = unique("gate.second");
    bed.broker.topic(&second, 1).await;
    bed.config.route(&[
        ("topic", &format!("'{second}'")),
        ("sobject", "'MyObject__c'"),
        ("operation", "'upsert'"),
        ("external_id_field", "'ExternalId__c'"),
    ]);
    bed.config.set("salesforce.request_timeout", "'20s'");
    let daemon = Daemon::start(&bed.config).await;
    // Applied, and not answered before the script is cleared.
    bed.fault(Fault::on(On::Upsert, Action::Hang { apply: true }).key("k"));
    bed.produce(&[upsert("k", "1").partition(0)]).await;
    until("the first call", async || bed.find("k")).await;
    // From the same partition, from another one in another spelling, and from another topic; after each a record of
    // another identity, which shows that its lane has come past.
    let from_two = [upsert("k", "2").partition(0), upsert("K ", "3").partition(1)];
    let markers = [upsert("other-0", "x").partition(0), upsert("other-1", "x").partition(1)];
    bed.produce(&[from_two, markers].concat()).await;
    python::produce(bed.broker, &second, &[upsert("\u{212a}", "4"), upsert("other-2", "x")]).await;
    for marker in ["other-0", "other-1", "other-2"] {
        until("another identity to go past", async || bed.find(marker)).await;
    }
    assert_eq!(
        bed.org.journal().len(),
        4,
        "the first change and the three of other identities, and nothing more of it"
    );
    assert_eq!(bed.org.calls().rows_upsert, 4, "nothing more of it was sent either");
    bed.org.clear_faults();
    daemon.settled(7).await;
    daemon.stop().await;
    assert_eq!(
        (bed.org.journal().len(), bed.org.records(OBJECT).len()),
        (7, 4),
        "each change once, and one record for k"
    );
}

#[tokio::test]
async fn the_model_finds_what_is_wrong() {
    python::run(&["-m", "unittest", "-q"]).await;
}
