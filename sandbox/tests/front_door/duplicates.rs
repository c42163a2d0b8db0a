//! The duplicates that an org refuses: in a second unique field, in fields that are unique together, by a rule.

use serde_json::{Value, json};

use crate::{Client, codes, collection};

#[tokio::test]
async fn a_second_unique_field_of_an_upsert_is_named_in_the_text_only() {
    let client = Client::start().await;
    let rows =
        [json!({"ExternalId__c": "a", "ExternalNumber__c": 1}), json!({"ExternalId__c": "b", "ExternalNumber__c": 2})];
    let made = client.upsert("ExternalId__c", &rows).await;
    let owner = &made[0]["id"].as_str().unwrap()[..15];
    // Of a record that the key has matched, and of one that it has not.
    let rows = [
        json!({"ExternalId__c": "b", "ExternalNumber__c": "1.0"}),
        json!({"ExternalId__c": "c", "ExternalNumber__c": 1}),
    ];
    for result in client.upsert("ExternalId__c", &rows).await {
        let text = format!("duplicate value found: ExternalNumber__c duplicates value on record with id: {owner}");
        let errors = json!([{"statusCode": "DUPLICATE_VALUE", "message": text, "fields": []}]);
        assert_eq!(result["errors"], errors);
    }
}

#[tokio::test]
async fn a_contact_is_a_member_of_a_campaign_only_once() {
    let client = Client::start().await;
    let make = async |sobject: &str, row: Value| {
        let (status, body) = client.call("POST", &format!("sobjects/{sobject}"), row).await;
        assert_eq!(status, 201, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()["id"].clone()
    };
    let campaign = make("Campaign", json!({"Name": "C"})).await;
    let (one, two) = (make("Contact", json!({"LastName": "1"})).await, make("Contact", json!({"LastName": "2"})).await);
    let member =
        |key: &str, contact: &Value| json!({"ExternalId__c": key, "CampaignId": campaign, "ContactId": contact});
    let send = async |rows: &[Value]| {
        let path = "composite/sobjects/CampaignMember/ExternalId__c";
        let (status, body) = client.call("PATCH", path, collection(false, "CampaignMember", rows)).await;
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Vec<Value>>(&body).unwrap()
    };
    assert_eq!(codes(&send(&[member("a", &one), member("b", &two)]).await), ["ok", "ok"]);
    let again = send(&[member("c", &one)]).await;
    let errors = json!([{"statusCode": "DUPLICATE_VALUE", "message": "Already a campaign member.", "fields": []}]);
    assert_eq!(again[0]["errors"], errors);
    // What is set once cannot be sent again.
    assert_eq!(codes(&send(&[member("a", &one)]).await), ["INVALID_FIELD_FOR_INSERT_UPDATE"]);
    assert_eq!(codes(&send(&[json!({"ExternalId__c": "a", "Status": "Responded"})]).await), ["ok"]);
}

#[tokio::test]
async fn a_duplicate_rule_alerts_or_blocks() {
    let client = Client::start().await;
    let rule = |action: &str| json!([{"sobject": "Contact", "fields": ["LastName", "Email"], "action": action}]);
    client.org.change_settings(json!({"duplicate_rules": rule("alert")})).unwrap();
    let contact = json!({"LastName": "Bluth", "Email": "gob@example.com"});
    assert_eq!(client.call("POST", "sobjects/Contact", contact.clone()).await.0, 201);
    let send = async |allow: &str| {
        let url = format!("{}/services/data/v66.0/composite/sobjects", client.org.url());
        let request = client.http.post(url).bearer_auth(&client.token).header("Sforce-Duplicate-Rule-Header", allow);
        let rows = [contact.clone(), json!({"LastName": "Bluth"})];
        let answer = request.json(&collection(false, "Contact", &rows)).send().await.unwrap();
        answer.json::<Vec<Value>>().await.unwrap()
    };
    let refused = send("allowSave=false").await;
    assert_eq!(codes(&refused), ["DUPLICATES_DETECTED", "ok"], "a null is not a duplicate");
    assert_eq!(refused[0]["errors"][0]["message"], "Use one of these records?");
    assert_eq!(codes(&send("allowSave=true").await), ["ok", "ok"]);
    client.org.change_settings(json!({"duplicate_rules": rule("block")})).unwrap();
    assert_eq!(codes(&send("allowSave=true").await), ["DUPLICATES_DETECTED", "ok"]);
}
