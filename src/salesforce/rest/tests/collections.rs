use std::sync::Arc;

use super::*;
use crate::{
    record::KeyKind,
    salesforce::testing::{command, external, fields, sobject},
};

const ID: &str = "0037e00001WZ30qAAD";
const TEXT: KeyKind = KeyKind::Text { unique: true, case_sensitive: false };

fn key(action: Action, key_field: Option<&str>) -> BatchKey {
    BatchKey { action, sobject: "Contact".into(), key_field: key_field.map(Into::into), options: Arc::default() }
}

fn body(rendered: &Rendered) -> &str {
    std::str::from_utf8(&rendered.body).unwrap()
}

#[test]
fn the_target_of_a_row_is_written_once_whatever_the_record_says() {
    let contact = sobject("Contact", &[]);
    let fields = fields(r#"{"LastName":"O\u0027Hara","Amount__c":1.10,"Note__c":null}"#);
    let tail = r#""LastName":"O\u0027Hara","Amount__c":1.10,"Note__c":null}"#;
    let number = external("Number__c", KeyKind::Number { unique: true, scale: None }, "1.50");
    let text = external("Ext__c", TEXT, "a\"b\\\u{b}ü");
    for (action, target, middle) in [
        (Action::Create, Target::New, String::new()),
        (Action::Update, Target::Id(ID.parse().unwrap()), format!(r#""Id":"{ID}","#)),
        (Action::Upsert, Target::Key(&text), r#""Ext__c":"a\"b\\\u000bü","#.to_owned()),
        (Action::Upsert, Target::Key(&number), r#""Number__c":1.5,"#.to_owned()),
    ] {
        let command = command(action, &contact, None, fields.clone());
        let rendered = render(&key(action, None), &mut [SendRow::to(&command, target)]);
        let expected =
            format!(r#"{{"allOrNone":false,"records":[{{"attributes":{{"type":"Contact"}},{middle}{tail}]}}"#);
        assert_eq!(body(&rendered), expected, "{action:?}");
    }
}

#[test]
fn each_row_knows_where_it_begins_in_the_body() {
    let contact = sobject("Contact", &[]);
    let commands = ["{}", r#"{"LastName":"x"}"#].map(|json| command(Action::Create, &contact, None, fields(json)));
    let mut rows = commands.each_ref().map(|command| SendRow::to(command, Target::New));
    let rendered = render(&key(Action::Create, None), &mut rows);
    let head = r#"{"attributes":{"type":"Contact"}"#;
    let expected = [format!("{head}}},"), format!(r#"{head},"LastName":"x"}}]}}"#)];
    for (row, expected) in rows.iter().zip(expected) {
        assert!(body(&rendered)[row.outgoing().unwrap().start.unwrap()..].starts_with(&expected), "{expected}");
    }
    assert_eq!(rendered.request.rows, 2);
}

#[test]
fn a_delete_has_no_body() {
    let contact = sobject("Contact", &[]);
    let command = command(Action::Delete, &contact, None, crate::record::Fields::default());
    let target = Target::Id(ID.parse().unwrap());
    let mut rows = [SendRow::to(&command, target), SendRow::to(&command, target)];
    let rendered = render(&key(Action::Delete, None), &mut rows);
    let Endpoint::Data { segments, query: Some(query) } = &rendered.request.endpoint else { panic!() };
    assert_eq!(
        (segments.join("/"), query.as_str()),
        ("composite/sobjects".to_owned(), &*format!("ids={ID},{ID}&allOrNone=false"))
    );
    assert!(rendered.body.is_empty() && rows.iter().all(|row| row.outgoing().unwrap().start.is_none()));
}

#[test]
fn an_upsert_names_its_key_field_in_the_address() {
    let rendered = render(&key(Action::Upsert, Some("Ext__c")), &mut []);
    let Endpoint::Data { segments, query: None } = &rendered.request.endpoint else { panic!() };
    assert_eq!(segments.iter().map(Arc::as_ref).collect::<Vec<&str>>(), ["composite", "sobjects", "Contact", "Ext__c"]);
    assert_eq!(rendered.request.method, Method::PATCH);
}
