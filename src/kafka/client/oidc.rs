//! One request to an OIDC token endpoint: client credentials in HTTP's own basic authentication (RFC 6749, sections
//! 2.3.1 and 4.4). No message holds the token or a secret. librdkafka's own OIDC would need curl and OpenSSL in the static
//! build.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::{StatusCode, header::ACCEPT};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::{Url, form_urlencoded::byte_serialize};

use crate::{
    config::{KafkaOauth, Secret},
    runtime::http_client::{self, ClientError, ClientOptions},
};

/// A token endpoint, and the client that asks it.
pub(crate) struct Endpoint {
    http: reqwest::Client,
    url: Url,
    client_id: Secret,
    client_secret: Secret,
    scope: Option<String>,
}

/// A token as the endpoint has issued it.
pub(crate) struct Issued {
    pub(crate) value: SecretString,
    pub(crate) principal: String,
    pub(crate) since: SystemTime,
    pub(crate) expires: SystemTime,
}

/// The token endpoint has given no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// An operator must fix it.
    #[error("kafka.oauth: the token endpoint denies a token: {0}")]
    Denied(String),
    #[error("kafka.oauth.token_url: {0}")]
    Later(String),
}

/// The client of the token endpoint cannot be made of `[kafka.oauth]`.
#[derive(Debug, thiserror::Error)]
pub enum OauthConfigError {
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

#[derive(Deserialize)]
struct Answer {
    access_token: SecretString,
    /// Seconds. Some endpoints send a text.
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
    #[serde(default)]
    error_description: String,
}

/// The claims of a token that are used here. The broker verifies the token.
#[derive(Default, Deserialize)]
struct Claims {
    sub: Option<String>,
    /// Seconds since the epoch.
    exp: Option<f64>,
}

impl Endpoint {
    /// Makes the client of the endpoint; `None` without a `token_url`.
    pub(crate) fn new(config: &KafkaOauth) -> Result<Option<Self>, OauthConfigError> {
        let KafkaOauth { token_url: Some(url), client_id: Some(id), client_secret: Some(secret), .. } = config else {
            return Ok(None);
        };
        let options = ClientOptions { section: "kafka.oauth", tls: &config.tls, proxy: None };
        let http =
            http_client::client(url, options)?.timeout(config.request_timeout).connect_timeout(config.request_timeout);
        Ok(Some(Self {
            http: http.build().map_err(|source| options.failed(source))?,
            url: url.clone(),
            client_id: id.clone(),
            client_secret: secret.clone(),
            scope: config.scope.clone(),
        }))
    }

    /// Fetches a new token. Secrets are read again at each call.
    pub(crate) async fn fetch(&self) -> Result<Issued, TokenError> {
        let secret = |key: &str, secret: &Secret| {
            secret.reveal().map_err(|error| TokenError::Denied(format!("kafka.oauth.{key}: {error}")))
        };
        let (id, password) = (secret("client_id", &self.client_id)?, secret("client_secret", &self.client_secret)?);
        let encoded = |text: &SecretString| byte_serialize(text.expose_secret().as_bytes()).collect::<String>();
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        let request = self.http.post(self.url.clone()).basic_auth(encoded(&id), Some(encoded(&password))).form(&form);
        let since = SystemTime::now();
        let later = |error| TokenError::Later(http_client::reason(error));
        let mut answer = request.header(ACCEPT, "application/json").send().await.map_err(later)?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(later)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(TokenError::Later(format!("the answer is longer than {MAX_ANSWER} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        read(answer.status(), &body, since, id.expose_secret())
    }
}

fn read(status: StatusCode, body: &[u8], since: SystemTime, client_id: &str) -> Result<Issued, TokenError> {
    if status != StatusCode::OK {
        let said = serde_json::from_slice::<ErrorAnswer>(body);
        let said = said.map_or_else(|_| String::new(), |said| format!(": {}: {}", said.error, said.error_description));
        let message = format!("{status}{said}");
        let denied = status.is_client_error() && !matches!(status.as_u16(), 408 | 425 | 429);
        return Err(if denied || status.is_redirection() {
            TokenError::Denied(message)
        } else {
            TokenError::Later(message)
        });
    }
    // The parser's own message could quote the token.
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else {
        return Err(TokenError::Denied("its answer holds no access_token".to_owned()));
    };
    let claims = claims(answer.access_token.expose_secret());
    let seconds = answer.expires_in.and_then(|value| value.as_f64().or_else(|| value.as_str()?.parse().ok()));
    let span = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
    let told = seconds.and_then(span).and_then(|life| since.checked_add(life));
    let claimed = claims.exp.and_then(span).and_then(|at| UNIX_EPOCH.checked_add(at));
    let Some(expires) = [told, claimed].into_iter().flatten().min() else {
        return Err(TokenError::Denied("neither its answer nor the token says when the token expires".to_owned()));
    };
    if expires <= since {
        return Err(TokenError::Later("the token that it has given is expired: compare the clocks".to_owned()));
    }
    let principal = claims.sub.unwrap_or_else(|| client_id.to_owned());
    Ok(Issued { value: answer.access_token, principal, since, expires })
}

/// The claims of a token; none if it is not a JWT, but opaque.
fn claims(token: &str) -> Claims {
    let payload = token.split('.').nth(1).and_then(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok());
    payload.and_then(|payload| serde_json::from_slice(&payload).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: &str) -> String {
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.", part(r#"{"alg":"none"}"#), part(claims))
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn an_answer_gives_the_principal_and_the_earlier_expiry() {
        let opaque = "opaque".to_owned();
        for (token, rest, principal, expires) in [
            (jwt(r#"{"sub":"ada","exp":1100}"#), r#","expires_in":300"#, "ada", 1100),
            (jwt(r#"{"sub":"ada","exp":1100.0}"#), r#","expires_in":"60""#, "ada", 1060),
            (jwt(r#"{"exp":1100}"#), "", "client", 1100),
            (opaque.clone(), r#","expires_in":300"#, "client", 1300),
        ] {
            let body = format!(r#"{{"access_token":"{token}"{rest}}}"#);
            let issued = read(StatusCode::OK, body.as_bytes(), at(1000), "client").ok().unwrap();
            assert_eq!((issued.principal.as_str(), issued.expires), (principal, at(expires)), "{body}");
            assert_eq!(issued.value.expose_secret(), token);
        }
    }

    #[test]
    fn a_failed_request_is_repeated_unless_an_operator_must_fix_it() {
        let expired = format!(r#"{{"access_token":"{}"}}"#, jwt(r#"{"exp":999}"#));
        for (status, body, denied, says) in [
            (401, r#"{"error":"invalid_client","error_description":"who?"}"#, true, "invalid_client: who?"),
            (404, "<html>", true, "404"),
            (302, "", true, "302"),
            (429, "{}", false, "429"),
            (503, "busy", false, "503"),
            (200, r#"{"token":"xyzzy"}"#, true, "holds no access_token"),
            (200, r#"{"access_token":"xyzzy"}"#, true, "when the token expires"),
            (200, &expired, false, "compare the clocks"),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let error = read(status, body.as_bytes(), at(1000), "client").err().unwrap();
            assert_eq!(matches!(error, TokenError::Denied(_)), denied, "{error}");
            assert!(error.to_string().contains(says) && !error.to_string().contains("xyzzy"), "{error}");
        }
    }
}
