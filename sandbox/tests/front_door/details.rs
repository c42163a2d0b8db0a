//! What an org does with rows that look harmless: checkboxes, masters, keys in another case, persons, room, triggers.

use sandbox::{SchemaSource, Server, ServerOptions};
use serde_json::{Value, json};

use crate::{Client, codes, collection};

async fn with(settings: Value) -> Client {
    Client::with(serde_json::from_value(settings).unwrap()).await
}

#[tokio::test]
async fn null_is_no_value_of_a_checkbox() {
    let client = with(json!({"refuse_null_checkbox": true})).await;
    let rows =
        [json!({"ExternalId__c": "a", "Checkbox__c": null}), json!({"ExternalId__c": "b", "Checkbox__c": false})];
    let results = client.upsert("ExternalId__c", &rows).await;
    assert_eq!(codes(&results), ["INVALID_TYPE_ON_FIELD_IN_RECORD", "ok"]);
    let error = json!({"statusCode": "INVALID_TYPE_ON_FIELD_IN_RECORD", "message": "Checkbox: value not of required type: null", "fields": ["Checkbox__c"]});
    assert_eq!(results[0]["errors"][0], error);
}

#[tokio::test]
async fn a_master_is_named_once() {
    let client = Client::start().await;
    client.call("POST", "sobjects/Account", json!({"Name": "P", "ExternalId__c": "p"})).await;
    let send = async |row: Value| {
        let path = "composite/sobjects/Detail__c/ExternalId__c";
        let (_, body) = client.call("PATCH", path, collection(false, "Detail__c", &[row])).await;
        codes(&serde_json::from_str::<Vec<Value>>(&body).unwrap())[0].clone()
    };
    let whole = json!({"ExternalId__c": "a", "Master__r": {"ExternalId__c": "p"}, "Text__c": "1"});
    assert_eq!(send(json!({"ExternalId__c": "a"})).await, "REQUIRED_FIELD_MISSING");
    assert_eq!(send(whole.clone()).await, "ok");
    assert_eq!(send(whole).await, "INVALID_FIELD_FOR_INSERT_UPDATE");
    assert_eq!(send(json!({"ExternalId__c": "a", "Text__c": "2"})).await, "ok");
}

#[tokio::test]
async fn an_upsert_minds_the_case_that_a_query_does_not() {
    let client = with(json!({"upsert_minds_case": true})).await;
    let made = client
        .upsert("ExternalLoose__c", &[json!({"ExternalLoose__c": "aB1"}), json!({"ExternalLoose__c": "Ab1"})])
        .await;
    assert_eq!(codes(&made), ["ok", "ok"], "two keys, in one call");
    assert_ne!(made[0]["id"], made[1]["id"]);
    let again = client
        .upsert("ExternalLoose__c", &[json!({"ExternalLoose__c": "aB1"}), json!({"ExternalLoose__c": "ab1"})])
        .await;
    assert_eq!((&again[0]["id"], &again[1]["created"]), (&made[0]["id"], &json!(true)));
    let (_, body) = client.query("SELECT Id FROM MyObject__c WHERE ExternalLoose__c = 'AB1'").await;
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["totalSize"], 3);
    // Unique without case, and no external id: as before.
    for (key, sobject) in [("ExternalId__c", "MyObject__c"), ("Email", "Contact")] {
        let row = |value: &str| json!({key: value, if sobject == "Contact" { "LastName" } else { "Text__c" }: "x"});
        for (value, created) in [("a@example.com", true), ("A@example.com", false)] {
            let path = format!("composite/sobjects/{sobject}/{key}");
            let (_, body) = client.call("PATCH", &path, collection(false, sobject, &[row(value)])).await;
            assert_eq!(serde_json::from_str::<Value>(&body).unwrap()[0]["created"], created, "{body}");
        }
    }
}

const PERSONS: &str = r#"{"name": "Account", "keyPrefix": "001", "fields": [
    {"name": "Id", "type": "id"}, {"name": "Name", "type": "string", "length": 255, "nillable": false, "nameField": true},
    {"name": "FirstName", "type": "string", "length": 40}, {"name": "LastName", "type": "string", "length": 80},
    {"name": "IsPersonAccount", "type": "boolean", "createable": false, "updateable": false},
    {"name": "Key__c", "type": "string", "length": 40, "externalId": true, "unique": true},
    {"name": "Secret__c", "type": "string", "length": 40, "externalId": true, "filterable": false},
    {"name": "Number__c", "type": "string", "length": 10, "autoNumber": true, "externalId": true, "unique": true}]}"#;

async fn persons() -> Client {
    let schema = SchemaSource::Json(PERSONS.to_owned());
    Client::on(Server::start(ServerOptions { schema, ..ServerOptions::default() }).await.unwrap()).await
}

#[tokio::test]
async fn a_person_account_has_no_name_of_its_own() {
    let client = persons().await;
    let send = async |row: Value| {
        let path = "composite/sobjects/Account/Key__c";
        let (_, body) = client.call("PATCH", path, collection(false, "Account", &[row])).await;
        serde_json::from_str::<Vec<Value>>(&body).unwrap()
    };
    assert_eq!(codes(&send(json!({"Key__c": "a"})).await), ["REQUIRED_FIELD_MISSING"]);
    assert_eq!(codes(&send(json!({"Key__c": "a", "LastName": "Bluth", "FirstName": "Gob"})).await), ["ok"]);
    for row in [json!({"Key__c": "a", "Name": "x"}), json!({"Key__c": "b", "Name": "x", "LastName": "y"})] {
        let results = send(row).await;
        assert_eq!(codes(&results), ["INVALID_FIELD_FOR_INSERT_UPDATE"]);
        assert_eq!(results[0]["errors"][0]["message"], "bad field names on insert/update call: Name");
    }
    assert_eq!(codes(&send(json!({"Key__c": "c", "Name": "Company"})).await), ["ok"]);
    let (_, body) = client.query("SELECT Name, IsPersonAccount FROM Account WHERE Key__c = 'a'").await;
    let record = &serde_json::from_str::<Value>(&body).unwrap()["records"][0];
    assert_eq!((&record["Name"], &record["IsPersonAccount"]), (&json!("Gob Bluth"), &json!(true)));
}

#[tokio::test]
async fn keys_that_cannot_be_filtered_or_written() {
    let client = persons().await;
    let (_, body) = client.call("GET", "sobjects/Account/describe", None).await;
    let described: Value = serde_json::from_str(&body).unwrap();
    let field =
        |name: &str| described["fields"].as_array().unwrap().iter().find(|f| f["name"] == name).unwrap().clone();
    assert_eq!((&field("Secret__c")["filterable"], &field("Key__c")["filterable"]), (&json!(false), &json!(true)));
    assert_eq!((&field("Number__c")["autoNumber"], &field("Number__c")["createable"]), (&json!(true), &json!(false)));
    let (status, body) = client.query("SELECT Id FROM Account WHERE Secret__c = 'x'").await;
    assert!(status == 400 && body.contains("field 'Secret__c' can not be filtered in a query call"), "{body}");
    let path = "composite/sobjects/Account/Number__c";
    let rows = [json!({"Number__c": "0001", "Name": "x"})];
    let (_, body) = client.call("PATCH", path, collection(false, "Account", &rows)).await;
    assert_eq!(codes(&serde_json::from_str::<Vec<Value>>(&body).unwrap()), ["INVALID_FIELD_FOR_INSERT_UPDATE"]);
}

#[tokio::test]
async fn an_org_refuses_records_beyond_its_storage() {
    let client = with(json!({"storage_records": 2})).await;
    let rows: Vec<_> = ["a", "b", "c"].iter().map(|key| json!({"ExternalId__c": key})).collect();
    let results = client.upsert("ExternalId__c", &rows).await;
    assert_eq!(codes(&results), ["ok", "ok", "STORAGE_LIMIT_EXCEEDED"]);
    assert_eq!(results[2]["errors"][0]["message"], "storage limit exceeded");
    assert_eq!(codes(&client.upsert("ExternalId__c", &rows[..1]).await), ["ok"], "what is there may be changed");
    let id = client.org.records("MyObject__c")[0].id;
    let change = collection(false, "MyObject__c", &[json!({"id": id, "Text__c": "changed"})]);
    let (_, body) = client.call("PATCH", "composite/sobjects", change).await;
    assert_eq!(codes(&serde_json::from_str::<Vec<Value>>(&body).unwrap()), ["ok"]);
    let create = collection(false, "Contact", &[json!({"LastName": "x"})]);
    let (_, body) = client.call("POST", "composite/sobjects", create.clone()).await;
    assert_eq!(codes(&serde_json::from_str::<Vec<Value>>(&body).unwrap()), ["STORAGE_LIMIT_EXCEEDED"], "of any object");
    assert_eq!(client.call("DELETE", &format!("sobjects/MyObject__c/{id}"), None).await.0, 204);
    assert_eq!(codes(&client.upsert("ExternalId__c", &rows[2..]).await), ["ok"]);
    client.org.change_settings(json!({"storage_records": 3})).unwrap();
    let (_, body) = client.call("POST", "composite/sobjects", create).await;
    assert_eq!(codes(&serde_json::from_str::<Vec<Value>>(&body).unwrap()), ["ok"]);
    client.org.change_settings(json!({"storage_records": 1})).unwrap();
    assert_eq!(codes(&client.upsert("ExternalId__c", &rows).await), ["STORAGE_LIMIT_EXCEEDED", "ok", "ok"]);
}

#[tokio::test]
async fn triggers_run_again_for_what_is_left_of_a_call() {
    let client = Client::start().await;
    let good: Vec<_> = (0..5).map(|n| json!({"ExternalId__c": format!("k{n}")})).collect();
    client.upsert("ExternalId__c", &good).await;
    assert_eq!(client.org.calls().rows_triggered, 5);
    let mut rows = good.clone();
    rows.push(json!({"ExternalId__c": "bad", "Email__c": "none"}));
    client.upsert("ExternalId__c", &rows).await;
    assert_eq!(client.org.calls().rows_triggered, 5 + 10);
}

#[tokio::test]
async fn a_realignment_fails_rows_by_the_script() {
    let client = Client::start().await;
    client
        .script(json!({"on": "write", "key": "a", "do": {"kind": "row_error", "code": "TERRITORY_REALIGN_IN_PROGRESS",
        "message": "territory realignment in progress"}}));
    let rows = [json!({"ExternalId__c": "a"}), json!({"ExternalId__c": "b"})];
    assert_eq!(codes(&client.upsert("ExternalId__c", &rows).await), ["TERRITORY_REALIGN_IN_PROGRESS", "ok"]);
}
