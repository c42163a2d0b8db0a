//! Records that are not shared with the session's user, and keys that need the right to view all data.

use serde_json::{Value, json};

use crate::{Client, codes, collection};

/// An org in which another user has made the record `theirs`, and its id.
async fn unshared() -> (Client, String) {
    let client = Client::with(serde_json::from_value(json!({"owner_only": true})).unwrap()).await;
    let row = json!({"ExternalId__c": "theirs", "ExternalNumber__c": 7});
    let (status, body) = client.call("POST", "/sandbox/records/MyObject__c", row).await;
    assert_eq!(status, 200, "{body}");
    let ids: Value = serde_json::from_str(&body).unwrap();
    let id = ids["ids"][0].as_str().unwrap().to_owned();
    (client, id)
}

async fn found(client: &Client, soql: &str) -> u64 {
    serde_json::from_str::<Value>(&client.query(soql).await.1).unwrap()["totalSize"].as_u64().unwrap()
}

#[tokio::test]
async fn records_of_another_user_are_not_found() {
    let (client, id) = unshared().await;
    let soql = "SELECT Id FROM MyObject__c WHERE ExternalId__c = 'theirs'";
    assert_eq!(found(&client, soql).await, 0);
    assert_eq!(client.call("GET", &format!("sobjects/MyObject__c/{id}"), None).await.0, 404);
    assert_eq!(
        client.call("GET", &format!("composite/sobjects/MyObject__c?ids={id}&fields=Id"), None).await.1,
        "[null]"
    );
    assert_eq!(client.org.records("MyObject__c").len(), 1);
    let change = &client.org.journal()[0];
    assert!(change.outside && change.call == 0, "{change:?}");
    client.org.change_settings(json!({"owner_only": false})).unwrap();
    assert_eq!(found(&client, soql).await, 1);
    let (_, body) = client.call("GET", &format!("sobjects/MyObject__c/{id}?fields=OwnerId"), None).await;
    assert!(!body.contains("005SB0000000001"), "another owner: {body}");
}

#[tokio::test]
async fn an_upsert_of_a_key_that_a_hidden_record_has_is_refused_without_its_id() {
    let (client, _) = unshared().await;
    let rows = [json!({"ExternalId__c": "Theirs"}), json!({"ExternalId__c": "mine", "ExternalNumber__c": "7.0"})];
    let results = client.upsert("ExternalId__c", &rows).await;
    assert_eq!(codes(&results), ["DUPLICATE_VALUE", "DUPLICATE_VALUE"]);
    for result in &results {
        let text = "duplicate value found: <unknown> duplicates value on record with id: <unknown>";
        assert_eq!(result["errors"][0]["message"], text);
        assert_eq!(result["errors"][0]["fields"], json!([]));
    }
}

#[tokio::test]
async fn the_id_of_a_hidden_record_may_not_be_changed_deleted_or_referred_to() {
    let (client, id) = unshared().await;
    let body = collection(false, "MyObject__c", &[json!({"Id": id, "Text__c": "x"})]);
    let (_, body) = client.call("PATCH", "composite/sobjects", body).await;
    assert_eq!(codes(&serde_json::from_str::<Vec<Value>>(&body).unwrap()), ["INSUFFICIENT_ACCESS_OR_READONLY"]);
    let (_, body) = client.call("DELETE", &format!("composite/sobjects?ids={id}"), None).await;
    assert_eq!(codes(&serde_json::from_str::<Vec<Value>>(&body).unwrap()), ["INSUFFICIENT_ACCESS_OR_READONLY"]);
    let rows = [
        json!({"ExternalId__c": "a", "Parent__c": id}),
        json!({"ExternalId__c": "b", "Parent__r": {"ExternalId__c": "theirs"}}),
    ];
    let results = client.upsert("ExternalId__c", &rows).await;
    assert_eq!(codes(&results), ["INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "INVALID_FIELD"]);
    let text = "Foreign key external ID: theirs not found for field ExternalId__c in entity MyObject__c";
    assert_eq!(results[1]["errors"][0]["message"], text);
}

#[tokio::test]
async fn another_integration_moves_keys_and_deletes_records() {
    let client = Client::start().await;
    client.upsert("ExternalId__c", &[json!({"ExternalId__c": "a"}), json!({"ExternalId__c": "b"})]).await;
    let ids: Vec<_> = client.org.records("MyObject__c").iter().map(|record| record.id.to_string()).collect();
    // The key `a` moves to the other record, in one transaction.
    let rows = json!([{"Id": ids[0], "ExternalId__c": null}, {"Id": ids[1], "ExternalId__c": "a"}]);
    assert_eq!(client.call("POST", "/sandbox/records/MyObject__c", rows).await.0, 200);
    let upserted = client.upsert("ExternalId__c", &[json!({"ExternalId__c": "a"})]).await;
    assert_eq!(upserted[0]["id"], ids[1]);
    // All or none.
    let rows = json!([{"ExternalId__c": "c"}, {"ExternalId__c": "a"}]);
    let (status, body) = client.call("POST", "/sandbox/records/MyObject__c", rows).await;
    assert!(status == 400 && body.contains("DUPLICATE_VALUE"), "{body}");
    assert_eq!(client.org.records("MyObject__c").len(), 2);
    assert_eq!(client.call("DELETE", &format!("/sandbox/records/MyObject__c/{}", ids[0]), None).await.0, 200);
    assert_eq!(client.org.records("MyObject__c").len(), 1);
    let outside = client.org.journal().iter().filter(|change| change.outside).count();
    assert_eq!(outside, 3);
}

#[tokio::test]
async fn an_upsert_by_a_key_that_is_not_unique_needs_a_right() {
    let client = Client::with(serde_json::from_value(json!({"view_all_data": false})).unwrap()).await;
    let rows = [json!({"ExternalLoose__c": "a"})];
    for status in [403, 400, 403, 400] {
        let path = "composite/sobjects/MyObject__c/ExternalLoose__c";
        let (answered, body) = client.call("PATCH", path, collection(false, "MyObject__c", &rows)).await;
        let text = r#"[{"message":"Upsert requires view all data on a non-unique custom index","errorCode":"INSUFFICIENT_ACCESS"}]"#;
        assert_eq!((answered, body.as_str()), (status, text));
    }
    let contact = [json!({"Email": "a@example.com", "LastName": "x"})];
    let by_email =
        client.call("PATCH", "composite/sobjects/Contact/Email", collection(false, "Contact", &contact)).await;
    assert_eq!(by_email.0, 403);
    assert_eq!(client.call("PATCH", "sobjects/MyObject__c/ExternalLoose__c/a", json!({})).await.0, 400);
    assert_eq!(codes(&client.upsert("ExternalId__c", &[json!({"ExternalId__c": "a"})]).await), ["ok"]);
    client.org.change_settings(json!({"view_all_data": true})).unwrap();
    assert_eq!(codes(&client.upsert("ExternalLoose__c", &rows).await), ["ok"]);
}
