//! Values arrive as they were sent: digit for digit, letter for letter, and null is not absent.

use crate::harness::{OBJECT, TestBed, record, upsert};

/// The row of a key as it was on the wire.
fn sent(bed: &TestBed, key: &str) -> String {
    let of_key = |change: &sandbox::Change| change.keys["ExternalId__c"].as_text() == Some(key);
    let change = bed.org.journal().into_iter().find(of_key).unwrap_or_else(|| panic!("nothing about {key}"));
    change.fields.unwrap().get().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_keep_every_digit() {
    let bed = TestBed::new("numbers").await;
    let numbers = [
        ("Int__c", "123456789012345678"),
        ("Int__c", "-999999999999999999"),
        ("Int__c", "9007199254740993"), // 2^53 + 1, which no float is
        ("Number__c", "1234567890123456.78"),
        ("Number__c", "0.10"),
        ("Number__c", "1.50"),
        ("Number__c", "-0.0"),
        ("Number__c", "1E+2"),
        ("Number__c", "12345e-2"),
        ("Currency__c", "9999999999999999.99"),
        ("Percent__c", "100.00"),
    ];
    let value = |field: &str, number: &str| format!(r#"{{"{field}": {number} , "Text__c":"x"}}"#);
    let records: Vec<_> = (0..).zip(&numbers).map(|(n, (f, v))| record(format!("key{n}"), value(f, v))).collect();
    let metrics = bed.run(&records).await;
    assert_eq!(metrics.settled("written"), numbers.len() as u64);
    for (n, (field, number)) in numbers.iter().enumerate() {
        let row = sent(&bed, &format!("key{n}"));
        assert!(
            row.contains(&format!(r#""{field}":{number},"#)) || row.contains(&format!(r#""{field}":{number}}}"#)),
            "{row}"
        );
        assert_eq!(bed.find(&format!("key{n}")).unwrap()[*field], *number);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_keeps_every_letter() {
    let bed = TestBed::new("text").await;
    let texts = [
        ("plain", "plain"),
        ("😀 raw", "😀 raw"),
        (r"\ud83d\ude00 escaped", "😀 escaped"),
        ("👨‍👩‍👧 e\u{301} \u{2028} é", "👨‍👩‍👧 e\u{301} \u{2028} é"),
        (r#"\"quoted\" \\ \/ \t tab"#, "\"quoted\" \\ / \t tab"),
        ("<b>&amp;</b> 'x'", "<b>&amp;</b> 'x'"),
        (r"nul is \u0001 near", "nul is \u{1} near"),
    ];
    let records: Vec<_> = texts.iter().enumerate().map(|(n, (json, _))| upsert(&format!("key{n}"), json)).collect();
    bed.run(&records).await;
    for (n, (_, text)) in texts.iter().enumerate() {
        assert_eq!(bed.text(&format!("key{n}")), *text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn null_clears_and_absent_leaves() {
    let bed = TestBed::new("null").await;
    let all = r#"{"Text__c":"t","Number__c":1.5,"Email__c":"a@example.com","Date__c":"2024-02-29","Checkbox__c":true}"#;
    bed.run(&[
        record("cleared", all),
        record("cleared", r#"{"Text__c":null,"Number__c":null,"Date__c":null}"#),
        record("left", all),
        record("left", r#"{"Email__c":"b@example.com"}"#),
    ])
    .await;
    let names = |key: &str| bed.find(key).unwrap().into_keys().collect::<Vec<_>>();
    assert_eq!(names("cleared"), ["Checkbox__c", "Email__c", "ExternalId__c"]);
    assert_eq!(names("left"), ["Checkbox__c", "Date__c", "Email__c", "ExternalId__c", "Number__c", "Text__c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_salesforce_field_arrives() {
    let bed = TestBed::new("kinds").await;
    let fields = [
        ("Text__c", r#""text""#),
        ("LongText__c", r#""two\nlines""#),
        ("Date__c", r#""2024-02-29""#),
        ("Time__c", r#""14:45:00.000Z""#),
        ("Checkbox__c", "true"),
        ("Email__c", r#""a@example.com""#),
        ("Phone__c", r#""+49 30 1""#),
        ("Url__c", r#""https://example.com/?a=b&c""#),
        ("Picklist__c", r#""Red""#),
        ("OpenPicklist__c", r#""Unknown""#),
        ("MultiPicklist__c", r#""North;East""#),
    ];
    let value: Vec<_> = fields.iter().map(|(name, value)| format!(r#""{name}":{value}"#)).collect();
    let date_time = r#""DateTime__c":"2024-11-07T08:00:00.250+01:00""#;
    bed.run(&[record("a", format!("{{{date_time},{}}}", value.join(",")))]).await;
    let stored = bed.find("a").expect("the record is written");
    for (name, value) in fields {
        assert_eq!(stored[name], value, "{name}");
    }
    assert_eq!(stored["DateTime__c"], r#""2024-11-07T07:00:00.250+0000""#);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_arrive_as_they_are() {
    let bed = TestBed::new("keys").await;
    let keys = [
        "a/b?c=d&e#f",
        "a+b c",
        "%2F",
        "100%",
        "user@example.inc",
        "O'Hara",
        "say \"x\"",
        "back\\slash",
        "_",
        "..",
        "x' OR Name != '",
        "été",
        "😀",
        "null",
        "1",
        "1.0",
        "007",
        "a,b",
        "tab\there",
        "{\"a\":1}",
    ];
    let update = |key: &&str| upsert(key, "updated").operation("UPDATE");
    let records: Vec<_> = keys.iter().map(|key| upsert(key, "1")).chain(keys.iter().map(update)).collect();
    let metrics = bed.run(&records).await;
    assert_eq!(metrics.settled("dead_lettered"), 0, "each is found again by its key");
    assert_eq!(bed.org.records(OBJECT).len(), keys.len());
    for key in keys {
        assert_eq!(bed.text(key), "updated", "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_equal_as_their_field_compares_them() {
    let folded = TestBed::new("folded").await;
    folded.run(&[upsert("K", "1"), upsert("k", "2"), upsert(" k ", "3"), upsert("\u{212a}", "4")]).await;
    assert_eq!(folded.org.records(OBJECT).len(), 1, "unique without case: K, k, the Kelvin sign, and space around");

    let mut exact = TestBed::new("exact").await;
    exact.config.in_route("external_id_field", "'ExternalIdCase__c'");
    exact.run(&[upsert("K", "1"), upsert("k", "2"), upsert("k ", "3"), upsert("\u{212a}", "4")]).await;
    assert_eq!(exact.org.records(OBJECT).len(), 3, "case-sensitive: K, k, the Kelvin sign");

    let mut number = TestBed::new("number").await;
    number.config.in_route("external_id_field", "'ExternalNumber__c'");
    let records = [
        upsert("1", "1"),
        upsert("1.0", "2").operation("UPDATE"),
        upsert("10e-1", "3").operation("UPDATE"),
        upsert("001", "4"),
        upsert("-0.50", "5"),
        upsert("one", "never"),
        // The org keeps two decimals, and would take it for another's.
        upsert("-0.501", "never"),
    ];
    let metrics = number.run(&records).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (5, 2));
    assert_eq!(number.org.records(OBJECT).len(), 2);
    for letter in number.dead_letters(2).await {
        assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), "sobjectd.InvalidKey");
    }
}
