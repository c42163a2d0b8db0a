use super::*;
use crate::salesforce::testing::external;

const UNIQUE: KeyKind = KeyKind::Text { unique: true, case_sensitive: false };
const CASE: KeyKind = KeyKind::Text { unique: true, case_sensitive: true };
const LOOSE: KeyKind = KeyKind::Text { unique: false, case_sensitive: true };
const EMAIL: KeyKind = KeyKind::Text { unique: false, case_sensitive: false };
const NUMBER: KeyKind = KeyKind::Number { unique: true, scale: None };

/// The hits, as their places among the answers.
fn hits(values: &[&str]) -> Vec<Hit> {
    let id = |n: usize| format!("0037e00001WZ3{n:02}").parse().unwrap();
    values.iter().enumerate().map(|(n, value)| Hit { id: id(n), value: (*value).to_owned() }).collect()
}

fn outcome(resolved: &Resolved, hits: &[Hit]) -> String {
    let place = |id: &RecordId| hits.iter().position(|hit| hit.id == *id).unwrap();
    match resolved {
        Resolved::Found(id, _) => place(id).to_string(),
        Resolved::NotFound => "-".to_owned(),
        Resolved::Ambiguous(ids) => format!("{}!", ids.len()),
        Resolved::Failed(failure) => panic!("{failure:?}"),
    }
}

#[test]
fn an_answer_belongs_to_the_value_that_matches_it() {
    // (field, asked, the org's values, found among many, found alone)
    for (kind, asked, values, many, single) in [
        (UNIQUE, "K", &["k"][..], "0", "0"),
        (UNIQUE, "K", &["\u{212A}"], "-", "0"), // the Kelvin sign
        (UNIQUE, "e\u{301}", &["\u{e9}", "e\u{301}"], "1", "1"),
        (UNIQUE, "K", &["other"], "-", "0"),
        (UNIQUE, "a ", &["a"], "0", "0"),
        (UNIQUE, "ss", &["ß", "ss"], "1", "1"),
        (CASE, "K", &["k"], "-", "-"),
        (CASE, "K", &["k", "K"], "1", "1"),
        (CASE, "K", &["\u{212A}"], "-", "-"),
        (LOOSE, "K", &["k"], "-", "-"),
        (LOOSE, "K", &["k", "K"], "1", "1"),
        (LOOSE, "K", &["K", "K"], "2!", "2!"),
        (LOOSE, "K", &["k", "\u{212A}"], "-", "-"),
        (LOOSE, "a", &["a\u{a0}"], "0", "0"),
        (EMAIL, "K", &["k"], "0", "0"),
        (EMAIL, "K", &["k", "K"], "1", "1"),
        (EMAIL, "M", &["k", "\u{212A}"], "-", "2!"),
        (NUMBER, "1.0", &["1"], "0", "0"),
        (NUMBER, "1e3", &["1000.00"], "0", "0"),
        (NUMBER, "1", &["2"], "-", "-"),
        (NUMBER, "123456789012345678", &["1.2345678901234568E17"], "-", "0"),
        (NUMBER, "123456789012345678", &["1.2345678901234567E16"], "-", "-"),
        (NUMBER, "123456789012345678", &["123456789012345679"], "-", "-"), // one double, two records
        (NUMBER, "1", &[], "-", "-"),
    ] {
        let (value, hits) = (external("Ext__c", kind, asked), hits(values));
        let found = (outcome(&find_among_many(&value, &hits), &hits), outcome(&find_alone(&value, &hits), &hits));
        assert_eq!(found, (many.to_owned(), single.to_owned()), "{kind:?} {asked} {values:?}");
    }
}

#[test]
fn a_record_that_is_answered_twice_is_not_ambiguous() {
    let mut twice = hits(&["K", "K"]);
    twice[1].id = twice[0].id;
    assert!(matches!(find_among_many(&external("Ext__c", LOOSE, "K"), &twice), Resolved::Found(..)));
}

#[test]
fn values_that_an_unexpected_row_may_answer_are_queried_alone() {
    for (kind, asked, values, again) in [
        (UNIQUE, &["a", "b", "c"][..], &["a"][..], &[][..]),
        (LOOSE, &["A", "b", "c"], &["a", "b", "C", "stray"], &[]),
        (CASE, &["A", "b", "c"], &["a"], &[]),
        (UNIQUE, &["ä", "b", "c"], &["Ä"], &[0]),
        (UNIQUE, &["ä", "b", "ö"], &["Ä", "b", "Ö"], &[0, 2]),
        (UNIQUE, &["ä", "b", "c"], &["Ä", "stray"], &[0, 1, 2]),
        (NUMBER, &["1", "2"], &["1", "7"], &[1]),
    ] {
        let values_asked: Vec<_> = asked.iter().map(|text| external("Ext__c", kind, text)).collect();
        let values_asked: Vec<_> = values_asked.iter().collect();
        let hits = hits(values);
        let resolved: Vec<_> = values_asked.iter().map(|value| find_among_many(value, &hits)).collect();
        assert_eq!(unanswered_near_strays(&values_asked, &resolved, &hits), again, "{asked:?} {values:?}");
    }
}
