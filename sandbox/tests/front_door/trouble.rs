//! Answers that are not the work's own: from the edge and from proxies, redirects, and a user without the API.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::{Client, collection};

async fn answer(client: &Client, path: &str) -> Response {
    // A client that follows nothing.
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    http.get(format!("{}{path}", client.org.url())).bearer_auth(&client.token).send().await.unwrap()
}

const PAGE: &str = "<html><body>Down for maintenance</body></html>";

#[tokio::test]
async fn a_page_comes_with_the_headers_of_the_machine_that_sends_it() {
    let client = Client::start().await;
    let page = |more: Value| {
        let mut action = json!({"kind": "status", "status": 503, "body": PAGE});
        action.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"on": "limits", "do": action})
    };
    client.script(json!([page(json!({})), page(json!({"from": "edge"})), page(json!({"from": "org"}))]));
    let limits = "/services/data/v66.0/limits";
    for (server, usage) in [(None, false), (Some("sfdcedge"), false), (None, true)] {
        let answer = answer(&client, limits).await;
        assert_eq!(answer.status(), 503);
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("server").as_deref(), server);
        assert_eq!(header("x-sfdc-request-id").is_some(), server.is_some());
        assert_eq!(header("sforce-limit-info").is_some(), usage);
        assert_eq!(header("content-type").as_deref(), Some("text/html;charset=UTF-8"));
        assert_eq!(answer.text().await.unwrap(), PAGE);
    }
}

/// A firewall does not like one path, or what a payload holds; it knows nothing of Salesforce.
#[tokio::test]
async fn a_firewall_refuses_what_it_does_not_like_until_its_rules_change() {
    let client = Client::start().await;
    client.upsert("ExternalId__c", &[json!({"ExternalId__c": "a"})]).await;
    let deny = |on: &str, status: u16, more: Value| {
        let action = json!({"kind": "status", "status": status, "body": PAGE, "headers": {"Location": "https://login.example.com/"}});
        let mut fault = json!({"on": on, "times": null, "do": action});
        fault.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fault
    };
    client.script(json!([
        deny("write", 403, json!({"sobject": "MyObject__c", "text": "<script>"})),
        deny("query", 406, json!({"text": "WHERE ExternalId__c = 'drop table'"})),
        deny("query", 404, json!({"sobject": "Contact"})),
        deny("describe", 302, json!({"sobject": "Account"})),
        deny("data", 405, json!({"text": "/sobjects/MyObject__c/ExternalId__c/ü b"})),
    ]));
    let path = "composite/sobjects/MyObject__c/ExternalId__c";
    let write = |text: &str| collection(false, "MyObject__c", &[json!({"ExternalId__c": "b", "Text__c": text})]);
    for _ in 0..2 {
        assert_eq!(client.call("PATCH", path, write("x <script> y")).await, (403, PAGE.to_owned()));
        assert_eq!(client.query("SELECT Id FROM MyObject__c WHERE ExternalId__c = 'drop table'").await.0, 406);
        assert_eq!(client.query("SELECT Id FROM Contact").await, (404, PAGE.to_owned()));
        let described = answer(&client, "/services/data/v66.0/sobjects/Account/describe").await;
        assert_eq!(described.status(), 302);
        let headers = described.headers();
        assert!(headers.contains_key("location") && !headers.contains_key("sforce-limit-info"), "{headers:?}");
        assert_eq!(client.call("GET", "sobjects/MyObject__c/ExternalId__c/%C3%BC%20b", None).await.0, 405);
    }
    assert_eq!(client.query("SELECT Id FROM MyObject__c WHERE ExternalId__c = 'a'").await.0, 200);
    assert_eq!(client.call("GET", "sobjects/Contact/describe", None).await.0, 200);
    assert_eq!(client.call("PATCH", path, write("harmless")).await.0, 200);
    client.org.clear_faults();
    assert_eq!(client.call("PATCH", path, write("x <script> y")).await.0, 200);
    assert_eq!(client.call("GET", "sobjects/Account/describe", None).await.0, 200);
}

#[tokio::test]
async fn calls_and_logins_are_sent_elsewhere() {
    let client = Client::start().await;
    let moved = json!({"kind": "status", "status": 302, "headers": {"Location": "https://new.example.com/x"}});
    client.script(json!([{"on": "data", "do": moved}, {"on": "login", "do": moved}]));
    let data = answer(&client, "/services/data/v66.0/sobjects").await;
    assert_eq!(
        (data.status().as_u16(), &data.headers()["location"]),
        (302, &"https://new.example.com/x".parse().unwrap())
    );
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let form = [("grant_type", "client_credentials"), ("client_id", sandbox::CLIENT_ID)];
    let login = http.post(format!("{}/services/oauth2/token", client.org.url())).form(&form).send().await.unwrap();
    assert_eq!(
        (login.status().as_u16(), &login.headers()["location"]),
        (302, &"https://new.example.com/x".parse().unwrap())
    );
    assert!(client.org.journal().is_empty());
}

#[tokio::test]
async fn the_token_endpoint_asks_to_try_again() {
    let client = Client::start().await;
    client.script(json!({"on": "login",
        "do": {"kind": "oauth_error", "error": "unknown_error", "description": "retry your request"}}));
    let url = format!("{}/services/oauth2/token", client.org.url());
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", sandbox::CLIENT_ID),
        ("client_secret", sandbox::CLIENT_SECRET),
    ];
    let response = client.http.post(&url).form(&form).send().await.unwrap();
    assert_eq!(response.status(), 400);
    let text = r#"{"error":"unknown_error","error_description":"retry your request"}"#;
    assert_eq!(response.text().await.unwrap(), text);
    assert_eq!(client.http.post(&url).form(&form).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_api_is_taken_away_and_given_back() {
    let client = Client::start().await;
    for (api, code) in [("disabled_for_user", "API_CURRENTLY_DISABLED"), ("disabled_for_org", "API_DISABLED_FOR_ORG")] {
        client.org.change_settings(json!({"api": api})).unwrap();
        for path in ["limits", "sobjects/Account/describe", ""] {
            let (status, body) = client.call("GET", path, None).await;
            assert!(status == 403 && body.contains(code), "{path}: {status} {body}");
        }
        assert_eq!(client.call("GET", "/services/data", None).await.0, 200, "it has no session");
    }
    client.org.change_settings(json!({"api": "enabled"})).unwrap();
    assert_eq!(client.call("GET", "limits", None).await.0, 200);
    assert!(client.send(Method::GET, "sobjects", None).await.unwrap().status().is_success());
}
