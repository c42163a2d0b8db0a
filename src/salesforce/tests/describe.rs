use super::*;

#[test]
fn a_describe_is_read_by_the_keys_that_matter() {
    let sobject = read(
        br#"{"name":"Custom__c","label":"x","fields":[
        {"name":"Id","type":"id","idLookup":true,"label":"Record ID","nillable":false},
        {"name":"Ext__c","type":"string","externalId":true,"unique":true,"caseSensitive":true,"createable":true},
        {"name":"Name","type":"string","idLookup":true},
        {"name":"Born__c","type":"date","externalId":true},
        {"name":"Text__c","type":"string"}]}"#,
    )
    .unwrap();
    assert_eq!(&*sobject.name, "Custom__c");
    let key = |name| key_field(&sobject, name).map_err(|cause| cause.message);
    let exact = key("EXT__c").unwrap();
    assert_eq!(
        (&*exact.name, exact.kind),
        ("Ext__c", crate::record::KeyKind::Text { unique: true, case_sensitive: true })
    );
    assert!(key("Name").is_ok());
    for (name, says) in [
        ("Other__c", "Custom__c has no field Other__c, or it is hidden from this user"),
        ("id", "Custom__c.Id cannot be a key: leave external_id_field out to use record ids"),
        ("Text__c", "Custom__c.Text__c cannot be a key: it is neither an external id nor an id lookup field"),
        ("Born__c", "Custom__c.Born__c cannot be a key: it is not known how values of type date compare"),
    ] {
        assert_eq!(key(name).unwrap_err(), says);
    }
}
