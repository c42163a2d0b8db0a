//! How calls are made besides what they write: as a route says, and as a record says where it may.

use std::collections::{BTreeMap, BTreeSet};

use sandbox::CallOptions;

use crate::harness::{Record, TestBed, delete, upsert};

/// The options of each call that has changed something, and the keys of its rows; never two options in one call.
fn calls(bed: &TestBed) -> Vec<(CallOptions, BTreeSet<String>)> {
    let mut calls = BTreeMap::<u64, (CallOptions, BTreeSet<String>)>::new();
    for change in bed.org.journal() {
        let key = serde_json::to_value(&change.keys["ExternalId__c"]).unwrap().as_str().unwrap().to_owned();
        let (options, keys) = calls.entry(change.call).or_insert_with(|| (change.options.clone(), BTreeSet::new()));
        assert_eq!(*options, change.options);
        keys.insert(key);
    }
    calls.into_values().collect()
}

fn keys(prefix: &str) -> BTreeSet<String> {
    (0..20).map(|n| format!("{prefix}{n}")).collect()
}

fn asking(prefix: &str, ask: impl Fn(Record) -> Record) -> Vec<Record> {
    (0..20).map(|n| ask(upsert(&format!("{prefix}{n}"), "x"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_calls_of_a_route_carry_its_options() {
    let mut bed = TestBed::new("route-options").await;
    bed.config.in_route("options.auto_assign", "'false'");
    bed.config.in_route("options.duplicate_rule", "'runAsCurrentUser=true; allowSave=true'");
    bed.config.in_route("options.client", "'crm-sink'");
    // The header of the record itself is not read.
    bed.run(&[upsert("a", "1").header("Sforce-Auto-Assign", "TRUE"), upsert("b", "2"), delete("b")]).await;
    let journal = bed.org.journal();
    assert_eq!(journal.len(), 3);
    for change in journal {
        let CallOptions { auto_assign, duplicate_rule, call_options } = change.options;
        assert_eq!(auto_assign.as_deref(), Some("FALSE"));
        assert_eq!(duplicate_rule.as_deref(), Some("allowSave=true; runAsCurrentUser=true"));
        assert_eq!(call_options.as_deref(), Some("client=crm-sink"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_different_options_never_share_a_call() {
    let mut bed = TestBed::new("record-options").await;
    bed.config.in_route("options.from_headers", "true").in_route("options.auto_assign", "'true'");
    bed.config.set("pipeline.linger", "'300ms'");
    let off = asking("off", |record| record.header("sforce-auto-assign", "false"));
    let save = asking("save", |record| record.header("Sforce-Duplicate-Rule-Header", "allowSave=true"));
    let on = asking("same", |record| record.header("Sforce-Auto-Assign", "TRUE"));
    let mixed = asking("plain", |record| record).into_iter().zip(off).zip(save).zip(on);
    let mixed: Vec<_> = mixed.flat_map(|(((plain, off), save), on)| [plain, off, save, on]).collect();
    let metrics = bed.run(&mixed).await;
    assert_eq!(metrics.settled("written"), 80);
    let mut by_options = BTreeMap::<_, BTreeSet<String>>::new();
    for (options, keys) in calls(&bed) {
        let asked = (options.auto_assign.unwrap(), options.duplicate_rule.unwrap_or_default());
        by_options.entry(asked).or_default().extend(keys);
    }
    let asked = |assign: &str, rule: &str| (assign.to_owned(), rule.to_owned());
    assert_eq!(
        by_options,
        BTreeMap::from([
            (asked("TRUE", ""), &keys("plain") | &keys("same")),
            (asked("FALSE", ""), keys("off")),
            (asked("TRUE", "allowSave=true"), keys("save")),
        ])
    );
    assert!(bed.org.calls().upsert < 20, "and equal ones do: {:?}", bed.org.calls());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_is_none_costs_its_own_record() {
    let mut bed = TestBed::new("bad-options").await;
    bed.config.in_route("options.from_headers", "true");
    let injected = upsert("bad", "x").header("Sforce-Call-Options", "client=a\r\nAuthorization: b");
    let metrics = bed.run(&[upsert("a", "1"), injected, upsert("c", "3")]).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (2, 1));
    let letter = &bed.dead_letters(1).await[0];
    assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.InvalidOption");
    assert!(letter.header("sobjectd.message").unwrap().contains("Sforce-Call-Options"));
}
