//! Single rows: shapes and error bodies as recorded.

use serde_json::{Value, json};

use crate::Client;

#[tokio::test]
async fn a_row_is_created_read_changed_and_deleted() {
    let client = Client::start().await;
    let (status, body) = client.call("POST", "sobjects/Account", json!({"name": "Global Media"})).await;
    assert_eq!(status, 201);
    let id = serde_json::from_str::<Value>(&body).unwrap()["id"].as_str().unwrap().to_owned();
    assert_eq!(body, format!(r#"{{"id":"{id}","success":true,"errors":[]}}"#));

    let row = format!("sobjects/Account/{id}");
    assert_eq!(client.call("PATCH", &row, json!({"Phone": "1"})).await, (204, String::new()));
    let (status, body) = client.call("GET", &format!("{row}?fields=Name,Phone,Id"), None).await;
    let url = format!("/services/data/v66.0/sobjects/Account/{id}");
    let expected =
        format!(r#"{{"attributes":{{"type":"Account","url":"{url}"}},"Name":"Global Media","Phone":"1","Id":"{id}"}}"#);
    assert_eq!((status, body), (200, expected));
    assert_eq!(client.call("DELETE", &row, None).await, (204, String::new()));
    let gone = r#"[{"message":"entity is deleted","errorCode":"ENTITY_IS_DELETED","fields":[]}]"#;
    assert_eq!(client.call("DELETE", &row, None).await, (404, gone.to_owned()));
}

/// Bodies as recorded, with this schema's names.
#[tokio::test]
async fn single_row_errors_have_the_recorded_bodies() {
    let client = Client::start().await;
    let not_found = r#"[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]"#;
    let cases = [
        (
            "POST",
            "sobjects/Account",
            r#"{"FavoritePet__c":"Dog"}"#,
            400,
            r#"[{"message":"No such column 'FavoritePet__c' on sobject of type Account","errorCode":"INVALID_FIELD"}]"#,
        ),
        ("POST", "sobjects/PlayingCard__c", r#"{"Name":"Ace of Spades"}"#, 404, not_found),
        (
            "POST",
            "sobjects/MyObject__c",
            r#"{"Picklist__c":"Terrible"}"#,
            400,
            r#"[{"message":"Picklist: bad value for restricted picklist field: Terrible","errorCode":"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST","fields":["Picklist__c"]}]"#,
        ),
        (
            "POST",
            "sobjects/Account",
            "{}",
            400,
            r#"[{"message":"Required fields are missing: [Name]","errorCode":"REQUIRED_FIELD_MISSING","fields":["Name"]}]"#,
        ),
        (
            "PATCH",
            "sobjects/MyObject__c/a00B000000FSjVUIB1",
            "{}",
            400,
            r#"[{"message":"Record ID: id value of incorrect type: a00B000000FSjVUIB1","errorCode":"MALFORMED_ID","fields":["Id"]}]"#,
        ),
        // An unknown field is reported before a bad id (recorded).
        (
            "PATCH",
            "sobjects/MyObject__c/a00B000000FSjVUIB1",
            r#"{"Color__c":"Red"}"#,
            400,
            r#"[{"message":"No such column 'Color__c' on sobject of type MyObject__c","errorCode":"INVALID_FIELD"}]"#,
        ),
        (
            "PATCH",
            "sobjects/MyObject__c/a00B000000FSjVUIA1",
            "{}",
            404,
            r#"[{"message":"invalid cross reference id","errorCode":"INVALID_CROSS_REFERENCE_KEY","fields":[]}]"#,
        ),
        (
            "POST",
            "sobjects/Account",
            r#"{"Id":"001B000001Lp1G2IAJ","Name":"x"}"#,
            400,
            r#"[{"message":"The Id field should not be specified in the sobject data.","errorCode":"INVALID_FIELD"}]"#,
        ),
        (
            "PATCH",
            "sobjects/MyObject__c/ExternalId__c/r1",
            r#"{"externalid__C":"r1"}"#,
            400,
            r#"[{"message":"The ExternalId__c field should not be specified in the sobject data.","errorCode":"INVALID_FIELD"}]"#,
        ),
        (
            "PATCH",
            "sobjects/MyObject__c/Namez/foobar",
            "{}",
            404,
            r#"[{"message":"Provided external ID field does not exist or is not accessible: Namez","errorCode":"NOT_FOUND"}]"#,
        ),
        (
            "PATCH",
            "sobjects/MyObject__c/rid",
            "{}",
            404,
            r#"[{"message":"Provided external ID field does not exist or is not accessible: rid","errorCode":"NOT_FOUND"}]"#,
        ),
        (
            "PATCH",
            "sobjects/Account",
            "{}",
            405,
            r#"[{"message":"HTTP Method 'PATCH' not allowed. Allowed are GET,HEAD,POST","errorCode":"METHOD_NOT_ALLOWED"}]"#,
        ),
        (
            "POST",
            "sobjects/Account",
            " ",
            400,
            r#"[{"message":"The HTTP entity body is required, but this request has no entity body.","errorCode":"JSON_PARSER_ERROR"}]"#,
        ),
        ("POST", "/services/data/viAmABadVersion/sobjects/Account", "{}", 404, not_found),
        ("POST", "/services/data/v69.0/sobjects/Account", "{}", 404, not_found),
    ];
    for (method, path, sent, status, body) in cases {
        assert_eq!(client.raw(method, path, sent).await, (status, body.to_owned()), "{method} {path} {sent}");
    }
    let (status, body) = client.raw("POST", "/services/data/v30.0/sobjects/Account", "{}").await;
    assert!(status == 410 && body.contains("UNSUPPORTED_API_VERSION"), "{status} {body}");
    assert!(client.org.journal().is_empty());
}

#[tokio::test]
async fn a_bad_value_names_its_place_in_the_body() {
    let client = Client::start().await;
    let sent = r#"{"Text__c":"é", "DateTime__c": "2013-08-12T15:20:00+0000"}"#;
    let (status, body) = client.raw("POST", "sobjects/MyObject__c", sent).await;
    let message = r#"Cannot deserialize instance of datetime from VALUE_STRING value \"2013-08-12T15:20:00+0000\" at [line:1, column:32]"#;
    assert_eq!((status, body), (400, format!(r#"[{{"message":"{message}","errorCode":"JSON_PARSER_ERROR"}}]"#)));
    for (value, field) in [
        ("5", "Text__c"),
        ("true", "Text__c"),
        ("{}", "Text__c"),
        ("[]", "Number__c"),
        (r#""abc""#, "Number__c"),
        (r#""""#, "Number__c"),
        ("true", "Number__c"),
        (r#""true""#, "Checkbox__c"),
        ("1", "Checkbox__c"),
        (r#""2024-02-30""#, "Date__c"),
        (r#""2024-02-03T00:00:00Z""#, "Date__c"),
        ("1700000000000", "DateTime__c"),
        (r#""14:45""#, "Time__c"),
        ("1", "Account__c"),
    ] {
        let (status, body) = client.raw("POST", "sobjects/MyObject__c", &format!(r#"{{"{field}": {value}}}"#)).await;
        assert!(status == 400 && body.contains("JSON_PARSER_ERROR"), "{field} {value}: {body}");
    }
    let (_, body) = client.raw("POST", "sobjects/Account", r#"{"Name":"a","NumberOfEmployees":1.0}"#).await;
    assert!(body.contains("Cannot deserialize instance of int from VALUE_NUMBER_FLOAT value 1.0"), "{body}");
    let (_, body) = client.raw("POST", "sobjects/Account", r#"{"Name":"a","name":"b"}"#).await;
    assert!(body.contains("Duplicate field 'name' at [line:1, column:20]"), "{body}");
    let (_, body) = client.raw("POST", "sobjects/Account", r#"{"Name":j}"#).await;
    assert!(body.contains("JSON_PARSER_ERROR"), "{body}");
}

#[tokio::test]
async fn a_row_is_upserted_by_its_external_id() {
    let client = Client::start().await;
    let row = "sobjects/MyObject__c/ExternalId__c/A%2FB%20c%2B1";
    let (status, body) = client.call("PATCH", row, json!({"Text__c": "one"})).await;
    assert!(status == 201 && body.ends_with(r#""success":true,"errors":[],"created":true}"#), "{status} {body}");
    let (status, body) = client.call("PATCH", row, json!({"Text__c": "two"})).await;
    assert!(status == 200 && body.ends_with(r#""success":true,"errors":[],"created":false}"#), "{status} {body}");
    // Before v46 there was no `created`, and 204 on update.
    let old = format!("/services/data/v45.0/{row}");
    assert_eq!(client.call("PATCH", &old, json!({})).await, (204, String::new()));
    let (_, body) = client.call("GET", &format!("{row}?fields=ExternalId__c,Text__c"), None).await;
    assert!(body.contains(r#""ExternalId__c":"A/B c+1","Text__c":"two"}"#), "{body}");
    // A plus is a plus in a path; the dot of an address is taken as a format.
    assert_eq!(client.call("GET", "sobjects/MyObject__c/ExternalId__c/A%2FB+c+1", None).await.0, 404);
    assert_eq!(client.call("PATCH", "sobjects/MyObject__c/ExternalId__c/user@example%2Einc", json!({})).await.0, 404);
    assert_eq!(client.call("PATCH", "sobjects/MyObject__c/ExternalId__c/none?updateOnly=true", json!({})).await.0, 404);
    assert_eq!(client.call("DELETE", row, None).await.0, 204);
    assert_eq!(client.call("DELETE", row, None).await.0, 404);
    let ops: Vec<_> = client.org.journal().into_iter().map(|change| (change.seq, change.op)).collect();
    assert_eq!(
        ops,
        [(1, sandbox::Op::Create), (2, sandbox::Op::Update), (3, sandbox::Op::Update), (4, sandbox::Op::Delete)]
    );
}

#[tokio::test]
async fn an_external_id_of_several_records_is_a_choice() {
    let client = Client::start().await;
    for _ in 0..2 {
        client.call("POST", "sobjects/MyObject__c", json!({"ExternalLoose__c": "twin"})).await;
    }
    let (status, body) = client.call("PATCH", "sobjects/MyObject__c/ExternalLoose__c/twin", json!({})).await;
    let urls: Vec<_> = client
        .org
        .records("MyObject__c")
        .iter()
        .map(|record| format!("/services/data/v66.0/sobjects/MyObject__c/{}", record.id))
        .collect();
    assert_eq!((status, body), (300, serde_json::to_string(&urls).unwrap()));
}
