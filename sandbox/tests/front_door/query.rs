//! Queries: answers and errors as recorded, literals by type, pages.

use serde_json::{Value, json};

use crate::Client;

/// The values of one field in the answer's records, sorted.
async fn values(client: &Client, field: &str, filter: &str) -> Vec<String> {
    let (status, body) = client.query(&format!("SELECT {field} FROM MyObject__c WHERE {filter}")).await;
    assert_eq!(status, 200, "{filter}: {body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    let mut values: Vec<_> = body["records"].as_array().unwrap().iter().map(|row| row[field].to_string()).collect();
    values.sort();
    values
}

async fn seeded() -> Client {
    let client = Client::start().await;
    let rows = [
        json!({"ExternalId__c": "it's \\ \"x\"", "ExternalNumber__c": 1}),
        json!({"ExternalId__c": "Grün", "ExternalIdCase__c": "Case", "Checkbox__c": true}),
        json!({"ExternalId__c": "c", "ExternalIdCase__c": "case", "Date__c": "2024-01-02", "ExternalNumber__c": 2.5}),
    ];
    client.upsert("ExternalId__c", &rows).await;
    client
}

#[tokio::test]
async fn literals_compare_as_their_field_does() {
    let client = seeded().await;
    let key = "ExternalId__c";
    assert_eq!(values(&client, key, r#"ExternalId__c = 'IT\'S \\ \"X\"'"#).await, [r#""it's \\ \"x\"""#]);
    assert_eq!(values(&client, key, "ExternalId__c IN ('GRÜN ', 'C', 'none')").await, [r#""Grün""#, r#""c""#]);
    assert_eq!(values(&client, "ExternalIdCase__c", "ExternalIdCase__c IN ('case')").await, [r#""case""#]);
    assert_eq!(values(&client, "ExternalNumber__c", "ExternalNumber__c IN (1.0, 2.50)").await, ["1.0", "2.5"]);
    assert_eq!(values(&client, key, "Checkbox__c = true AND ExternalId__c != null").await, [r#""Grün""#]);
    assert_eq!(values(&client, key, "Date__c = 2024-01-02").await, [r#""c""#]);
    let id = client.org.records("MyObject__c")[1].id.to_string();
    assert_eq!(values(&client, "Id", &format!("Id = '{}'", &id[..15])).await, [format!("\"{id}\"")]);
    client.org.change_settings(json!({"soql_ignores_case": true})).unwrap();
    assert_eq!(values(&client, "ExternalIdCase__c", "ExternalIdCase__c IN ('case')").await.len(), 2);
}

#[tokio::test]
async fn errors_point_at_their_place() {
    let client = seeded().await;
    let column = "No such column 'Bacon__c' on entity 'Account'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.";
    let recorded = format!(
        r#"[{{"message":"\nSELECT Bacon__c FROM Account LIMIT 2\n       ^\nERROR at Row:1:Column:8\n{column}","errorCode":"INVALID_FIELD"}}]"#
    );
    assert_eq!(client.query("SELECT Bacon__c FROM Account LIMIT 2").await, (400, recorded));
    let recorded = r#"[{"message":"unexpected token: SELEKT","errorCode":"MALFORMED_QUERY"}]"#;
    assert_eq!(client.query("SELEKT Name FROM Account").await, (400, recorded.to_owned()));
    for (soql, code) in [
        ("SELECT Id FROM XYZZY", "INVALID_TYPE"),
        ("SELECT Id FROM MyObject__c WHERE ExternalNumber__c = '1'", "INVALID_FIELD"),
        ("SELECT Id FROM MyObject__c WHERE ExternalId__c = 1", "INVALID_FIELD"),
        ("SELECT Id FROM MyObject__c WHERE LongText__c = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM MyObject__c WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM MyObject__c WHERE ExternalId__c = 'it's'", "MALFORMED_QUERY"),
        (r"SELECT Id FROM MyObject__c WHERE ExternalId__c = '\x'", "MALFORMED_QUERY"),
        ("SELECT Id FROM MyObject__c WHERE ExternalId__c IN ()", "MALFORMED_QUERY"),
        ("", "MALFORMED_QUERY"),
    ] {
        let (status, body) = client.query(soql).await;
        assert!(status == 400 && body.contains(&format!(r#""errorCode":"{code}""#)), "{soql}: {body}");
    }
}

#[tokio::test]
async fn answers_have_the_recorded_shape_and_come_in_pages() {
    let client = Client::start().await;
    client.org.change_settings(json!({"page_size": 20})).unwrap();
    let keys: Vec<_> = (0..50).map(|n| format!("k{n}")).collect();
    let rows: Vec<_> = keys.iter().map(|key| json!({"ExternalId__c": key})).collect();
    client.upsert("ExternalId__c", &rows).await;
    let asked = format!("SELECT ExternalId__c FROM MyObject__c WHERE ExternalId__c IN ('{}')", keys.join("','"));
    let (_, mut body) = client.query(&asked).await;
    assert!(
        body.starts_with(r#"{"totalSize":50,"done":false,"nextRecordsUrl":"/services/data/v66.0/query/01g"#),
        "{body}"
    );
    let mut found = Vec::new();
    loop {
        let page: Value = serde_json::from_str(&body).unwrap();
        found.extend(
            page["records"].as_array().unwrap().iter().map(|row| row["ExternalId__c"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["nextRecordsUrl"].as_str() else { break };
        body = client.call("GET", next, None).await.1;
    }
    assert!(found != keys, "an answer does not come in the order asked");
    found.sort_by_key(|key| key[1..].parse::<u32>().unwrap());
    assert_eq!(found, keys);
    assert_eq!(client.query("SELECT COUNT() FROM MyObject__c").await.1, r#"{"totalSize":50,"done":true,"records":[]}"#);
    let (_, body) = client.query("SELECT ExternalId__c FROM MyObject__c ORDER BY ExternalId__c DESC LIMIT 1").await;
    assert!(body.ends_with(r#""ExternalId__c":"k9"}]}"#), "{body}");
    let (status, body) = client.call("GET", "query/01gnone-20", None).await;
    assert!(status == 400 && body.contains("INVALID_QUERY_LOCATOR"), "{body}");
}
