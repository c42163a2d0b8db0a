use std::sync::Arc;

use super::{
    super::testing::{command, external, fields, sobject},
    *,
};
use crate::record::KeyKind;

const ID: &str = "0037e00001WZ30qAAD";
const TEXT: KeyKind = KeyKind::Text { unique: true, case_sensitive: false };

fn key(action: Action, key_field: Option<&str>) -> BatchKey {
    BatchKey { action, sobject: "Contact".into(), key_field: key_field.map(Into::into) }
}

fn body(rendered: &Rendered) -> &str {
    std::str::from_utf8(&rendered.body).unwrap()
}

#[test]
fn the_target_is_written_by_us_once() {
    let contact = sobject("Contact", &[]);
    let fields = fields(r#"{"LastName":"O\u0027Hara","Amount__c":1.10,"Note__c":null}"#);
    let tail = r#""LastName":"O\u0027Hara","Amount__c":1.10,"Note__c":null}"#;
    let number = external("Number__c", KeyKind::Number { unique: true }, "1.50");
    let text = external("Ext__c", TEXT, "a\"b\\\u{1}ü");
    for (action, target, middle) in [
        (Action::Create, Target::New, String::new()),
        (Action::Update, Target::Id(ID.parse().unwrap()), format!(r#""Id":"{ID}","#)),
        (Action::Upsert, Target::Key(&text), r#""Ext__c":"a\"b\\\u0001ü","#.to_owned()),
        (Action::Upsert, Target::Key(&number), r#""Number__c":1.5,"#.to_owned()),
    ] {
        let command = command(action, &contact, None, fields.clone());
        let rendered = render(&key(action, None), &[(&command, target)]);
        let expected =
            format!(r#"{{"allOrNone":false,"records":[{{"attributes":{{"type":"Contact"}},{middle}{tail}]}}"#);
        assert_eq!(body(&rendered), expected, "{action:?}");
    }
}

#[test]
fn a_rows_length_is_what_it_adds() {
    let contact = sobject("Contact", &[]);
    let external = external("Ext__c", TEXT, "ü\n");
    let id: RecordId = ID.parse().unwrap();
    for (action, identity, target) in [
        (Action::Create, None, Target::New),
        (Action::Update, Some(Identity::RecordId(id)), Target::Id(id)),
        (Action::Update, Some(Identity::ExternalId(external.clone())), Target::Id(id)),
        (Action::Upsert, Some(Identity::ExternalId(external.clone())), Target::Key(&external)),
    ] {
        let command = command(action, &contact, identity, fields(r#"{"LastName":"x"}"#));
        let one = render(&key(action, None), &[(&command, target)]);
        let two = render(&key(action, None), &[(&command, target), (&command, target)]);
        assert_eq!(two.body.len() - one.body.len(), row_len(&command), "{action:?}");
        for (range, rendered) in two.ranges.iter().zip([&one, &one]) {
            assert_eq!(two.body[range.clone()], rendered.body[rendered.ranges[0].clone()]);
        }
    }
}

#[test]
fn a_delete_has_no_body() {
    let contact = sobject("Contact", &[]);
    let command = command(Action::Delete, &contact, None, crate::record::Fields::default());
    let target = Target::Id(ID.parse().unwrap());
    let rendered = render(&key(Action::Delete, None), &[(&command, target), (&command, target)]);
    let Place::Data { segments, query: Some(query) } = &rendered.ask.place else { panic!() };
    assert_eq!(
        (segments.join("/"), query.as_str()),
        ("composite/sobjects".to_owned(), &*format!("ids={ID},{ID}&allOrNone=false"))
    );
    assert!(rendered.body.is_empty() && rendered.ranges.is_empty());
    assert_eq!(row_len(&command), ID.len() + 1);
}

#[test]
fn an_upsert_names_its_key_field_in_the_address() {
    let rendered = render(&key(Action::Upsert, Some("Ext__c")), &[]);
    let Place::Data { segments, query: None } = &rendered.ask.place else { panic!() };
    assert_eq!(segments.iter().map(Arc::as_ref).collect::<Vec<&str>>(), ["composite", "sobjects", "Contact", "Ext__c"]);
    assert_eq!(rendered.ask.method, Method::PATCH);
}
