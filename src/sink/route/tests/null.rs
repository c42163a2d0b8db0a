//! Tests of values that are null in their format.

use super::*;

#[test]
fn a_value_that_is_null_in_its_format_is_treated_as_a_tombstone() {
    const WITH_SCHEMA: &str = "value.format = \"json_with_schema\"";
    let plain: [&str; 2] = ["null", "\u{feff} null\n"];
    let enveloped = [
        r#"{"schema":null,"payload":null}"#,
        r#"{"schema":{"type":"struct","fields":[],"optional":true},"payload":null}"#,
    ];
    let nulls = plain.map(|text| ("", text)).into_iter().chain(enveloped.map(|text| (WITH_SCHEMA, text)));
    for (format, value) in nulls {
        for (more, header, expected) in [
            ("", None, Err(Reason::InvalidOperation)),
            ("tombstone = \"delete\"", None, Ok(Operation::Delete)),
            ("", Some("DELETE"), Ok(Operation::Delete)),
            ("tombstone = \"delete\"", Some("UPSERT"), Err(Reason::InvalidOperation)),
            ("tombstone = \"delete\"", Some("INSERT"), Err(Reason::InvalidOperation)),
            ("tombstone = \"delete\"", Some("UPDATE"), Err(Reason::InvalidOperation)),
        ] {
            let route = route(&format!("{EXTERNAL}{format}\n{more}"));
            let headers: Vec<_> = header.map(|word| ("op", Some(word))).into_iter().collect();
            let outcomes = [Some(value), None].map(|value| {
                let outcome = command(&route, &record(Some("k"), value, &headers));
                outcome.map(|command| command.operation).map_err(|rejection| rejection.reason)
            });
            assert_eq!(outcomes, [expected; 2], "{value}, and a tombstone: {more} {header:?}");
        }
    }
    // The key of an insert is not read, and that of the delete is.
    let delete = command(&route("tombstone = \"delete\""), &record(Some(ID), Some("null"), &[])).unwrap();
    assert_eq!(delete.target.unwrap().to_string(), ID);
    let in_value = route(&format!("{EXTERNAL}tombstone = \"delete\"\nidentity = \"value.Ext__c\""));
    assert_eq!(reason(&in_value, &record(None, Some("null"), &[])), Reason::InvalidKey);
}
