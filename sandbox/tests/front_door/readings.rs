//! Where it is not known what a real org does: the readings that a setting chooses between, and those that take turns.

use serde_json::{Value, json};

use crate::{Client, codes, collection};

const PATH: &str = "composite/sobjects/MyObject__c/ExternalId__c";

/// Two rows: a good one with a name of more bytes than characters, and one whose date is none.
async fn send(client: &Client) -> (u16, String) {
    let rows =
        [json!({"ExternalId__c": "a", "Text__c": "Grün"}), json!({"ExternalId__c": "b", "Date__c": "2024-02-30"})];
    client.call("PATCH", PATH, collection(false, "MyObject__c", &rows)).await
}

fn column(text: &str) -> usize {
    let (_, rest) = text.split_once("column:").unwrap();
    rest.split_once(']').unwrap().0.parse().unwrap()
}

#[tokio::test]
async fn a_column_counts_characters_or_bytes_or_each_in_turn() {
    let client = Client::start().await;
    let (status, in_characters) = send(&client).await;
    assert!(status == 400 && in_characters.contains("JSON_PARSER_ERROR"), "{in_characters}");
    client.org.change_settings(json!({"columns": "bytes"})).unwrap();
    let (_, in_bytes) = send(&client).await;
    assert_eq!(column(&in_bytes), column(&in_characters) + 1, "ü has two bytes");
    client.org.change_settings(json!({"columns": "alternate"})).unwrap();
    let mut seen = Vec::new();
    for _ in 0..8 {
        seen.push(column(&send(&client).await.1) - column(&in_characters));
        // A call without an error takes no turn.
        assert_eq!(codes(&client.upsert("ExternalId__c", &[json!({"ExternalId__c": "a"})]).await), ["ok"]);
    }
    seen.sort_unstable();
    assert_eq!(seen, [0, 0, 0, 0, 1, 1, 1, 1], "each reading as often");
}

#[tokio::test]
async fn a_malformed_value_refuses_its_call_or_its_row_or_each_in_turn() {
    let client = Client::with(serde_json::from_value(json!({"malformed_value": "row"})).unwrap()).await;
    let (status, body) = send(&client).await;
    assert_eq!(status, 200, "{body}");
    let results: Vec<Value> = serde_json::from_str(&body).unwrap();
    assert_eq!(codes(&results), ["ok", "JSON_PARSER_ERROR"]);
    let text = results[1]["errors"][0]["message"].as_str().unwrap();
    assert!(text.contains("Cannot deserialize instance of date"), "{text}");
    // Alone it is its call's.
    let alone = client.call("POST", "sobjects/MyObject__c", json!({"Date__c": "2024-02-30"})).await;
    assert_eq!(alone.0, 400, "{}", alone.1);
    client.org.change_settings(json!({"malformed_value": "alternate"})).unwrap();
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(send(&client).await.0);
    }
    assert_eq!(seen, [400, 200, 400, 200]);
}

#[tokio::test]
async fn an_unknown_field_refuses_its_call_and_its_row_in_turn() {
    let client = Client::with(serde_json::from_value(json!({"unknown_field": "alternate"})).unwrap()).await;
    let rows = [json!({"ExternalId__c": "a"}), json!({"ExternalId__c": "b", "Nowhere__c": 1})];
    for status in [400, 200, 400, 200] {
        let (answered, body) = client.call("PATCH", PATH, collection(false, "MyObject__c", &rows)).await;
        assert!(answered == status && body.contains("No such column 'Nowhere__c'"), "{answered} {body}");
    }
}

#[tokio::test]
async fn the_setting_malformed_text_makes_texts_malformed() {
    let client = Client::with(serde_json::from_value(json!({"malformed_text": "bad"})).unwrap()).await;
    let rows = [json!({"ExternalId__c": "a"}), json!({"ExternalId__c": "b", "Text__c": "a bad one"})];
    let (status, body) = client.call("PATCH", PATH, collection(false, "MyObject__c", &rows)).await;
    assert!(status == 400 && body.contains("Cannot deserialize instance of string from VALUE_STRING"), "{body}");
    assert_eq!(codes(&client.upsert("ExternalId__c", &rows[..1]).await), ["ok"]);
}
