use super::*;
use crate::record::KeyKind;

#[test]
fn a_describe_is_read_by_the_keys_that_matter() {
    let sobject = read(
        br#"{"name":"Custom__c","label":"x","fields":[
        {"name":"Id","type":"id","idLookup":true,"label":"Record ID","nillable":false},
        {"name":"Ext__c","type":"string","externalId":true,"unique":true,"caseSensitive":true,"createable":true,"updateable":false},
        {"name":"Name","type":"string","idLookup":true},
        {"name":"Born__c","type":"date","externalId":true},
        {"name":"Text__c","type":"string"}]}"#,
    )
    .unwrap();
    assert_eq!(&*sobject.name, "Custom__c");
    let key = |name| sobject.key_field(name).map(|key| (key.name.to_string(), key.kind));
    let text = |unique, case_sensitive| KeyKind::Text { unique, case_sensitive };
    assert_eq!(key("EXT__c"), Ok(("Ext__c".to_owned(), text(true, true))));
    assert_eq!(key("Name"), Ok(("Name".to_owned(), text(false, false))));
    for name in ["Other__c", "Id", "Text__c", "Born__c"] {
        assert!(key(name).is_err(), "{name}");
    }
    let field = sobject.field("ext__c").unwrap();
    assert!(field.createable && !field.updateable && field.external_id && !field.id_lookup);
}
