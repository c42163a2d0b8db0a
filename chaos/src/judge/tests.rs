use serde_json::json;

use super::*;

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
    let entry = json!({"at_ms": 1, "op": op, "keys": {"Key__c": "k"}, "fields": fields});
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
        entry("create", &json!({"Key__c": "k", "Text__c": "0"})),
        entry("update", &json!({"attributes": {"type": "X"}, "Id": "1", "Text__c": "1"})),
    ];
    let stored = serde_json::from_value(json!([{"fields": {"Key__c": "k", "Text__c": "1"}}])).unwrap();
    let topic = TOPIC.to_owned();
    let source = Source { topic, key_field: "Key__c", ignores_case: false, records, progress: vec![(3, 3)] };
    Evidence { sources: vec![source], letters, journal, stored, interruptions: Vec::new(), repeats: false }
}

#[test]
fn what_is_as_it_should_be_has_no_problem() {
    let verdict = judge(&good());
    assert!(verdict.problems.is_empty(), "{:?}", verdict.problems);
    assert_eq!((verdict.records, verdict.letters, verdict.events, verdict.repeated), (3, 1, 2, 0));
}

type Spoil = fn(&mut Evidence);

#[test]
fn whatever_is_wrong_is_found() {
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
    let crash = |partition| Interruption { at_ms: 1, places: Some(vec![(TOPIC.to_owned(), partition)]), wire_ms: None };
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
    evidence.sources[0].ignores_case = true;
    assert_eq!(judge(&evidence).problems, Vec::<String>::new());
}
