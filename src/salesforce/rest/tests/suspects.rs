use super::{
    super::{collections::render, target::Target},
    *,
};
use crate::{
    record::{Action, BatchKey, KeyKind, RecordId},
    salesforce::testing::{command, external, fields, sobject},
};

const IDS: [&str; 3] = ["0037e00001WZ30qAAD", "0037e00001WZ30rAAD", "0037e00001WZ30sAAD"];

/// How the answer names the rows of an update of these records.
fn hints(cause: &Cause, values: [&str; 3]) -> Vec<Suspicion> {
    hints_of(Action::Update, IDS.map(|id| Target::Id(id.parse().unwrap())), cause, values)
}

fn hints_of(action: Action, targets: [Target<'_>; 3], cause: &Cause, values: [&str; 3]) -> Vec<Suspicion> {
    let contact = sobject("Contact", &[]);
    let commands = values.map(|json| command(action, &contact, None, fields(json)));
    let mut rows: Vec<_> = commands.iter().zip(targets).map(|(command, target)| SendRow::to(command, target)).collect();
    let key = BatchKey { action, sobject: "Contact".into(), key_field: None, options: std::sync::Arc::default() };
    let call = render(&key, &mut rows);
    mark(cause, &call.body, &mut rows);
    rows.iter().map(|row| row.suspicion().unwrap().clone()).collect()
}

fn rows_named(message: &str, values: [&str; 3]) -> Vec<usize> {
    let code = message.starts_with("No such column").then_some("INVALID_FIELD".into());
    let hints = hints(&Cause { code, ..Cause::new(message) }, values);
    (0..3).filter(|row| hints[*row] != Suspicion::NotNamed).collect()
}

fn rows(message: &str) -> Vec<usize> {
    let values = [
        r#"{"LastName":"u"}"#,
        r#"{"Birthdate":{"a":
 1}}"#,
        r#"{"LastName":"x","Stray__c":1}"#,
    ];
    rows_named(message, values)
}

#[test]
fn a_place_in_the_body_names_its_row() {
    assert_eq!(rows("Cannot deserialize instance of date from VALUE_NUMBER value 1 at [line:1, column:60]"), [0]);
    // The line end of row 1 came with its value; its first line is long enough to reach into it.
    assert_eq!(rows("Unexpected character at [line:1, column:160]"), [1]);
    assert_eq!(rows("Unexpected character at [line:2, column:3]"), [1]);
    assert_eq!(rows("Unexpected character at [line:2, column:60]"), [2]);
    assert_eq!(rows("Unexpected end at [line:2, column:999]"), [2]);
}

#[test]
fn a_column_names_the_rows_of_both_readings() {
    let long = format!(r#"{{"LastName":"{}"}}"#, "ü".repeat(100));
    let values = [long.as_str(), r#"{"LastName":"a"}"#, r#"{"LastName":"b"}"#];
    let at = |column: usize| rows_named(&format!("at [line:1, column:{column}]"), values);
    assert_eq!(at(100), [0], "before the first letter of two bytes the readings agree");
    assert_eq!(at(250), [0, 1], "row 0 in bytes, row 1 in characters");
}

#[test]
fn an_answer_that_names_a_field_names_the_rows_that_hold_it() {
    let field = |cause: &Cause| hints(cause, [r#"{"A__c":1}"#, r#"{"STRAY__c":1}"#, r#"{"Stray__c":1}"#]);
    let stray = || Suspicion::Field("stray__c".into());
    let invalid = |message: &str| Cause { code: Some("INVALID_FIELD".into()), ..Cause::new(message) };
    let by_text = invalid("No such column 'stray__C' on sobject of type Contact");
    assert_eq!(field(&by_text), [Suspicion::NotNamed, stray(), stray()]);
    let by_list = Cause { fields: vec!["Stray__c".into()], ..invalid("any text") };
    assert_eq!(field(&by_list), [Suspicion::NotNamed, stray(), stray()]);
    // One row's value is rejected, or the field of a parent: that says nothing of the other rows.
    let value = Cause { code: Some("MALFORMED_ID".into()), ..by_list };
    assert_eq!(field(&value), [const { Suspicion::NotNamed }; 3]);
    let quoted = Cause { code: Some("JSON_PARSER_ERROR".into()), ..by_text };
    assert_eq!(field(&quoted), [const { Suspicion::NotNamed }; 3]);
    let parents = invalid("No such column 'Stray__c' on sobject of type Account");
    assert_eq!(field(&parents), [const { Suspicion::NotNamed }; 3]);
    assert_eq!(rows("No such column 'LastName' on sobject of type Contact"), [0, 2]);
}

#[test]
fn a_quoted_record_id_names_its_row() {
    assert_eq!(rows("Contact ID: id value of incorrect type: 0037e00001WZ30r"), [1]);
}

#[test]
fn a_quoted_record_id_names_its_row_beside_rows_without_a_record_id() {
    let key = external("Ext__c", KeyKind::Text { unique: true, case_sensitive: false }, "a");
    let id: RecordId = IDS[1].parse().unwrap();
    let quoted = Cause::new(format!("id value of incorrect type: {id}"));
    let hints = hints_of(Action::Upsert, [Target::Key(&key), Target::Id(id), Target::New], &quoted, ["{}"; 3]);
    assert_eq!(hints, [Suspicion::NotNamed, Suspicion::Row, Suspicion::NotNamed]);
}

#[test]
fn a_rejected_delete_names_its_rows_by_their_record_ids_only() {
    let targets = || IDS.map(|id| Target::Id(id.parse().unwrap()));
    let named = |message: &str| hints_of(Action::Delete, targets(), &Cause::new(message), ["{}"; 3]);
    assert_eq!(named("at [line:1, column:1]"), [const { Suspicion::NotNamed }; 3]);
    assert_eq!(named(IDS[2]), [Suspicion::NotNamed, Suspicion::NotNamed, Suspicion::Row]);
}

#[test]
fn an_answer_that_names_no_row_or_every_row_gives_no_hint() {
    assert_eq!(rows("x"), [0; 0]);
    assert_eq!(rows("at [line:1, column:1]"), [0; 0]);
    assert_eq!(rows("at [line:7, column:1]"), [0; 0]);
    assert_eq!(rows("at [line:1, column:99999999999999999999]"), [0; 0]);
    assert_eq!(rows("No such column 'Other__c' on sobject of type Contact"), [0; 0]);
    assert_eq!(rows(&IDS.join(",")), [0; 0]);
}
