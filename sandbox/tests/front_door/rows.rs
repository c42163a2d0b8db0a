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
