//! The built-in objects, and a schema of one's own.

use sandbox::{SchemaSource, Server, ServerOptions};
use serde_json::{Value, json};

use crate::{Client, codes, collection};

async fn start(schema: &str) -> std::io::Result<Server> {
    Server::start(ServerOptions { schema: SchemaSource::Json(schema.to_owned()), ..ServerOptions::default() }).await
}

/// The fields of an object that a row must have.
async fn required(client: &Client, sobject: &str) -> Vec<String> {
    let (status, body) = client.raw("POST", &format!("sobjects/{sobject}"), "{}").await;
    assert_eq!(status, 400, "{body}");
    let errors: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(errors[0]["errorCode"], "REQUIRED_FIELD_MISSING");
    serde_json::from_value(errors[0]["fields"].clone()).unwrap()
}

async fn created(client: &Client, sobject: &str, row: Value) -> Value {
    let (status, body) = client.call("POST", &format!("sobjects/{sobject}"), row).await;
    assert_eq!(status, 201, "{body}");
    let id = serde_json::from_str::<Value>(&body).unwrap()["id"].as_str().unwrap().to_owned();
    serde_json::from_str(&client.call("GET", &format!("sobjects/{sobject}/{id}"), None).await.1).unwrap()
}

#[tokio::test]
async fn leads_and_opportunities_need_what_a_real_org_asks_for() {
    let client = Client::start().await;
    assert_eq!(required(&client, "Lead").await, ["LastName", "Company"]);
    assert_eq!(required(&client, "Opportunity").await, ["Name", "StageName", "CloseDate"]);
    let lead =
        created(&client, "Lead", json!({"FirstName": "Ada", "LastName": "Lovelace", "Company": "Engines"})).await;
    assert_eq!((&lead["Name"], &lead["IsConverted"]), (&json!("Ada Lovelace"), &json!(false)));
    assert!(lead["Id"].as_str().unwrap().starts_with("00Q"));
    let row = json!({"Name": "Mill", "StageName": "Prospecting", "CloseDate": "2026-12-31", "Amount": 10.5});
    let deal = created(&client, "Opportunity", row).await;
    assert!(deal["Id"].as_str().unwrap().starts_with("006"));
    assert_eq!((&deal["CloseDate"], &deal["Amount"]), (&json!("2026-12-31"), &json!(10.5)));
}

/// A picklist's default stands in for a value left out, or for a null where null is not allowed.
#[tokio::test]
async fn picklists_have_their_defaults() {
    let client = Client::start().await;
    let lead = json!({"LastName": "Lovelace", "Company": "Engines"});
    for status in [None, Some(json!(null))] {
        let mut row = lead.clone();
        row.as_object_mut().unwrap().extend(status.map(|status| ("Status".to_owned(), status)));
        assert_eq!(created(&client, "Lead", row).await["Status"], "Open - Not Contacted");
    }
    let id = client.org.records("Lead")[0].id;
    let (status, body) = client.call("PATCH", &format!("sobjects/Lead/{id}"), json!({"Status": null})).await;
    assert!(status == 400 && body.contains("Required fields are missing: [Status]"), "{body}");
    assert_eq!(created(&client, "Case", json!({})).await["Priority"], "Medium");
    assert_eq!(created(&client, "Case", json!({"Priority": null, "Status": "Working"})).await["Priority"], Value::Null);
}

#[tokio::test]
async fn a_case_has_a_number_of_its_own_and_belongs_to_an_account() {
    let client = Client::start().await;
    let account = created(&client, "Account", json!({"Name": "Engines", "ExternalId__c": "A-1"})).await;
    let contact = created(&client, "Contact", json!({"LastName": "Lovelace"})).await;
    let row = json!({"Subject": "Steam", "Account": {"ExternalId__c": "A-1"}, "ContactId": contact["Id"],
        "ExternalId__c": "C-1"});
    let case = created(&client, "Case", row).await;
    assert!(case["Id"].as_str().unwrap().starts_with("500"));
    assert_eq!(
        (&case["CaseNumber"], &case["AccountId"], &case["ContactId"]),
        (&json!("00000001"), &account["Id"], &contact["Id"])
    );
    let rows = [
        json!({"CaseNumber": "7"}),
        json!({"AccountId": contact["Id"]}),
        json!({"ExternalId__c": "c-1"}),
        json!({"Subject": "x".repeat(256)}),
    ];
    let (_, body) = client.call("POST", "composite/sobjects", collection(false, "Case", &rows)).await;
    let expected = ["INVALID_FIELD_FOR_INSERT_UPDATE", "MALFORMED_ID", "DUPLICATE_VALUE", "STRING_TOO_LONG"];
    assert_eq!(codes(&serde_json::from_str::<Vec<Value>>(&body).unwrap()), expected);
}

/// What follows from a field's type need not be said.
#[tokio::test]
async fn a_schema_may_be_short() {
    let schema = r#"[{"name": "Thing__c", "keyPrefix": "a01", "fields": [
        {"name": "Id", "type": "id"},
        {"name": "Number__c", "type": "string", "autoNumber": true, "length": 5},
        {"name": "Done__c", "type": "boolean"},
        {"name": "Anything__c", "type": "anyType"},
        {"name": "Key__c", "type": "string", "length": 10, "externalId": true, "unique": true}]}]"#;
    let client = Client::on(start(schema).await.unwrap()).await;
    assert_eq!(client.call("PATCH", "sobjects/Thing__c/Key__c/k", json!({})).await.0, 201);
    let id = client.org.records("Thing__c")[0].id;
    let (status, body) = client.call("GET", &format!("sobjects/Thing__c/{id}"), None).await;
    let row: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &row["Number__c"], &row["Done__c"]), (200, &json!("00001"), &json!(false)));
    let closed = client.call("PATCH", &format!("sobjects/Thing__c/{id}"), json!({"Number__c": "1"})).await;
    assert!(closed.1.contains("INVALID_FIELD_FOR_INSERT_UPDATE"), "{closed:?}");
    let (_, body) = client.call("GET", "sobjects/Thing__c/describe", None).await;
    let described: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&described["label"], &described["fields"][0]["length"]), (&json!("Thing__c"), &json!(18)));
}

/// A describe that an org gave is a schema: keys that say nothing of a save or a query are passed over.
#[tokio::test]
async fn a_describe_is_a_schema() {
    let client = Client::start().await;
    let (_, described) = client.call("GET", "sobjects/Case/describe", None).await;
    let copy = Client::on(start(&described).await.unwrap()).await;
    assert_eq!(copy.call("GET", "sobjects/Case/describe", None).await, (200, described));
}

#[tokio::test]
async fn the_example_of_the_documentation_is_a_schema() {
    let docs = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/sandbox.md")).unwrap();
    let (_, example) = docs.split_once("```json\n").unwrap();
    let (example, after) = example.split_once("```").unwrap();
    let client = Client::on(start(example).await.unwrap()).await;
    let parent = created(&client, "Order__c", json!({"Name": "one", "Key__c": "k"})).await;
    let order =
        created(&client, "Order__c", json!({"Name": "two", "Total__c": 1.5, "Parent__r": {"Key__c": "k"}})).await;
    assert_eq!(
        (&order["Parent__c"], &order["Status__c"], &order["Number__c"]),
        (&parent["Id"], &json!("Open"), &json!("00000002"))
    );
    let wrong = example.replace("\"Key__c\", \"type\": \"string\"", "\"Key__c\", \"type\": \"text\"");
    let said = start(&wrong).await.unwrap_err().to_string().replace("schema:", "orders.json:");
    let (begin, _) = said.split_once("`textarea`").unwrap();
    assert!(after.contains(begin.trim_end_matches(", ")), "{begin}");
}

#[tokio::test]
async fn an_error_in_a_schema_names_its_line_and_column() {
    let object = |fields: &str| format!("{{\"name\": \"T__c\", \"keyPrefix\": \"a01\",\n \"fields\": [{fields}]}}");
    let id = r#"{"name": "Id", "type": "id"}"#;
    let cases = [
        (String::new(), "1:1: EOF while parsing a value"),
        ("{\n  \"name\": }".to_owned(), "2:11: expected value"),
        ("7".to_owned(), "1:1: invalid type: integer `7`, expected a sequence"),
        ("{}".to_owned(), "1:2: (unnamed object): missing field `name`"),
        (r#"{"sobjects": []}"#.to_owned(), "1:14: there are no objects"),
        (r#"[{"name": "T__c", "fields": []}]"#.to_owned(), "1:31: T__c: missing field `keyPrefix`"),
        (object("").replace("a01", "a0"), "1:1: T__c: keyPrefix must be 3 letters or digits, not \"a0\""),
        (object("").replace("T__c", "T c"), "1:1: the name \"T c\" is not made of letters, digits and _"),
        (object(""), "1:1: T__c: an object needs a field {\"name\": \"Id\", \"type\": \"id\"}"),
        (object(&format!("{id},\n{id}")), "3:1: T__c.Id: there are two fields of this name"),
        (object(r#"{"name": "Ref__c", "type": "reference"}"#), "2:13: T__c.Ref__c: a reference needs referenceTo"),
        (object(r#"{"type": "id"}"#), "2:26: T__c.(unnamed field): missing field `name`"),
        (
            object(r#"{"name": "A__c", "type": "text"}"#),
            "2:43: T__c.A__c: unknown variant `text`, expected one of `id`",
        ),
        (object(r#"{"name": "A__c", "type": "string", "length": "9"}"#), "2:60: T__c.A__c: invalid type: string \"9\""),
        (format!("[{0},\n{0}]", object(id)), "3:1: T__c: there are two objects of this name"),
        (
            format!("[{0},\n{1}]", object(id), object(id).replace("T__c", "U__c")),
            "3:1: U__c: another object has the keyPrefix",
        ),
    ];
    for (schema, said) in cases {
        let error = start(&schema).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
        assert!(error.to_string().starts_with(&format!("schema:{said}")), "{schema}: {error}, not {said}");
    }
}
