//! The token endpoint: what it grants, and how it refuses.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::Client;

const JWT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// A throwaway pair of keys, made for these tests.
const PRIVATE_KEY: &str = include_str!("test_key.pem");
const PUBLIC_KEY: &str = include_str!("test_key.pub.pem");

async fn token(client: &Client, form: &[(&str, &str)]) -> (u16, Value) {
    let url = format!("{}/services/oauth2/token", client.org.url());
    let response = client.http.post(url).form(form).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn refused(error: &str, description: &str) -> (u16, Value) {
    (400, json!({"error": error, "error_description": description}))
}

#[tokio::test]
async fn client_credentials_get_a_token_without_an_end() {
    let client = Client::start().await;
    let form =
        [("grant_type", "client_credentials"), ("client_id", "sandbox-client"), ("client_secret", "sandbox-secret")];
    let (status, body) = token(&client, &form).await;
    let mut keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(status, 200);
    assert_eq!(keys, ["access_token", "id", "instance_url", "issued_at", "scope", "signature", "token_type"]);
    assert_eq!(body["instance_url"], client.org.url());
    assert!(
        body["issued_at"].as_str().unwrap().parse::<u64>().unwrap() > 1_600_000_000_000,
        "milliseconds in a string"
    );
    assert!(body["access_token"].as_str().unwrap().starts_with("00DSB0000000001!"));

    let url = format!("{}/services/oauth2/token", client.org.url());
    let basic = client.http.post(url).basic_auth("sandbox-client", Some("sandbox-secret"));
    assert_eq!(basic.form(&form[..1]).send().await.unwrap().status(), 200);
    assert_eq!((client.org.calls().login, client.org.calls().logins_granted), (3, 3));
}

#[tokio::test]
async fn refusals_are_one_object() {
    let client = Client::start().await;
    let grant = ("grant_type", "client_credentials");
    let wrong = [grant, ("client_id", "nobody"), ("client_secret", "sandbox-secret")];
    assert_eq!(token(&client, &wrong).await, refused("invalid_client_id", "client identifier invalid"));
    let wrong = [grant, ("client_id", "sandbox-client"), ("client_secret", "x")];
    assert_eq!(token(&client, &wrong).await, refused("invalid_client", "invalid client credentials"));
    let wrong = [("grant_type", "password")];
    assert_eq!(token(&client, &wrong).await, refused("unsupported_grant_type", "grant type not supported"));
    assert_eq!(client.org.calls().logins_granted, 1);
}

#[tokio::test]
async fn an_assertion_is_checked() {
    let client = Client::start().await;
    client.org.change_settings(json!({"jwt_public_key": PUBLIC_KEY})).unwrap();
    let good =
        json!({"iss": "sandbox-client", "sub": "sync@example.com", "aud": client.org.url(), "exp": 4_000_000_000_u64});
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let sign = |claims: &Value, algorithm| {
        encode(&Header::new(algorithm), claims, &EncodingKey::from_rsa_pem(PRIVATE_KEY.as_bytes()).unwrap()).unwrap()
    };
    for claims in [
        good.clone(),
        with("aud", json!("https://login.salesforce.com")),
        with("aud", json!("https://test.salesforce.com/")),
        // Clients are known to log in with milliseconds, and with a string.
        with("exp", json!(4_000_000_000_000_u64)),
        with("exp", json!("4000000000")),
    ] {
        let (status, body) =
            token(&client, &[("grant_type", JWT), ("assertion", &sign(&claims, Algorithm::RS256))]).await;
        assert_eq!(status, 200, "{claims}: {body}");
    }
    for (claims, error, description) in [
        (with("aud", json!("https://example.com")), "invalid_grant", "audience is invalid"),
        (with("exp", json!(1_600_000_000)), "invalid_grant", "expired authorization code"),
        (with("exp", json!("1600000000")), "invalid_grant", "expired authorization code"),
        (with("iss", json!("nobody")), "invalid_client_id", "client identifier invalid"),
        (with("sub", json!("")), "invalid_grant", "invalid assertion"),
    ] {
        let answer = token(&client, &[("grant_type", JWT), ("assertion", &sign(&claims, Algorithm::RS256))]).await;
        assert_eq!(answer, refused(error, description), "{claims}");
    }
    let signed = sign(&good, Algorithm::RS256);
    let other = sign(&good, Algorithm::RS512);
    let (head, signature) = signed.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    for assertion in [other.as_str(), forged.as_str(), "a.b.c", ""] {
        let (status, body) = token(&client, &[("grant_type", JWT), ("assertion", assertion)]).await;
        assert!(status == 400 && body["error"] == "invalid_grant", "{assertion}: {body}");
    }
    let scoped = [("grant_type", JWT), ("assertion", signed.as_str()), ("scope", "api")];
    assert_eq!(token(&client, &scoped).await.0, 400);
    // Without a key only the structure is looked at.
    client.org.change_settings(json!({"jwt_public_key": null})).unwrap();
    assert_eq!(token(&client, &[("grant_type", JWT), ("assertion", &forged)]).await.0, 200);
}

#[tokio::test]
async fn a_revoked_token_is_no_session() {
    let client = Client::start().await;
    let url = format!("{}/services/oauth2/revoke", client.org.url());
    assert_eq!(client.http.post(url).form(&[("token", &client.token)]).send().await.unwrap().status(), 200);
    assert_eq!(client.call("GET", "limits", None).await.0, 401);
}
