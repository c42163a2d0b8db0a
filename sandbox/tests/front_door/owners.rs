//! The owners of records: assignment rules, and owners of several kinds.

use sandbox::{SchemaSource, Server, ServerOptions};
use serde_json::{Value, json};

use crate::{Client, codes, collection};

async fn owner(client: &Client, sobject: &str, id: &str) -> String {
    let (_, body) = client.call("GET", &format!("sobjects/{sobject}/{id}?fields=OwnerId"), None).await;
    serde_json::from_str::<Value>(&body).unwrap()["OwnerId"].as_str().unwrap().to_owned()
}

async fn send(client: &Client, method: &str, path: &str, assign: Option<&str>, row: Value) -> Value {
    let url = format!("{}/services/data/v66.0/{path}", client.org.url());
    let mut request = client.http.request(method.parse().unwrap(), url).bearer_auth(&client.token).json(&row);
    if let Some(assign) = assign {
        request = request.header("Sforce-Auto-Assign", assign);
    }
    let text = request.send().await.unwrap().text().await.unwrap();
    serde_json::from_str(&text).unwrap_or_default()
}

#[tokio::test]
async fn assignment_rules_take_what_is_created_and_updated() {
    let client = Client::with(serde_json::from_value(json!({"auto_assign": true})).unwrap()).await;
    for (sobject, row) in [
        ("Case", json!({"Subject": "x"})),
        ("Account", json!({"Name": "x"})),
        ("Lead", json!({"LastName": "x", "Company": "y"})),
    ] {
        let path = format!("sobjects/{sobject}");
        let made = send(&client, "POST", &path, Some("FALSE"), row.clone()).await;
        let id = made["id"].as_str().unwrap();
        let own = owner(&client, sobject, id).await;
        assert_eq!(own, "005SB0000000001YAA");
        let path = format!("sobjects/{sobject}/{id}");
        send(&client, "PATCH", &path, Some("false"), row.clone()).await;
        assert_eq!(owner(&client, sobject, id).await, own);
        send(&client, "PATCH", &path, None, row.clone()).await;
        assert_ne!(owner(&client, sobject, id).await, own, "an update without the header");
    }
    let made = send(&client, "POST", "sobjects/Case", None, json!({"Subject": "x"})).await;
    assert_ne!(owner(&client, "Case", made["id"].as_str().unwrap()).await, "005SB0000000001YAA", "a create");
    let made = send(&client, "POST", "sobjects/MyObject__c", None, json!({"Text__c": "x"})).await;
    assert_eq!(owner(&client, "MyObject__c", made["id"].as_str().unwrap()).await, "005SB0000000001YAA");
}

const OWNED: &str = r#"[
  {"name": "User", "keyPrefix": "005", "fields": [{"name": "Id", "type": "id"}, {"name": "Ext__c", "type": "string", "length": 40, "externalId": true, "unique": true}]},
  {"name": "Group", "keyPrefix": "00G", "fields": [{"name": "Id", "type": "id"}, {"name": "Name", "type": "string", "length": 40, "idLookup": true}]},
  {"name": "Ticket__c", "keyPrefix": "a02", "fields": [
    {"name": "Id", "type": "id"}, {"name": "Key__c", "type": "string", "length": 40, "externalId": true, "unique": true},
    {"name": "OwnerId", "type": "reference", "referenceTo": ["Group", "User"], "relationshipName": "Owner", "nillable": false, "defaultedOnCreate": true}]}
]"#;

#[tokio::test]
async fn an_owner_is_a_user_or_a_queue() {
    let schema = SchemaSource::Json(OWNED.to_owned());
    let client = Client::on(Server::start(ServerOptions { schema, ..ServerOptions::default() }).await.unwrap()).await;
    let user = client.org.put("User", &json!({"Ext__c": "u1"})).unwrap()[0].to_string();
    let queue = client.org.put("Group", &json!({"Name": "Queue"})).unwrap()[0].to_string();
    let (_, body) = client.call("GET", "sobjects/Ticket__c/describe", None).await;
    let described: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(described["fields"][2]["polymorphicForeignKey"], true);
    let owned = |key: &str, kind: &str, name: &str, value: &str| json!({"Key__c": key, "Owner": {"attributes": {"type": kind}, name: value}});
    let rows =
        [owned("a", "User", "Ext__c", "u1"), owned("b", "Group", "Name", "Queue"), owned("c", "User", "Ext__c", "u2")];
    let path = "composite/sobjects/Ticket__c/Key__c";
    let (_, body) = client.call("PATCH", path, collection(false, "Ticket__c", &rows)).await;
    assert_eq!(codes(&serde_json::from_str::<Vec<Value>>(&body).unwrap()), ["ok", "ok", "INVALID_FIELD"]);
    let owners: Vec<_> =
        client.org.records("Ticket__c").iter().map(|r| r.fields["OwnerId"].as_text().unwrap().to_owned()).collect();
    assert_eq!(owners, [user, queue]);
    // One of several objects has to be named.
    let row = json!({"Key__c": "d", "Owner": {"Ext__c": "u1"}});
    let (status, body) = client.call("PATCH", path, collection(false, "Ticket__c", &[row])).await;
    assert!(status == 400 && body.contains("INVALID_FIELD"), "{body}");
}
