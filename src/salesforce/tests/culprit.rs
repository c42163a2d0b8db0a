use super::{
    super::{
        collections::{Target, render},
        testing::{command, fields, sobject},
    },
    *,
};
use crate::{pipeline::BatchKey, record::Action};

const IDS: [&str; 3] = ["0037e00001WZ30qAAD", "0037e00001WZ30rAAD", "0037e00001WZ30sAAD"];

fn named(message: &str) -> Vec<usize> {
    let contact = sobject("Contact", &[]);
    let values = [
        r#"{"LastName":"ü"}"#,
        r#"{"Birthdate":{"a":
 1}}"#,
        r#"{"LastName":"x","Stray__c":1}"#,
    ];
    let commands = values.map(|json| command(Action::Update, &contact, None, fields(json)));
    let ids = IDS.map(|id| id.parse().unwrap());
    let lines: Vec<_> = commands.iter().zip(ids).map(|(command, id)| (command, Target::Id(id))).collect();
    let key = BatchKey {
        action: Action::Update,
        sobject: "Contact".into(),
        key_field: None,
        options: std::sync::Arc::default(),
    };
    let call = render(&key, &lines);
    let rows: Vec<_> = commands.iter().collect();
    let suspects = suspects(&Cause::new(message), &call, &rows, &ids);
    (0..3).filter(|row| suspects[*row]).collect()
}

#[test]
fn a_place_in_the_body_is_a_row() {
    assert_eq!(named("Cannot deserialize instance of date from VALUE_NUMBER value 1 at [line:1, column:60]"), [0]);
    // The line end of row 1 came with its value; its first line is long enough to reach into it.
    assert_eq!(named("Unexpected character at [line:1, column:160]"), [1]);
    assert_eq!(named("Unexpected character at [line:2, column:3]"), [1]);
    assert_eq!(named("Unexpected character at [line:2, column:60]"), [2]);
    assert_eq!(named("Unexpected end at [line:2, column:999]"), [2]);
}

#[test]
fn a_stray_field_and_a_quoted_id_name_their_rows() {
    assert_eq!(named("No such column 'stray__C' on sobject of type Contact"), [2]);
    assert_eq!(named("Contact ID: id value of incorrect type: 0037e00001WZ30r"), [1]);
}

#[test]
fn what_names_nobody_or_everybody_is_no_hint() {
    assert_eq!(named("x"), [0; 0]);
    assert_eq!(named("at [line:1, column:1]"), [0; 0]);
    assert_eq!(named("at [line:7, column:1]"), [0; 0]);
    assert_eq!(named("at [line:1, column:99999999999999999999]"), [0; 0]);
    assert_eq!(named("No such column 'Other__c' on sobject of type Contact"), [0; 0]);
    assert_eq!(named(&IDS.join(",")), [0; 0]);
}
