use super::*;
use crate::record::KeyKind;

#[test]
fn a_describe_is_read_by_the_keys_that_matter() {
    let sobject = read(
        br#"{"name":"Custom__c","label":"x","keyPrefix":"a0B","fields":[
        {"name":"Id","type":"id","idLookup":true,"label":"Record ID","nillable":false},
        {"name":"Ext__c","type":"string","externalId":true,"unique":true,"caseSensitive":true,"createable":true,"updateable":false},
        {"name":"Name","type":"string","idLookup":true},
        {"name":"Loose__c","type":"string","externalId":true,"idLookup":true},
        {"name":"Email","type":"email","idLookup":true},
        {"name":"Mail__c","type":"email","externalId":true,"idLookup":true},
        {"name":"Born__c","type":"date","externalId":true},
        {"name":"Text__c","type":"string"}]}"#,
    )
    .unwrap();
    assert_eq!(&*sobject.name, "Custom__c");
    let key = |name| sobject.key_field(name).map(|key| (key.name.to_string(), key.kind));
    let text = |unique, case_sensitive| KeyKind::Text { unique, case_sensitive };
    assert_eq!(key("EXT__c"), Ok(("Ext__c".to_owned(), text(true, true))));
    // Only where a field is unique, or a standard e-mail field, is another case the same record.
    assert_eq!(key("Loose__c"), Ok(("Loose__c".to_owned(), text(false, true))));
    assert_eq!(key("Name"), Ok(("Name".to_owned(), text(false, true))));
    assert_eq!(key("Email"), Ok(("Email".to_owned(), text(false, false))));
    assert_eq!(key("Mail__c"), Ok(("Mail__c".to_owned(), text(false, true))));
    assert_eq!(sobject.key_prefix.as_deref(), Some("a0B"));
    for name in ["Other__c", "Id", "Text__c", "Born__c"] {
        assert!(key(name).is_err(), "{name}");
    }
    let field = sobject.field("ext__c").unwrap();
    assert!(field.createable && !field.updateable && field.external_id && !field.id_lookup);
}

#[test]
fn a_distilled_description_equals_the_whole_one() {
    let values: Vec<_> = (0..20_000).map(|n| format!(r#"{{"active":true,"label":"{n}","value":"{n}"}}"#)).collect();
    let long = format!(
        r#"{{"name":"Custom__c","deletable":false,"urls":{{"a":"b"}},"fields":[
        {{"name":"Kind__c","type":"picklist","picklistValues":[{}],"createable":true,"updateable":false}},
        {{"name":"OwnerId","type":"reference","relationshipName":"Owner","referenceTo":["User","Group"],"nillable":false}}]}}"#,
        values.join(",")
    );
    let kept = distil(&mut long.as_bytes()).unwrap();
    assert!(long.len() > 900_000 && kept.len() < 1_000, "{}: {}", kept.len(), String::from_utf8_lossy(&kept));
    assert_eq!(format!("{:?}", fields(&kept)), format!("{:?}", fields(long.as_bytes())));

    let field = r#"{"name":"A","type":"string"}"#;
    let many = |count| format!(r#"{{"name":"X","fields":[{}]}}"#, vec![field; count].join(","));
    assert!(distil(&mut many(MAX_FIELDS).as_bytes()).is_ok());
    let refused = distil(&mut many(MAX_FIELDS + 1).as_bytes()).unwrap_err();
    assert!(refused.message.contains("5000 fields"), "{refused}");
    assert!(distil(&mut &b"{\"name\":"[..]).is_err());
}

/// The fields of a description, in one order.
fn fields(body: &[u8]) -> Vec<String> {
    let sobject = read(body).unwrap();
    let known = |name| format!("{:?}", sobject.field(name).unwrap());
    vec![known("Kind__c"), known("OwnerId"), format!("{:?}", sobject.access)]
}
