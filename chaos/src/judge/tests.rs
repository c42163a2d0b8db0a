use serde_json::json;

use super::*;
use crate::{kafka::Read, org::Stored};

const TOPIC: &str = "t";

fn record(offset: i64, operation: &str, value: Option<&str>) -> Read {
    let headers = vec![("operation".to_owned(), Some(operation.as_bytes().to_vec()))];
    Read { partition: 0, offset, key: Some(b"k".to_vec()), value: value.map(Into::into), headers }
}

fn letter(of: &Read, class: &str) -> Read {
    let header = |name: &str, value: &str| (format!("__connect.errors.{name}"), Some(value.as_bytes().to_vec()));
    let mut letter = Read { partition: 0, offset: 0, ..of.clone() };
    letter.headers.extend([header("topic", TOPIC), header("partition", "0"), header("offset", &of.offset.to_string())]);
    letter.headers.push(header("exception.class.name", &format!("sobjectd.{class}")));
    letter
}

fn entry(op: &str, fields: &Value) -> Entry {
    let entry = json!({"at_ms": 1, "op": op, "keys": {"ExternalId__c": "k"}, "fields": fields});
    serde_json::from_value(entry).unwrap()
}

/// One identity: written, changed, and one bad record.
fn good() -> Evidence {
    let records = vec![
        record(0, "UPSERT", Some(r#"{"Text__c":"0"}"#)),
        record(1, "UPDATE", Some(r#"{"Text__c":"1"}"#)),
        record(2, "MERGE", Some(r#"{"Text__c":"2"}"#)),
    ];
    let letters = vec![letter(&records[2], "InvalidOperation")];
    let journal = vec![
        entry("create", &json!({"ExternalId__c": "k", "Text__c": "0"})),
        entry("update", &json!({"attributes": {"type": "X"}, "Id": "1", "Text__c": "1"})),
    ];
    let stored = serde_json::from_value(json!([{"fields": {"ExternalId__c": "k", "Text__c": "1"}}])).unwrap();
    let topic = TOPIC.to_owned();
    let source = Source { topic, names: Names::Exact("ExternalId__c"), records, progress: vec![(3, 3)] };
    Evidence {
        sources: vec![source],
        letters,
        journal,
        stored,
        interruptions: Vec::new(),
        repeats: false,
        struck: 0,
        before: Vec::new(),
    }
}

#[test]
fn evidence_that_keeps_the_promises_has_no_problem() {
    let verdict = judge(&good());
    assert!(verdict.problems.is_empty(), "{:?}", verdict.problems);
    assert_eq!((verdict.records, verdict.letters, verdict.events, verdict.repeated), (3, 1, 2, 0));
}

type Spoil = fn(&mut Evidence);

#[test]
fn each_broken_promise_is_a_problem() {
    let cases: [(&str, Spoil); 9] = [
        ("no runs explain", |evidence| drop(evidence.journal.pop())),
        ("no runs explain", |evidence| evidence.journal.swap(0, 1)),
        ("no runs explain", |evidence| drop(evidence.letters.pop())),
        ("2 runs after 0", |evidence| evidence.journal.push(evidence.journal[1].clone())),
        ("says NotFound, not InvalidOperation", |evidence| {
            evidence.letters[0] = letter(&evidence.sources[0].records[2], "NotFound");
        }),
        ("is not its record", |evidence| evidence.letters[0].value = Some(b"{}".to_vec())),
        ("should be written", |evidence| evidence.letters.push(letter(&evidence.sources[0].records[1], "NotFound"))),
        ("committed up to 2", |evidence| evidence.sources[0].progress[0].0 = 2),
        ("holds None", |evidence| evidence.stored.clear()),
    ];
    for (says, spoil) in cases {
        let mut evidence = good();
        spoil(&mut evidence);
        let problems = judge(&evidence).problems;
        assert!(problems.iter().any(|problem| problem.contains(says)), "{says}: {problems:?}");
    }
}

#[test]
fn a_crash_of_the_partition_allows_one_run_more_and_one_of_another_does_not() {
    let mut evidence = good();
    evidence.journal.push(evidence.journal[1].clone());
    let crash =
        |partition| Interruption { at_ms: 1, partitions: Some(vec![(TOPIC.to_owned(), partition)]), wire_ms: None };
    evidence.interruptions = vec![crash(1)];
    assert_eq!(judge(&evidence).problems.len(), 1);
    evidence.interruptions = vec![crash(0)];
    let verdict = judge(&evidence);
    assert!(verdict.problems.is_empty() && verdict.repeated == 1, "{:?}", verdict.problems);
}

#[test]
fn keys_that_differ_in_case_are_one_record_or_two_as_the_field_compares() {
    let mut evidence = good();
    evidence.sources[0].records[1].key = Some(b"K".to_vec());
    assert!(!judge(&evidence).problems.is_empty(), "the update of K has changed k");
    evidence.sources[0].names = Names::Folded("ExternalId__c");
    assert_eq!(judge(&evidence).problems, Vec::<String>::new());
}

/// Evidence of a record that was there before the run, and of one plain insert.
fn by_record_id() -> Evidence {
    let id = "500000000000001AAA";
    let mut records = vec![
        record(0, "UPDATE", Some(r#"{"Subject":"0"}"#)),
        record(1, "INSERT", Some(r#"{"Subject":"1"}"#)),
        record(2, "DELETE", None),
    ];
    for record in &mut records {
        record.key = Some(id[..15].into());
    }
    let entry = |op: &str, id: &str, fields: &Value| {
        serde_json::from_value(json!({"at_ms": 1, "op": op, "keys": {"Id": id}, "fields": fields})).unwrap()
    };
    let journal = vec![
        entry("create", id, &json!({"Subject": "before"})),
        entry("create", "500000000000002AAA", &json!({"Subject": "1"})),
        entry("update", id, &json!({"id": id, "Subject": "0"})),
        entry("delete", id, &Value::Null),
    ];
    let stored = serde_json::from_value(json!([{"fields": {"Id": "500000000000002AAA", "Subject": "1"}}])).unwrap();
    let source = Source { topic: TOPIC.to_owned(), names: Names::RecordId, records, progress: vec![(3, 3)] };
    let before = vec![(id.to_owned(), json!({"Subject": "before"}).as_object().unwrap().clone())];
    Evidence { sources: vec![source], letters: Vec::new(), journal, stored, before, ..good() }
}

#[test]
fn plain_inserts_are_not_lost_and_repeat_only_after_interruptions_and_hidden_answers() {
    assert_eq!(judge(&by_record_id()).problems, Vec::<String>::new());
    let mut lost = by_record_id();
    lost.journal.remove(1);
    assert!(judge(&lost).problems[0].contains("has made 0 records"));
    let mut twice = by_record_id();
    twice.journal.push(twice.journal[1].clone());
    assert!(judge(&twice).problems[0].contains("has made 2 records after 0"));
    (twice.repeats, twice.struck) = (true, 1);
    assert_eq!(judge(&twice).problems, Vec::<String>::new());
    let mut strange = by_record_id();
    strange.sources[0].records[1].value = Some(br#"{"Subject":"2"}"#.to_vec());
    assert!(judge(&strange).problems.iter().any(|problem| problem.contains("that no insert asks for")));
}

/// The record `1` loses the key `k` to another one at 10,000, and is changed `after_ms` later.
fn moved(op: &str, after_ms: u64) -> Evidence {
    let mut evidence = good();
    let of_org = |at_ms: u64, op: &str, id: &str, key: &str, outside: bool, fields: Value| -> Entry {
        let entry = json!({"at_ms": at_ms, "op": op, "id": id, "outside": outside, "keys": {"ExternalId__c": key}, "fields": fields});
        serde_json::from_value(entry).unwrap()
    };
    let values = json!({"Text__c": "1"});
    evidence.journal.extend([
        of_org(10_000, "update", "1", "lost:1:k", true, json!({})),
        of_org(10_000, "create", "2", "k", true, values.clone()),
    ]);
    if !op.is_empty() {
        evidence.journal.push(of_org(10_000 + after_ms, op, "1", "lost:1:k", false, values));
    }
    let old = json!([{"id": "1", "fields": {"ExternalId__c": "lost:1:k", "Text__c": "1"}}]);
    evidence.stored.extend(serde_json::from_value::<Vec<Stored>>(old).unwrap());
    evidence
}

#[test]
fn a_record_that_has_lost_its_key_may_be_changed_for_a_moment_only() {
    for (op, after_ms) in [("", 0), ("update", 4_900), ("delete", 3_900)] {
        let problems = judge(&moved(op, after_ms)).problems;
        assert!(problems.is_empty(), "{op} after {after_ms}: {problems:?}");
    }
    for (op, after_ms) in [("update", 5_100), ("delete", 4_100)] {
        let problems = judge(&moved(op, after_ms)).problems;
        assert!(
            problems.iter().any(|problem| problem.contains("had lost its key")),
            "{op} after {after_ms}: {problems:?}"
        );
    }
}
