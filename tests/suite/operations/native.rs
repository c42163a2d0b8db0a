//! The record key is the record id.

use crate::harness::{OBJECT, Record, Seeded, TestBed, delete, record, upsert};

async fn bed_with_three(name: &str) -> (TestBed, [String; 3]) {
    let mut bed = TestBed::new(name).await;
    bed.native();
    let org = Seeded(&bed.org);
    let mut ids = [const { String::new() }; 3];
    for id in &mut ids {
        *id = org.create(OBJECT, r#"{"Text__c":"theirs"}"#).await;
    }
    (bed, ids)
}

fn text(bed: &TestBed, id: &str) -> Option<String> {
    let record = bed.org.records(OBJECT).into_iter().find(|record| record.id.to_string() == id)?;
    record.fields.get("Text__c")?.as_text().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn updates_and_deletes_by_ids_of_15_and_18_characters() {
    let (bed, [a, b, c]) = bed_with_three("native").await;
    let records = [
        upsert(&a, "1"),
        upsert(&b[..15], "2"),
        upsert(&a[..15], "3").operation("UPDATE"),
        delete(&c[..15]),
        record(&*b, "").no_value(),
    ];
    let metrics = bed.run(&records).await;
    assert_eq!(metrics.settled("written"), 5);
    assert_eq!((text(&bed, &a).as_deref(), text(&bed, &b), text(&bed, &c)), (Some("3"), None, None));
    let of_a: Vec<_> = bed.org.journal().into_iter().filter(|change| change.id.to_string() == a).collect();
    assert_eq!(of_a.len(), 3, "created by the test, then two updates, in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_needs_no_key() {
    let mut bed = TestBed::new("native-insert").await;
    bed.native();
    bed.config.in_route("operation", "'insert'");
    let records =
        [record("", r#"{"Text__c":"1"}"#).no_key(), upsert("whatever", "2"), upsert("", "3").operation("INSERT")];
    let metrics = bed.run(&records).await;
    assert_eq!(metrics.settled("written"), 3);
    let texts: Vec<_> =
        bed.org.records(OBJECT).iter().map(|r| r.fields["Text__c"].as_text().unwrap().to_owned()).collect();
    assert_eq!(texts, ["1", "2", "3"], "ids are given in partition order");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_ids_are_rejected_and_repeated_deletes_are_written() {
    let (bed, [a, b, c]) = bed_with_three("native-rejected").await;
    let never = format!("{}zzzz", &a[..11]);
    let cases: [(Record, Option<&str>); 9] = [
        (upsert(&a, "1").operation("UPSERT"), Some("sobjectd.InvalidOperation")),
        (upsert("not-an-id", "1"), Some("sobjectd.InvalidKey")),
        (upsert(&format!("{}AAA", &a[..15]), "1"), Some("sobjectd.InvalidKey")),
        (upsert(&never, "1"), Some("sobjectd.NotFound")),
        (delete(&never), Some("sobjectd.NotFound")),
        (delete(&b), None),
        (delete(&b), None), // deleted already
        (upsert(&b, "1"), Some("sobjectd.NotFound")),
        (upsert(&c, "1"), None),
    ];
    let records: Vec<_> = cases.iter().map(|(record, _)| record.clone()).collect();
    bed.run(&records).await;
    let wanted: Vec<_> = (0..).zip(&cases).filter_map(|(offset, (_, class))| Some((offset, (*class)?))).collect();
    let mut letters = bed.dead_letters(wanted.len()).await;
    letters.sort_by_key(|letter| letter.header("__connect.errors.offset").unwrap().parse::<i64>().unwrap());
    for ((offset, class), letter) in wanted.into_iter().zip(&letters) {
        assert_eq!(letter.header("__connect.errors.offset").unwrap(), i64::to_string(&offset));
        assert_eq!(letter.header("__connect.errors.exception.class.name").unwrap(), class, "the record at {offset}");
    }
    assert_eq!((text(&bed, &a).as_deref(), text(&bed, &c).as_deref()), (Some("theirs"), Some("1")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_in_the_value_may_only_repeat_the_target() {
    let (bed, [a, b, _]) = bed_with_three("native-id").await;
    let with_id = |id: &str| format!(r#"{{"id":"{id}","attributes":{{"type":"Account"}},"Text__c":"1"}}"#);
    let metrics = bed.run(&[record(&*a, with_id(&a[..15])), record(&*b, with_id(&a))]).await;
    assert_eq!((metrics.settled("written"), metrics.settled("dead_lettered")), (1, 1));
    assert_eq!((text(&bed, &a).as_deref(), text(&bed, &b).as_deref()), (Some("1"), Some("theirs")));
    let letters = bed.dead_letters(1).await;
    assert_eq!(letters[0].header("__connect.errors.exception.class.name").unwrap(), "sobjectd.TargetMismatch");
}
