use super::*;
use crate::salesforce::testing::external;

const TEXT: KeyKind = KeyKind::Text { unique: true, case_sensitive: false };
const NUMBER: KeyKind = KeyKind::Number { unique: true, scale: None };

fn soql(values: &[&ExternalId]) -> String {
    let query = query("Contact", values[0].field(), values);
    let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
    assert_eq!((pairs.len(), &*pairs[0].0), (1, "q"));
    pairs[0].1.clone().into_owned()
}

#[test]
fn a_value_is_escaped_within_soql() {
    for (text, literal) in [
        ("a", "'a'"),
        (" a ", "'a'"),
        ("O'Hara", r"'O\'Hara'"),
        (r"\", r"'\\'"),
        ("x' OR Name != '", r"'x\' OR Name != \''"),
        ("a\nb\tc", r"'a\nb\tc'"),
        ("a\u{b}b", r"'a\u000Bb'"),
        ("100%&+=ü \u{1F600}", "'100%&+=ü \u{1F600}'"),
    ] {
        let soql = soql(&[&external("Ext__c", TEXT, text)]);
        assert_eq!(soql, format!("SELECT Id, Ext__c FROM Contact WHERE Ext__c = {literal}"));
    }
    let numbers = ["1.50", "-1e3"].map(|text| external("No__c", NUMBER, text));
    assert_eq!(soql(&[&numbers[0], &numbers[1]]), "SELECT Id, No__c FROM Contact WHERE No__c IN (1.5,-1000)");
}

const LONGEST: usize = 12_000;

#[test]
fn a_query_is_split_where_its_address_would_be_too_long() {
    let values: Vec<_> = (0..200).map(|n| external("Ext__c", TEXT, &format!("{}{n}", "ü".repeat(n)))).collect();
    let values: Vec<_> = values.iter().collect();
    let parts = parts(&values, LONGEST);
    assert!(parts.len() > 1);
    assert_eq!(parts.iter().cloned().flatten().collect::<Vec<_>>(), (0..200).collect::<Vec<_>>());
    for part in parts {
        assert!(query("Contact", values[0].field(), &values[part]).len() < LONGEST);
    }
}

#[test]
fn a_value_longer_than_any_address_is_left_out() {
    let values =
        [external("Ext__c", TEXT, "a"), external("Ext__c", TEXT, &"b".repeat(20_000)), external("Ext__c", TEXT, "c")];
    assert_eq!(parts(&values.iter().collect::<Vec<_>>(), LONGEST), [0..1, 2..3]);
}

#[test]
fn numbers_in_query_answers_stay_text() {
    let body = br#"{"totalSize":2,"done":false,"nextRecordsUrl":"/services/data/v66.0/query/01g-2000","records":[
        {"attributes":{"type":"Contact","url":"/x"},"Id":"0037e00001WZ30qAAD","No__c":123456789012345678.10},
        {"attributes":{"type":"Contact","url":"/x"},"Id":"0037e00001WZ30rAAD","No__c":"\u00fc"}]}"#;
    let page = read(body, external("no__C", NUMBER, "1").field()).unwrap();
    assert_eq!(page.next.as_deref(), Some("/services/data/v66.0/query/01g-2000"));
    assert_eq!(page.hits.iter().map(|hit| &*hit.value).collect::<Vec<_>>(), ["123456789012345678.10", "ü"]);
}

#[test]
fn an_unreadable_query_answer_says_why() {
    let field = external("Ext__c", TEXT, "1");
    for (body, says) in [
        ("<html>", "cannot be read"),
        (r#"{"done":true,"records":[{"Id":"0037e00001WZ30qAAD"}]}"#, "lacks Id or Ext__c"),
        (r#"{"done":true,"records":[{"Id":"1","Ext__c":"a"}]}"#, "lacks Id or Ext__c"),
        (r#"{"done":false,"records":[]}"#, "no next page"),
    ] {
        let error = read(body.as_bytes(), field.field()).unwrap_err().message;
        assert!(error.contains(says), "{body}: {error}");
    }
}
