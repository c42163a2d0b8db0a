//! Who a session is of.

use serde_json::Value;

use crate::Client;

#[tokio::test]
async fn the_identity_url_and_the_user_info_know_the_user() {
    let client = Client::start().await;
    let (_, body) = client.call("GET", "/services/data/v66.0", None).await;
    let url = serde_json::from_str::<Value>(&body).unwrap()["identity"].as_str().unwrap().to_owned();
    let path = url.strip_prefix(client.org.url()).expect("the org's own address");
    let used = client.org.calls().quota_used;
    let (status, body) = client.call("GET", path, None).await;
    let who: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, who["id"].as_str()), (200, Some(url.as_str())));
    assert_eq!(path, format!("/id/{}/{}", who["organization_id"].as_str().unwrap(), who["user_id"].as_str().unwrap()));
    let (status, body) = client.call("GET", "/services/oauth2/userinfo", None).await;
    let info: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &info["sub"], &info["user_id"]), (200, &who["id"], &who["user_id"]));
    assert_eq!(client.org.calls().quota_used, used, "neither counts");
    // A token in the address, as some clients send it.
    let by_address = client.http.get(format!("{url}?format=json&oauth_token={}", client.token)).send().await.unwrap();
    assert_eq!(by_address.status(), 200);
}

#[tokio::test]
async fn identity_and_user_info_without_a_session_refuse_in_plain_text() {
    let client = Client::start().await;
    let url = format!("{}/services/oauth2/userinfo", client.org.url());
    let missing = client.http.get(&url).send().await.unwrap();
    assert_eq!((missing.status().as_u16(), missing.text().await.unwrap().as_str()), (403, "Missing_OAuth_Token"));
    let bad = client.http.get(&url).bearer_auth("nobody").send().await.unwrap();
    assert_eq!((bad.status().as_u16(), bad.text().await.unwrap().as_str()), (403, "Bad_OAuth_Token"));
    assert_eq!(client.call("GET", "/id/00DSB00000000012AA/005SB0000000002YAA", None).await.0, 404);
}
