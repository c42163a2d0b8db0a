//! Keys that try to be a path, a query or another header: each reaches its own record, and no other.

use sandbox::{Action, Fault, On};

use crate::harness::{Daemon, OBJECT, TestBed, record, upsert};

/// A path, an escape, a query, a fragment, a format's suffix, line ends, quotes, SOQL's own signs and words.
const KEYS: &[&str] = &[
    "../../Account/001",
    "..",
    "a?b",
    "a?_HttpMethod=DELETE",
    "a#b",
    "a/b",
    "a//b",
    "a\\b",
    "%2e%2e",
    "%2e%2e%2f",
    "a%00b",
    "x.json",
    "a b",
    "a+b",
    "a&b=c",
    "a;b",
    "a,b",
    "a\r\nSforce-Call-Options: client=x",
    "a\nb",
    "a\tb",
    "'",
    "''",
    "\\'",
    "\\",
    "a\\",
    "\"",
    "a\"b",
    "' OR ExternalId__c != '",
    "') OR (Name LIKE '%",
    "%",
    "_",
    "a%",
    "a_b",
    "*",
    "null",
    "NULL OR 1=1",
    ":key",
    "${jndi:ldap://x}",
    "{{x}}",
    "<a>&amp;</a>",
    "é",
    "日本語",
    "\u{1F980}",
    "a\u{200B}b",
];

/// What each record must hold: its own number, and no other's.
fn assert_each_has_its_own(bed: &TestBed, round: &str, gone: usize) {
    let records = bed.org.records(OBJECT);
    assert_eq!(records.len(), KEYS.len() - gone, "{round}");
    for (number, key) in KEYS.iter().enumerate().skip(gone) {
        let own = serde_json::to_string(key).unwrap();
        let text = format!("\"{round}-{number}\"");
        let mine: Vec<_> = records
            .iter()
            .filter(|record| {
                record.fields.get("ExternalId__c").is_some_and(|v| serde_json::to_string(v).unwrap() == own)
            })
            .collect();
        assert_eq!(mine.len(), 1, "{round}: {key:?}");
        assert_eq!(serde_json::to_string(&mine[0].fields["Text__c"]).unwrap(), text, "{round}: {key:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_reaches_its_own_record_and_no_other() {
    let bed = TestBed::new("hostile").await;
    let daemon = Daemon::start(&bed.config).await;
    let round = |round: &'static str, operation: &'static str| {
        let value = move |number| format!(r#"{{"Text__c":"{round}-{number}"}}"#);
        let record = move |(number, key): (usize, &&str)| record(*key, value(number)).operation(operation);
        KEYS.iter().enumerate().map(record).collect::<Vec<_>>()
    };
    let all = KEYS.len() as u64;
    bed.produce(&round("upsert", "UPSERT")).await;
    daemon.settled(all).await;
    assert_each_has_its_own(&bed, "upsert", 0);

    // By ids that are looked up: the keys stand in queries.
    bed.produce(&round("update", "UPDATE")).await;
    daemon.settled(2 * all).await;
    assert_each_has_its_own(&bed, "update", 0);

    let half = KEYS.len() / 2;
    bed.produce(&round("delete", "DELETE")[..half]).await;
    let metrics = daemon.settled(2 * all + half as u64).await;
    assert_each_has_its_own(&bed, "update", half);
    assert_eq!(metrics.settled("written"), 2 * all + half as u64);
    daemon.stop().await;
}

/// Where the key is a record id, none of these is one.
#[tokio::test(flavor = "multi_thread")]
async fn no_hostile_key_reaches_anything_as_a_record_id() {
    let mut bed = TestBed::new("hostile-ids").await;
    bed.config.not_in_route("external_id_field").in_route("operation", "'update'");
    let records: Vec<_> = KEYS.iter().map(|key| record(*key, r#"{"Text__c":"x"}"#)).collect();
    let deletes: Vec<_> = KEYS.iter().map(|key| record(*key, "{}").operation("DELETE")).collect();
    let metrics = bed.run(&[records, deletes].concat()).await;
    assert_eq!(metrics.settled("dead_lettered"), 2 * KEYS.len() as u64);
    let calls = bed.org.calls();
    assert_eq!(
        (calls.update, calls.delete, bed.org.journal().len()),
        (0, 0, 0),
        "no call is made for a key that is not a record id"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_one_line_of_a_text_log_whatever_the_org_says() {
    let mut bed = TestBed::new("one-line").await;
    bed.config.set("log.format", "'text'");
    let message = "not allowed: x\n1999-01-01T00:00:00.000000Z ERROR sobjectd::cli: ended\r\n\ncaused by: y";
    let refused = Action::row_error("FIELD_CUSTOM_VALIDATION_EXCEPTION", message);
    bed.fault(Fault::on(On::Upsert, refused));
    bed.produce(&[upsert("a", "1")]).await;
    let daemon = Daemon::start(&bed.config).await;
    daemon.settled(1).await;
    daemon.says(&["event=\"record_rejected\"", "ERROR sobjectd::cli: ended", "caused by: y"]).await;
    let odd: Vec<_> = daemon.log().iter().filter(|line| !line.starts_with("20")).cloned().collect();
    assert!(odd.is_empty(), "{odd:#?}");
    daemon.stop().await;
}
