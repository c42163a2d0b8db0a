//! sObject Collections, retrieve.

use serde_json::{Value, json};

use crate::Client;

#[tokio::test]
async fn records_come_in_the_order_asked_and_null_for_what_is_not_there() {
    let client = Client::start().await;
    for name in ["one", "two", "gone"] {
        client.call("POST", "sobjects/Account", json!({"Name": name})).await;
    }
    let ids: Vec<_> = client.org.records("Account").into_iter().map(|record| record.id.to_string()).collect();
    client.call("DELETE", &format!("sobjects/Account/{}", ids[2]), None).await;
    let asked = [&ids[1], &ids[2], "no id", &ids[0][..15]];
    let (status, by_body) =
        client.call("POST", "composite/sobjects/Account", json!({"ids": asked, "fields": ["Id", "name"]})).await;
    let row = |n: usize, name: &str| {
        let url = format!("/services/data/v66.0/sobjects/Account/{}", ids[n]);
        json!({"attributes": {"type": "Account", "url": url}, "Id": ids[n], "Name": name})
    };
    let expected = json!([row(1, "two"), null, null, row(0, "one")]);
    assert_eq!((status, serde_json::from_str::<Value>(&by_body).unwrap()), (200, expected));
    let address = format!("composite/sobjects/Account?ids={}&fields=Id,name", asked.join(",").replace(' ', "%20"));
    assert_eq!(client.call("GET", &address, None).await, (200, by_body));
    assert_eq!(client.org.calls().read, 2);
}

#[tokio::test]
async fn a_retrieve_is_refused_as_a_whole() {
    let client = Client::start().await;
    let many = vec!["001SB0000000001"; 2001];
    for (sobject, body, status, code) in [
        ("Account", json!({"ids": ["x"], "fields": ["Nope__c"]}), 400, "INVALID_FIELD"),
        ("Account", json!({"ids": [], "fields": ["Id"]}), 400, "MISSING_ARGUMENT"),
        ("Account", json!({"ids": ["x"]}), 400, "MISSING_ARGUMENT"),
        ("Account", json!({"ids": many, "fields": ["Id"]}), 400, "EXCEEDED_ID_LIMIT"),
        ("Account", json!({"ids": "x", "fields": ["Id"]}), 400, "JSON_PARSER_ERROR"),
        ("Nope__c", json!({"ids": ["x"], "fields": ["Id"]}), 404, "NOT_FOUND"),
    ] {
        let (got, answer) = client.call("POST", &format!("composite/sobjects/{sobject}"), body).await;
        let errors: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((got, &errors[0]["errorCode"]), (status, &json!(code)), "{answer}");
    }
    assert_eq!(client.call("PUT", "composite/sobjects/Account", json!({})).await.0, 405);
}
