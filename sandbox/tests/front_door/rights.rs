//! Rights that are taken from the session's user while the org runs, and given back.

use serde_json::{Value, json};

use crate::{Client, codes, collection};

const PATH: &str = "composite/sobjects/MyObject__c/ExternalId__c";
const GONE: &str = r#"[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]"#;

async fn set(client: &Client, settings: Value) {
    let (status, body) = client.call("POST", "/sandbox/settings", settings).await;
    assert_eq!(status, 200, "{body}");
}

async fn described(client: &Client) -> Vec<String> {
    let (_, body) = client.call("GET", "sobjects/MyObject__c/describe", None).await;
    let described: Value = serde_json::from_str(&body).unwrap();
    described["fields"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_hidden_object_is_unknown() {
    let client = Client::start().await;
    let made = client.upsert("ExternalId__c", &[json!({"ExternalId__c": "a"})]).await;
    let id = made[0]["id"].as_str().unwrap();
    set(&client, json!({"hidden": ["MyObject__c"]})).await;
    for path in ["sobjects/MyObject__c/describe", "sobjects/MyObject__c", &format!("sobjects/MyObject__c/{id}")] {
        assert_eq!(client.call("GET", path, None).await, (404, GONE.to_owned()), "{path}");
    }
    let row = collection(false, "MyObject__c", &[json!({"ExternalId__c": "a"})]);
    assert_eq!(client.call("PATCH", PATH, row.clone()).await, (404, GONE.to_owned()));
    let (status, body) = client.call("POST", "composite/sobjects", row).await;
    assert!(status == 400 && body.contains("INVALID_TYPE"), "{body}");
    let (status, body) = client.query("SELECT Id FROM MyObject__c").await;
    assert!(status == 400 && body.contains("sObject type 'MyObject__c' is not supported"), "{body}");
    let (_, body) = client.call("DELETE", &format!("composite/sobjects?ids={id}"), None).await;
    assert_eq!(codes(&serde_json::from_str::<Vec<Value>>(&body).unwrap()), ["MALFORMED_ID"]);
    assert!(!client.call("GET", "sobjects", None).await.1.contains("MyObject__c"));
    assert_eq!(
        client.org.journal().len(),
        1,
        "an outside reader still sees it: {:?}",
        client.org.records("MyObject__c")
    );
    set(&client, json!({"hidden": []})).await;
    assert_eq!(codes(&client.upsert("ExternalId__c", &[json!({"ExternalId__c": "a"})]).await), ["ok"]);
}

#[tokio::test]
async fn a_hidden_field_is_not_described_and_calls_that_name_it_fail() {
    let client = Client::start().await;
    assert!(described(&client).await.contains(&"Text__c".to_owned()));
    set(&client, json!({"hidden": ["MyObject__c.text__c"]})).await;
    assert!(!described(&client).await.contains(&"Text__c".to_owned()));
    // A client that has described it before.
    let rows = [json!({"ExternalId__c": "a", "Text__c": "x"}), json!({"ExternalId__c": "b"})];
    let (status, body) = client.call("PATCH", PATH, collection(false, "MyObject__c", &rows)).await;
    assert!(status == 400 && body.contains("No such column 'Text__c' on sobject of type MyObject__c"), "{body}");
    set(&client, json!({"unknown_field": "row"})).await;
    assert_eq!(codes(&client.upsert("ExternalId__c", &rows).await), ["INVALID_FIELD", "ok"]);
    let (status, body) = client.query("SELECT Text__c FROM MyObject__c").await;
    assert!(status == 400 && body.contains("No such column 'Text__c'"), "{body}");
    set(&client, json!({"hidden": []})).await;
    assert_eq!(codes(&client.upsert("ExternalId__c", &rows).await), ["ok", "ok"]);
    // A required field that is hidden is not asked for.
    set(&client, json!({"hidden": ["Contact.LastName"]})).await;
    assert_eq!(client.call("POST", "sobjects/Contact", json!({"FirstName": "x"})).await.0, 201);
}

#[tokio::test]
async fn a_hidden_key_and_a_hidden_parent_are_not_accessible() {
    let client = Client::start().await;
    set(&client, json!({"hidden": ["MyObject__c.ExternalId__c", "MyObject__c.Account__c"]})).await;
    let (status, body) = client.call("PATCH", PATH, collection(false, "MyObject__c", &[json!({"Text__c": "a"})])).await;
    let text = "Provided external ID field does not exist or is not accessible: ExternalId__c";
    assert!(status == 404 && body.contains(text), "{body}");
    let row = json!({"Account__r": {"ExternalId__c": "k"}});
    let (status, body) = client.call("POST", "sobjects/MyObject__c", row).await;
    assert!(status == 400 && body.contains("No such column 'Account__r'"), "{body}");
}

#[tokio::test]
async fn rows_of_read_only_objects_and_fields_fail() {
    let client = Client::start().await;
    client.upsert("ExternalId__c", &[json!({"ExternalId__c": "a"})]).await;
    set(&client, json!({"read_only": ["MyObject__c.Text__c"]})).await;
    let rows = [json!({"ExternalId__c": "a", "Text__c": "x"}), json!({"ExternalId__c": "b"})];
    assert_eq!(codes(&client.upsert("ExternalId__c", &rows).await), ["INVALID_FIELD_FOR_INSERT_UPDATE", "ok"]);
    let (_, body) = client.call("GET", "sobjects/MyObject__c/describe", None).await;
    let described: Value = serde_json::from_str(&body).unwrap();
    let field =
        described["fields"].as_array().unwrap().iter().find(|field| field["name"] == "Text__c").unwrap().clone();
    assert_eq!((&field["createable"], &field["updateable"]), (&json!(false), &json!(false)));
    set(&client, json!({"read_only": ["MyObject__c"]})).await;
    let code = "INSUFFICIENT_ACCESS_OR_READONLY";
    assert_eq!(codes(&client.upsert("ExternalId__c", &rows).await), [code, code]);
    let id = client.org.records("MyObject__c")[0].id;
    assert_eq!(client.call("DELETE", &format!("sobjects/MyObject__c/{id}"), None).await.0, 400);
    let (_, body) = client.call("GET", "sobjects/MyObject__c/describe", None).await;
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["createable"], false);
}

#[tokio::test]
async fn rights_to_what_the_org_has_not_are_refused() {
    let client = Client::start().await;
    for name in ["Nowhere__c", "MyObject__c.Nowhere__c"] {
        let (status, body) = client.call("POST", "/sandbox/settings", json!({"hidden": [name]})).await;
        assert!(status == 400 && body.contains(name), "{status} {body}");
    }
    assert!(client.org.settings().user.hidden.is_empty());
}
