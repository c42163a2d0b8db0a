//! Keys of upserts: which rows meet, and which must not be in one call.

use serde_json::{Value, json};

use crate::{Client, codes, collection};

#[tokio::test]
async fn the_same_key_twice_fails_every_row_that_has_it() {
    let client = Client::start().await;
    let rows = [
        json!({"ExternalId__c": "A-1"}),
        json!({"ExternalId__c": "b"}),
        json!({"ExternalId__c": " a-1 "}),
        json!({"ExternalId__c": ""}),
        json!({"ExternalId__c": null}),
        json!({}),
    ];
    let results = client.upsert("ExternalId__c", &rows).await;
    let missing = "MISSING_ARGUMENT";
    assert_eq!(codes(&results), ["DUPLICATE_VALUE", "ok", "DUPLICATE_VALUE", missing, missing, missing]);
    assert_eq!(results[2]["errors"][0]["message"], "Duplicate external id specified: a-1");
    assert_eq!(results[5]["errors"][0]["message"], "ExternalId__c not specified");

    let rows = [json!({"ExternalIdCase__c": "A-1"}), json!({"ExternalIdCase__c": "a-1"})];
    assert_eq!(codes(&client.upsert("ExternalIdCase__c", &rows).await), ["ok", "ok"]);
    let rows =
        [json!({"ExternalNumber__c": 1}), json!({"ExternalNumber__c": "1.0"}), json!({"ExternalNumber__c": 2.5})];
    assert_eq!(codes(&client.upsert("ExternalNumber__c", &rows).await), ["DUPLICATE_VALUE", "DUPLICATE_VALUE", "ok"]);
}

#[tokio::test]
async fn keys_meet_as_the_org_compares_them() {
    let client = Client::start().await;
    for (key, first, again, other) in [
        ("ExternalId__c", json!("Grün"), json!("  GRÜN "), json!("Grun")),
        ("ExternalIdCase__c", json!("Key"), json!(" Key "), json!("key")),
        ("ExternalNumber__c", json!(10), json!("10.00"), json!(10.01)),
        ("ExternalLoose__c", json!("x"), json!("X"), json!("y")),
    ] {
        let mut ids = Vec::new();
        for value in [first, again, other] {
            let result = &client.upsert(key, &[json!({key: value})]).await[0];
            ids.push((result["id"].clone(), result["created"].clone()));
        }
        assert_eq!(ids[0].0, ids[1].0, "{key}");
        assert_ne!(ids[0].0, ids[2].0, "{key}");
        assert_eq!([&ids[0].1, &ids[1].1, &ids[2].1], [&json!(true), &json!(false), &json!(true)], "{key}");
    }
}

#[tokio::test]
async fn a_unique_value_belongs_to_one_record() {
    let client = Client::start().await;
    let made = client.upsert("ExternalId__c", &[json!({"ExternalId__c": "a", "ExternalIdCase__c": "K"})]).await;
    let rows = [
        json!({"ExternalId__c": "b", "ExternalIdCase__c": "k"}),
        json!({"ExternalId__c": "c", "ExternalIdCase__c": "K"}),
    ];
    let results = client.upsert("ExternalId__c", &rows).await;
    assert_eq!(codes(&results), ["ok", "DUPLICATE_VALUE"]);
    let owner = &made[0]["id"].as_str().unwrap()[..15];
    let text = format!("duplicate value found: ExternalIdCase__c duplicates value on record with id: {owner}");
    assert_eq!(results[1]["errors"][0]["message"], text);
    assert_eq!(results[1]["errors"][0]["fields"], json!([]));
    let (status, body) = client.call("POST", "sobjects/MyObject__c", json!({"ExternalId__c": "A "})).await;
    let text = format!(
        r#"[{{"message":"duplicate value found: ExternalId__c duplicates value on record with id: {owner}","errorCode":"DUPLICATE_VALUE","fields":[]}}]"#
    );
    assert_eq!((status, body), (400, text));
}

#[tokio::test]
async fn a_loose_key_of_several_records_fails_its_row() {
    let client = Client::start().await;
    let rows = [json!({"ExternalLoose__c": "x"}), json!({"ExternalLoose__c": "X"})];
    let (_, body) = client.call("POST", "composite/sobjects", collection(false, "MyObject__c", &rows)).await;
    let made: Vec<Value> = serde_json::from_str(&body).unwrap();
    let results = client.upsert("ExternalLoose__c", &[json!({"ExternalLoose__c": "x"})]).await;
    let (a, b) = (made[0]["id"].as_str().unwrap(), made[1]["id"].as_str().unwrap());
    let text = format!("External Loose: more than one record found for external id field: [{a}, {b}]");
    assert_eq!(
        (codes(&results), results[0]["errors"][0]["message"].as_str()),
        (vec!["DUPLICATE_EXTERNAL_ID".into()], Some(text.as_str()))
    );
}

#[tokio::test]
async fn ids_and_lookup_fields_are_keys_too() {
    let client = Client::start().await;
    // Recorded: an upsert by Id with null creates, one by Contact.Email matches.
    let results = client.upsert("Id", &[json!({"Id": null, "Text__c": "a"})]).await;
    assert_eq!(results[0]["created"], true);
    let results = client.upsert("Id", &[json!({"Id": results[0]["id"], "Text__c": "b"})]).await;
    assert_eq!(results[0]["created"], false);
    for created in [true, false] {
        let rows = [json!({"LastName": "Bluth", "Email": "GOB.Bluth@example.com"})];
        let (_, body) =
            client.call("PATCH", "composite/sobjects/Contact/Email", collection(false, "Contact", &rows)).await;
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap()[0]["created"], created);
    }
    let body = collection(false, "Account", &[json!({"Phone": "1"})]);
    let (status, body) = client.call("PATCH", "composite/sobjects/Account/Phone", body).await;
    assert!(
        status == 404 && body.contains("Provided external ID field does not exist or is not accessible: Phone"),
        "{body}"
    );
}

#[tokio::test]
async fn a_parent_is_named_by_its_key() {
    let client = Client::start().await;
    let (_, body) = client.call("POST", "sobjects/Account", json!({"Name": "P", "ExternalId__c": "1580"})).await;
    let parent = serde_json::from_str::<Value>(&body).unwrap()["id"].clone();
    let rows = [
        json!({"ExternalId__c": "a", "Account__r": {"ExternalId__c": "1580"}}),
        json!({"ExternalId__c": "b", "Account__r": {"attributes": {"type": "Account"}, "ExternalId__c": "none"}}),
        json!({"ExternalId__c": "c", "Account__c": parent}),
    ];
    let results = client.upsert("ExternalId__c", &rows).await;
    assert_eq!(codes(&results), ["ok", "INVALID_FIELD", "ok"]);
    let text = "Foreign key external ID: none not found for field ExternalId__c in entity Account";
    assert_eq!((&results[1]["errors"][0]["message"], &results[1]["errors"][0]["fields"]), (&json!(text), &json!([])));
    for record in client.org.records("MyObject__c") {
        assert_eq!(record.fields["Account__c"].as_text(), parent.as_str());
    }
    let rows = [json!({"ExternalId__c": "d"}), json!({"ExternalId__c": "e", "Parent__r": {"ExternalId__c": "d"}})];
    assert_eq!(
        codes(&client.upsert("ExternalId__c", &rows).await),
        ["ok", "INVALID_FIELD"],
        "a parent of the same call"
    );
    assert_eq!(codes(&client.upsert("ExternalId__c", &rows).await), ["ok", "ok"]);
    let body = json!({"LastName": "x", "Account": {"ExternalId__c": "1580"}});
    assert_eq!(client.call("POST", "sobjects/Contact", body).await.0, 201);
    let (_, body) = client.call("POST", "sobjects/Contact", json!({"LastName": "x", "Account": {"Phone": "1"}})).await;
    assert!(body.contains("INVALID_FIELD"), "{body}");
}
