//! A row that names a parent which is not there yet. The sandbox finds no parent that is in the same call.

use serde_json::json;

use crate::harness::{Daemon, OBJECT, Record, TestBed, python, record, side_by_side, unique, until, upsert};

/// An upsert of `key` below `parent`, as `Parent__r`.
fn child(key: &str, parent: &str) -> Record {
    let value = json!({"Text__c": "child", "Parent__r": {"ExternalId__c": parent}});
    record(key, value.to_string())
}

/// Whether the record of `key` is below a record.
fn has_parent(bed: &TestBed, key: &str) -> bool {
    bed.find(key).is_some_and(|fields| fields.contains_key("Parent__c"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_waits_for_its_parent_in_the_same_partition() {
    let mut bed = TestBed::new("child-first").await;
    // The parent gets past in a budget of which children have half.
    bed.config.set("pipeline.max_in_flight_rows", "8");
    let others = (0..20).map(|n| upsert(&format!("other{n}"), "x"));
    let children = ["c0", "c1", "c2"].map(|key| child(key, "p"));
    let records: Vec<_> =
        children.into_iter().chain([upsert("c0", "later")]).chain(others).chain([upsert("p", "x")]).collect();
    let metrics = bed.run(&records).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (25, 0));
    assert!(["c0", "c1", "c2"].iter().all(|key| has_parent(&bed, key)));
    assert!(metrics.sum("sobjectd_rows_repeated_total", &[("reason", "missing_parent")]) >= 3);
    let texts: Vec<_> = bed.history("c0").into_iter().map(|(_, text)| text.unwrap()).collect();
    assert_eq!(texts, ["child", "later"], "in the order of the partition");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_waits_for_its_parent_of_another_topic() {
    let mut bed = TestBed::new("child-topic").await;
    let parents = unique("parents");
    bed.broker.topic(&parents, 1).await;
    bed.config.route(&[
        ("topic", &format!("'{parents}'")),
        ("sobject", &format!("'{OBJECT}'")),
        ("operation", "'upsert'"),
        ("external_id_field", "'ExternalId__c'"),
    ]);
    bed.produce(&[child("c", "p"), upsert("other", "x")]).await;
    let daemon = Daemon::start(&bed.config).await;
    until("the other one", async || bed.find("other")).await;
    let repeated = [("reason", "missing_parent")];
    let waits = async || (daemon.metrics().await.sum("sobjectd_rows_repeated_total", &repeated) > 1).then_some(());
    until("the child to be tried again", waits).await;
    assert!(bed.find("c").is_none());
    python::produce(bed.broker, &parents, &[upsert("p", "x")]).await;
    let metrics = daemon.settled(3).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (3, 0));
    assert!(has_parent(&bed, "c"));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_whose_parent_never_comes_is_a_dead_letter() {
    side_by_side([("700ms", 3..=20), ("0s", 1..=1)], async |(wait, attempts)| {
        let mut bed = TestBed::new("no-parent").await;
        bed.config.set("retry.missing_parent_wait", &format!("'{wait}'")).set("retry.row_timeout", "'0s'");
        let metrics = bed.run(&[child("c", "nobody"), upsert("other", "x")]).await;
        assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (1, 1));
        let letter = &bed.dead_letters(1).await[0];
        assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.MissingParent");
        assert_eq!(letter.header("sobjectd.status_code").unwrap(), "INVALID_FIELD");
        assert!(letter.header("sobjectd.message").unwrap().starts_with("Foreign key external ID: nobody not found"));
        let tried = letter.header("sobjectd.attempts").unwrap().parse().unwrap();
        assert!(attempts.contains(&tried), "{wait}: {tried} attempts");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn children_beyond_half_the_budget_are_dead_letters_early() {
    let mut bed = TestBed::new("many-children").await;
    bed.config.set("pipeline.max_in_flight_rows", "8");
    let children = (0..20).map(|n| child(&format!("c{n}"), "p"));
    let records: Vec<_> = children.chain([upsert("p", "x")]).collect();
    let metrics = bed.run(&records).await;
    let dead = metrics.settled("dead_lettered");
    assert!((4..20).contains(&dead), "{dead} dead letters, and the last children are written");
    assert!(has_parent(&bed, "c19"));
    for letter in bed.dead_letters(usize::try_from(dead).unwrap()).await {
        let message = letter.header("sobjectd.message").unwrap();
        assert!(message.starts_with("parent not found, wait cut short: Foreign key external ID: p"), "{message}");
    }
}
