//! Tests of keys that name no record, or no record of the route's SObject.

use super::*;
use crate::{format::FetchedSchemas, sink::route::Refusal};

/// The bytes of both keys happen to be valid UTF-8.
#[test]
fn a_binary_key_that_is_read_as_text_is_rejected() {
    for key in ["\0\0\0\0\u{5}\u{6}C-1", "\0\0\0\0\0\0\0*"] {
        let rejection = command(&route(EXTERNAL), &record(Some(key), Some("{}"), &[])).expect_err("rejected");
        assert_eq!(rejection.reason, Reason::InvalidKey);
        assert!(rejection.cause.message.contains("the control character '\\0'"), "{rejection}");
    }
}

/// The type of a field and the key prefix of an SObject may have changed since the description.
#[test]
fn a_key_that_does_not_fit_the_description_is_refused_by_it() {
    let is_refused_by_description = |more: &str, key: &str| {
        let route = route(more);
        let sobject = SObject::new("Account", [Field::sample("Number__c", "int", true)]);
        let sobject = Arc::new(sobject.with_key_prefix(Some("001".into())));
        let key_field = route.external_id_field.as_deref().map(|name| Arc::new(sobject.key_field(name).unwrap()));
        let schema = Schema { sobject, key_field, parents: Vec::new() };
        let record = record(Some(key), None, &[("op", Some("DELETE"))]);
        let (intent, message) = route.read(&record, &FetchedSchemas::default()).unwrap();
        let refused = route.command(&record, &message, intent, &schema).expect_err("refused");
        assert_eq!(refused.refusal.into_rejection().reason, Reason::InvalidKey, "{key}");
        let refused = route.command(&record, &message, intent, &schema).expect_err("refused");
        matches!(refused.refusal, Refusal::Key { .. })
    };
    let number = "external_id_field = \"Number__c\"";
    for (more, key, expected) in [
        ("", "0037Q00000EZlby", true),
        ("", "no id", false),
        (number, "seven", true),
        (number, "1.5", true),
        (number, " ", false),
    ] {
        assert_eq!(is_refused_by_description(more, key), expected, "{more} {key}");
    }
}
