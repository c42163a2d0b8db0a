//! The save stage: what fails a row, and what the org stores.

use serde_json::{Value, json};

use crate::{Client, codes};

/// One row by itself; its error as `code|message|fields`.
async fn error(client: &Client, row: &str) -> String {
    let body = format!(r#"{{"records":[{{"attributes":{{"type":"MyObject__c"}},{row}}}]}}"#);
    let (status, answer) = client.raw("POST", "composite/sobjects", &body).await;
    assert_eq!(status, 200, "{row}: {answer}");
    let results: Vec<Value> = serde_json::from_str(&answer).unwrap();
    let error = &results[0]["errors"][0];
    format!(
        "{}|{}|{}",
        error["statusCode"].as_str().unwrap_or("ok"),
        error["message"].as_str().unwrap_or(""),
        error["fields"]
    )
}

#[tokio::test]
async fn a_bad_value_fails_its_row() {
    let client = Client::start().await;
    let long = "x".repeat(256);
    let cases = [
        (format!(r#""Text__c":"{long}""#), format!(r#"STRING_TOO_LONG|Text: data value too large: {long} (max length=255)|["Text__c"]"#)),
        (r#""Email__c":"not at all""#.into(), r#"INVALID_EMAIL_ADDRESS|Email: invalid email address: not at all|["Email__c"]"#.into()),
        (r#""Number__c":12345678901234567.1"#.into(), r#"NUMBER_OUTSIDE_VALID_RANGE|Number: value outside of valid range on numeric field: 12345678901234567.1|["Number__c"]"#.into()),
        (r#""Int__c":1e18"#.into(), r#"NUMBER_OUTSIDE_VALID_RANGE|Int: value outside of valid range on numeric field: 1e18|["Int__c"]"#.into()),
        (r#""Number__c":9999999999999999.995"#.into(), r#"NUMBER_OUTSIDE_VALID_RANGE|Number: value outside of valid range on numeric field: 9999999999999999.995|["Number__c"]"#.into()),
        (r#""MultiPicklist__c":"North;Up""#.into(), r#"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST|Multi Picklist: bad value for restricted picklist field: Up|["MultiPicklist__c"]"#.into()),
        (r#""Account__c":"001""#.into(), r#"MALFORMED_ID|Account: id value of incorrect type: 001|["Account__c"]"#.into()),
        (r#""Account__c":"003000000000000AAA""#.into(), r#"MALFORMED_ID|Account: id value of incorrect type: 003000000000000AAA|["Account__c"]"#.into()),
        (r#""Account__c":"001000000000000AAA""#.into(), r#"INVALID_CROSS_REFERENCE_KEY|invalid cross reference id|["Account__c"]"#.into()),
    ];
    for (row, expected) in cases {
        assert_eq!(error(&client, &row).await, expected);
    }
    let closed = error(&client, r#""Formula__c":"x","CreatedDate":"2024-11-07T07:00:00.000Z","Text__c":"y""#).await;
    assert_eq!(
        closed,
        "INVALID_FIELD_FOR_INSERT_UPDATE|Unable to create/update fields: Formula__c, CreatedDate. Please check the security \
         settings of this field and verify that it is read/write for your profile or permission set.|\
         [\"Formula__c\",\"CreatedDate\"]"
    );
    assert!(client.org.records("MyObject__c").is_empty());
}

#[tokio::test]
async fn values_are_stored_as_written() {
    let client = Client::start().await;
    let row = r#"{"Text__c":"  trimmed ","LongText__c":" ","Number__c":1234567890123456.78,"Int__c":"10000","Currency__c":1.005,
        "Percent__c":1e1,"Date__c":"2021-10-03","DateTime__c":"2024-11-07T08:00:00+01:00","Time__c":"14:45:00.000Z",
        "Checkbox__c":true,"OpenPicklist__c":"Huge","MultiPicklist__c":"North;East"}"#;
    let (status, body) = client.raw("PATCH", "sobjects/MyObject__c/ExternalNumber__c/7", row).await;
    assert_eq!(status, 201, "{body}");
    let (_, body) = client.call("GET", "/sandbox/records/MyObject__c", None).await;
    let stored = r#""Checkbox__c":true,"Currency__c":1.01,"DateTime__c":"2024-11-07T07:00:00.000+0000","Date__c":"2021-10-03","ExternalNumber__c":7,"Int__c":10000,"MultiPicklist__c":"North;East","Number__c":1234567890123456.78,"OpenPicklist__c":"Huge","Percent__c":1e1,"Serial__c":"00000001","Text__c":"trimmed","Time__c":"14:45:00.000Z"}"#;
    assert!(body.contains(stored), "{body}");
    // Read through the API, a double always has a fraction.
    let (_, body) = client
        .call("GET", "sobjects/MyObject__c/ExternalNumber__c/7.0?fields=ExternalNumber__c,Number__c,LongText__c", None)
        .await;
    assert!(body.contains(r#""ExternalNumber__c":7.0,"Number__c":1234567890123456.78,"LongText__c":null}"#), "{body}");
    let (_, body) = client.call("GET", "/sandbox/journal", None).await;
    assert!(body.contains(r#""keys":{"ExternalNumber__c":7},"asked":"7","fields":{"Text__c":"  trimmed ","#), "{body}");
}

#[tokio::test]
async fn null_clears_and_what_is_left_out_stays() {
    let client = Client::start().await;
    let key = json!({"ExternalId__c": "a"});
    let with = |more: Value| {
        let mut row = key.clone();
        row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        row
    };
    client.upsert("ExternalId__c", &[with(json!({"Text__c": "t", "Checkbox__c": true, "Number__c": 1}))]).await;
    client.upsert("ExternalId__c", &[with(json!({"Text__c": null, "Checkbox__c": null}))]).await;
    let record = client.org.records("MyObject__c").remove(0);
    assert!(!record.fields.contains_key("Text__c"), "{record:?}");
    assert_eq!(record.fields["Checkbox__c"], sandbox::Value::Bool(false));
    assert_eq!(record.fields["Number__c"], sandbox::Value::Number("1".into()));

    let (_, body) = client.call("POST", "sobjects/Contact", json!({"LastName": "x"})).await;
    let id = serde_json::from_str::<Value>(&body).unwrap()["id"].clone();
    let rows = [json!({"Id": id, "LastName": null})];
    let (_, body) = client.call("PATCH", "composite/sobjects", crate::collection(false, "Contact", &rows)).await;
    assert_eq!(codes(&serde_json::from_str::<Vec<Value>>(&body).unwrap()), ["REQUIRED_FIELD_MISSING"]);
}

/// A null is not a value: a record made with one is the same as a record made without.
#[tokio::test]
async fn a_null_on_create_is_not_stored() {
    let client = Client::start().await;
    let nulls = json!({"Text__c": null, "Number__c": null, "Checkbox__c": null, "ExternalId__c": null,
        "Account__c": null, "OwnerId": null, "Name": "a"});
    for row in [nulls, json!({"Name": "a", "Checkbox__c": false})] {
        assert_eq!(client.call("POST", "sobjects/MyObject__c", row).await.0, 201);
    }
    let mut records = client.org.records("MyObject__c");
    let serials = [0, 1].map(|place| records[place].fields.remove("Serial__c").unwrap());
    assert_ne!(serials[0], serials[1]);
    assert_eq!(records[0].fields, records[1].fields);
    assert!(client.org.journal()[0].keys.is_empty());
    let row = format!("sobjects/MyObject__c/{}?fields=Text__c,Checkbox__c,OwnerId", records[0].id);
    let read: Value = serde_json::from_str(&client.call("GET", &row, None).await.1).unwrap();
    assert_eq!(
        (&read["Text__c"], &read["Checkbox__c"], &read["OwnerId"]),
        (&Value::Null, &json!(false), &json!("005SB0000000001YAA"))
    );
}
