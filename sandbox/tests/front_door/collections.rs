//! sObject Collections: order, limits, and which failure reaches how far.

use serde_json::{Value, json};

use crate::{Client, codes, collection};

#[tokio::test]
async fn results_come_in_the_order_and_shape_of_the_recordings() {
    let client = Client::start().await;
    let rows = [json!({"Name": "a"}), json!({}), json!({"Name": "c"})];
    let (status, body) = client.call("POST", "composite/sobjects", collection(false, "Account", &rows)).await;
    let ids: Vec<_> = client.org.records("Account").iter().map(|record| record.id.to_string()).collect();
    let failed = r#"{"success":false,"errors":[{"statusCode":"REQUIRED_FIELD_MISSING","message":"Required fields are missing: [Name]","fields":["Name"]}]}"#;
    let expected = format!(
        r#"[{{"id":"{}","success":true,"errors":[]}},{failed},{{"id":"{}","success":true,"errors":[]}}]"#,
        ids[0], ids[1]
    );
    assert_eq!((status, body), (200, expected));

    let updates = [json!({"id": ids[0], "Phone": "1"}), json!({"Id": "001000000000000AAA"}), json!({"Phone": "2"})];
    let (_, body) = client.call("PATCH", "composite/sobjects", collection(false, "Account", &updates)).await;
    let results: Vec<Value> = serde_json::from_str(&body).unwrap();
    assert_eq!(codes(&results), ["ok", "INVALID_CROSS_REFERENCE_KEY", "MISSING_ARGUMENT"]);

    let path =
        format!("composite/sobjects?ids={},001RM000003oLrB000,{}&allOrNone=false", ids[1], ids[1].to_lowercase());
    let (_, body) = client.call("DELETE", &path, None).await;
    let results: Vec<Value> = serde_json::from_str(&body).unwrap();
    assert_eq!(codes(&results), ["ok", "MALFORMED_ID", "MALFORMED_ID"]);
    assert_eq!(results[1]["errors"][0]["message"], "malformed id 001RM000003oLrB000");
    assert_eq!(results[1]["errors"][0]["fields"], json!([]));
}

#[tokio::test]
async fn one_unreadable_value_refuses_the_whole_call() {
    let client = Client::start().await;
    let rows = [json!({"Text__c": "fine"}), json!({"Checkbox__c": "true"})];
    let (status, body) = client.call("POST", "composite/sobjects", collection(false, "MyObject__c", &rows)).await;
    let column = collection(false, "MyObject__c", &rows).to_string().find(r#""true""#).unwrap() + 1;
    let text = format!(
        r#"Cannot deserialize instance of boolean from VALUE_STRING value \"true\" at [line:1, column:{column}]"#
    );
    assert_eq!((status, body), (400, format!(r#"[{{"message":"{text}","errorCode":"JSON_PARSER_ERROR"}}]"#)));
    for (body, code) in [
        (json!({"records": [{"Name": "no type"}]}), "JSON_PARSER_ERROR"),
        (json!({"records": []}), "MISSING_ARGUMENT"),
        (json!({"record": []}), "JSON_PARSER_ERROR"),
        (json!({"allOrNone": "false", "records": []}), "JSON_PARSER_ERROR"),
        (collection(false, "Nope__c", &[json!({})]), "INVALID_TYPE"),
        (collection(false, "Account", &[json!({"Name": "a"}), json!({"Name": "a", "Nope__c": 1})]), "INVALID_FIELD"),
        (collection(false, "Account", &[json!({"Name": "a", "Id": "001000000000000AAA"})]), "INVALID_FIELD"),
    ] {
        let (status, answer) = client.call("POST", "composite/sobjects", body.clone()).await;
        assert!(status == 400 && answer.contains(code), "{body}: {answer}");
    }
    assert!(client.org.records("Account").is_empty() && client.org.records("MyObject__c").is_empty());
}

#[tokio::test]
async fn an_unknown_field_may_be_set_to_fail_its_row_only() {
    let client = Client::start().await;
    client.org.change_settings(json!({"unknown_field": "row"})).unwrap();
    let rows = [json!({"ExternalId__c": "a"}), json!({"ExternalId__c": "b", "Nope__c": 1})];
    assert_eq!(codes(&client.upsert("ExternalId__c", &rows).await), ["ok", "INVALID_FIELD"]);
}

#[tokio::test]
async fn a_call_takes_200_rows_and_ten_chunks() {
    let client = Client::start().await;
    let rows: Vec<_> = (0..201).map(|n| json!({"Name": format!("{n}")})).collect();
    let (status, body) = client.call("POST", "composite/sobjects", collection(false, "Account", &rows)).await;
    let text = r#"[{"message":"record limit reached. cannot submit more than 200 records into this call","errorCode":"EXCEEDED_ID_LIMIT"}]"#;
    assert_eq!((status, body.as_str()), (400, text));
    assert_eq!(client.call("POST", "composite/sobjects", collection(false, "Account", &rows[..200])).await.0, 200);

    let mixed = |runs: usize| {
        let row = |n| json!({"attributes": {"type": if n % 2 == 0 { "Account" } else { "Contact" }}, "Phone": "1"});
        json!({"records": (0..runs).map(row).collect::<Vec<_>>()})
    };
    assert_eq!(client.call("POST", "composite/sobjects", mixed(10)).await.0, 200);
    let (status, body) = client.call("POST", "composite/sobjects", mixed(11)).await;
    assert!(status == 400 && body.contains("LIMIT_EXCEEDED"), "{body}");
    let (status, body) = client.call("PATCH", "composite/sobjects/Account/ExternalId__c", mixed(2)).await;
    assert!(status == 400 && body.contains("INVALID_TYPE"), "{body}");
}

#[tokio::test]
async fn all_or_none_undoes_everything() {
    let client = Client::start().await;
    client.upsert("ExternalId__c", &[json!({"ExternalId__c": "old", "Text__c": "before"})]).await;
    let rows = [
        json!({"ExternalId__c": "old", "Text__c": "after"}),
        json!({"ExternalId__c": "new"}),
        json!({"ExternalId__c": "bad", "Picklist__c": "Mauve"}),
    ];
    let path = "composite/sobjects/MyObject__c/ExternalId__c";
    let (status, body) = client.call("PATCH", path, collection(true, "MyObject__c", &rows)).await;
    let results: Vec<Value> = serde_json::from_str(&body).unwrap();
    let rolled = "ALL_OR_NONE_OPERATION_ROLLED_BACK";
    assert_eq!(
        (status, codes(&results)),
        (200, vec![rolled.into(), rolled.into(), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST".into()])
    );
    // In turn, failed rows say `created` and keep an id, so that no client relies on either.
    assert_eq!(results[0]["created"], true);
    assert!(results[0]["id"].is_string() && results[1].get("id").is_none() && results[1].get("created").is_none());
    let records = client.org.records("MyObject__c");
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].fields["Text__c"].as_text(), Some("before"));
    assert_eq!(client.org.journal().len(), 1);
    // The index was restored too.
    assert_eq!(codes(&client.upsert("ExternalId__c", &[json!({"ExternalId__c": "OLD"})]).await), ["ok"]);
    assert_eq!(client.org.records("MyObject__c").len(), 1);
}

#[tokio::test]
async fn the_same_id_twice_follows_the_setting() {
    let client = Client::start().await;
    let made = client.upsert("ExternalId__c", &[json!({"ExternalId__c": "a"})]).await;
    let id = made[0]["id"].as_str().unwrap();
    let rows = [json!({"Id": id, "Text__c": "1"}), json!({"Id": &id[..15], "Text__c": "2"})];
    for (setting, expected) in [
        ("fail_all", ["DUPLICATE_VALUE", "DUPLICATE_VALUE"]),
        ("fail_later", ["ok", "DUPLICATE_VALUE"]),
        ("in_order", ["ok", "ok"]),
    ] {
        client.org.change_settings(json!({"same_id_twice": setting})).unwrap();
        let (_, body) = client.call("PATCH", "composite/sobjects", collection(false, "MyObject__c", &rows)).await;
        assert_eq!(codes(&serde_json::from_str::<Vec<Value>>(&body).unwrap()), expected, "{setting}");
    }
    let (_, body) = client.call("DELETE", &format!("composite/sobjects?ids={id},{id}"), None).await;
    assert_eq!(codes(&serde_json::from_str::<Vec<Value>>(&body).unwrap()), ["ok", "ENTITY_IS_DELETED"]);
}

#[tokio::test]
async fn collections_came_with_versions_42_and_46() {
    let client = Client::start().await;
    let body = collection(false, "Account", &[json!({"Name": "a", "ExternalId__c": "a"})]);
    assert_eq!(client.call("POST", "/services/data/v41.0/composite/sobjects", body.clone()).await.0, 404);
    assert_eq!(client.call("POST", "/services/data/v42.0/composite/sobjects", body.clone()).await.0, 200);
    let upsert = "composite/sobjects/Account/ExternalId__c";
    assert_eq!(client.call("PATCH", &format!("/services/data/v45.0/{upsert}"), body.clone()).await.0, 404);
    assert_eq!(client.call("PATCH", &format!("/services/data/v46.0/{upsert}"), body).await.0, 200);
}
