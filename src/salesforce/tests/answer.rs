use super::*;

const CONTACT: &str = "0037e00001WZ30qAAD";
const OTHER: &str = "0037e00001WZ30rAAD";

fn read(action: Action, body: &str, ids: &[&str]) -> Result<Vec<RowAnswer>, String> {
    let id = ids.first().map(|id| id.parse().unwrap());
    rows(body.as_bytes(), action, [id].into_iter()).map_err(|cause| cause.message)
}

#[test]
fn the_recorded_shapes_are_read() {
    let pretty = "[ {\n  \"id\" : \"0037e00001WZ30qAAD\",\n  \"success\" : true,\n  \"errors\" : [ ],\n  \"created\" : true\n} ]";
    let Ok(rows) = read(Action::Upsert, pretty, &[]) else { panic!() };
    assert!(matches!(&rows[0], RowAnswer::Done { id: Some(id), created: true } if id.as_str() == CONTACT));

    let nulls =
        r#"[{"id":null,"success":false,"created":null,"errors":[{"statusCode":"X","message":null,"fields":null}]}]"#;
    assert!(
        matches!(&read(Action::Create, nulls, &[]).unwrap()[0], RowAnswer::Failed(errors) if errors.0[0].code == "X")
    );

    let failed = r#"[{"success":false,"errors":[{"statusCode":"DUPLICATES_DETECTED","message":"Use one of these records?","fields":[]}]}]"#;
    let Ok(rows) = read(Action::Create, failed, &[]) else { panic!() };
    assert!(matches!(&rows[0], RowAnswer::Failed(errors) if errors.0[0].code == "DUPLICATES_DETECTED"));
}

#[test]
fn neither_id_nor_created_is_read_of_a_row_that_failed() {
    let lying = format!(r#"[{{"id":"{CONTACT}","created":true,"success":false,"errors":[]}}]"#);
    assert!(matches!(read(Action::Upsert, &lying, &[]).unwrap()[0], RowAnswer::Failed(_)));
}

#[test]
fn success_with_errors_is_success() {
    let event = format!(
        r#"[{{"id":"{CONTACT}","success":true,"errors":[{{"statusCode":"OPERATION_ENQUEUED","message":"m","fields":[]}}]}}]"#
    );
    assert!(matches!(read(Action::Create, &event, &[]).unwrap()[0], RowAnswer::Done { created: true, .. }));
}

#[test]
fn an_answer_that_does_not_fit_its_request_says_why() {
    let done = |id: &str| format!(r#"[{{"id":"{id}","success":true,"errors":[]}}]"#);
    for (action, body, ids, says) in [
        (Action::Create, "<html>".to_owned(), &[][..], "cannot be read"),
        (Action::Create, String::new(), &[], "cannot be read"),
        (Action::Create, r#"[{"id":"#.to_owned(), &[], "cannot be read"),
        (Action::Create, r#"{"success":true}"#.to_owned(), &[], "cannot be read"),
        (Action::Create, "[]".to_owned(), &[], "answered 0 rows for 1"),
        (Action::Create, r#"[{"success":true,"errors":[]}]"#.to_owned(), &[], "gave no record id"),
        (Action::Upsert, done("0037e00001WZ30q-AE"), &[], "gave no record id"),
        (Action::Update, done(OTHER), &[CONTACT], "another record's id"),
        (Action::Delete, done("nonsense"), &[CONTACT], "another record's id"),
    ] {
        let error = read(action, &body, ids).unwrap_err();
        assert!(error.contains(says), "{body}: {error}");
    }
}

#[test]
fn both_lengths_of_an_id_are_the_same_record() {
    let short = format!(r#"[{{"id":"{}","success":true,"errors":[]}}]"#, &CONTACT[..15]);
    let rows = read(Action::Update, &short, &[CONTACT]).unwrap();
    assert!(matches!(&rows[0], RowAnswer::Done { id: Some(id), created: false } if id.as_str() == CONTACT));
}

#[test]
fn a_whole_calls_errors_come_as_an_array_or_alone() {
    let error = r#"{"message":"m","errorCode":"JSON_PARSER_ERROR"}"#;
    for body in [format!("[{error}]"), error.to_owned()] {
        assert_eq!(Errors::of_call(body.as_bytes()).unwrap().0[0].code, "JSON_PARSER_ERROR");
    }
    for body in ["", "[]", "<html>", "{}", "[1]", r#"{"error":"invalid_grant"}"#] {
        assert!(Errors::of_call(body.as_bytes()).is_none(), "{body}");
    }
}
