//! Describes, with every key of the recorded ones.

use serde_json::{Value, json};

use crate::Client;

#[tokio::test]
async fn a_describe_has_the_keys_of_the_recorded_ones() {
    let client = Client::start().await;
    let (status, body) = client.call("GET", "sobjects/MyObject__c/describe", None).await;
    assert_eq!(status, 200);
    // Keys of an object and of a field as recorded from `Custom__c`, in their order.
    let object = "actionOverrides activateable associateEntityType associateParentEntity childRelationships \
        compactLayoutable createable custom customSetting deepCloneable defaultImplementation deletable \
        deprecatedAndHidden extendedBy extendsInterfaces feedEnabled fields hasSubtypes implementedBy \
        implementsInterfaces isInterface isSubtype keyPrefix label labelPlural layoutable listviewable lookupLayoutable \
        mergeable mruEnabled name namedLayoutInfos networkScopeFieldName queryable recordTypeInfos replicateable \
        retrieveable searchLayoutable searchable sobjectDescribeOption supportedScopes triggerable undeletable \
        updateable urls";
    let field = "aggregatable aiPredictionField autoNumber byteLength calculated calculatedFormula cascadeDelete \
        caseSensitive compoundFieldName controllerName createable custom defaultValue defaultValueFormula \
        defaultedOnCreate dependentPicklist deprecatedAndHidden digits displayLocationInDecimal encrypted externalId \
        extraTypeInfo filterable filteredLookupInfo formulaTreatNullNumberAsZero groupable highScaleNumber htmlFormatted \
        idLookup inlineHelpText label length mask maskType name nameField namePointing nillable permissionable \
        picklistValues polymorphicForeignKey precision queryByDistance referenceTargetField referenceTo relationshipName \
        relationshipOrder restrictedDelete restrictedPicklist scale searchPrefilterable soapType sortable type unique \
        updateable writeRequiresMasterRead";
    let described: Value = serde_json::from_str(&body).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&described), object.split_whitespace().collect::<Vec<_>>());
    assert_eq!(keys(&described["fields"][0]), field.split_whitespace().collect::<Vec<_>>());

    let find = |name: &str| described["fields"].as_array().unwrap().iter().find(|f| f["name"] == name).unwrap().clone();
    let key = find("ExternalIdCase__c");
    assert_eq!(
        (&key["externalId"], &key["unique"], &key["caseSensitive"], &key["byteLength"]),
        (&json!(true), &json!(true), &json!(true), &json!(765))
    );
    let parent = find("Account__c");
    assert_eq!((&parent["referenceTo"], &parent["relationshipName"]), (&json!(["Account"]), &json!("Account__r")));
    assert_eq!(
        find("Picklist__c")["picklistValues"][0],
        json!({"active": true, "defaultValue": false, "label": "Red", "validFor": null, "value": "Red"})
    );
}

#[tokio::test]
async fn the_org_lists_its_objects_and_versions() {
    let client = Client::start().await;
    let (_, body) = client.call("GET", "sobjects", None).await;
    assert!(body.starts_with(r#"{"encoding":"UTF-8","maxBatchSize":200,"sobjects":[{"#), "{body}");
    let global: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(global["sobjects"][0]["urls"]["rowTemplate"], "/services/data/v66.0/sobjects/Account/{ID}");
    let (_, body) = client.call("GET", "sobjects/Contact", None).await;
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["objectDescribe"]["keyPrefix"], "003");
    assert_eq!(client.call("GET", "sobjects/Nope__c/describe", None).await.0, 404);

    let response = client.http.get(format!("{}/services/data", client.org.url())).send().await.unwrap();
    assert!(response.headers().get("sforce-limit-info").is_none());
    let versions: Value = response.json().await.unwrap();
    let all = versions.as_array().unwrap();
    assert_eq!(all.len(), 38);
    // Names and numbers of releases, as the official versions list pairs them.
    for (version, label) in [
        (31, "Summer '14"),
        (53, "Winter '22"),
        (58, "Summer '23"),
        (62, "Winter '25"),
        (63, "Spring '25"),
        (66, "Spring '26"),
        (68, "Winter '27"),
    ] {
        let expected =
            json!({"label": label, "url": format!("/services/data/v{version}.0"), "version": format!("{version}.0")});
        assert_eq!(all[version - 31], expected);
    }
}
