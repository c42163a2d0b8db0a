//! The token endpoint: client credentials and JWT bearer (Salesforce Help, "OAuth Authorization Flows").

use std::{collections::HashMap, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;

use super::{
    assertion,
    error::{OauthError, refuse},
    identity,
};
use crate::{
    org::Org,
    protocol::{Answer, Request},
};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// No `expires_in`: only a session's end tells.
#[derive(Serialize)]
struct Granted {
    access_token: String,
    signature: String,
    scope: &'static str,
    instance_url: String,
    id: String,
    token_type: &'static str,
    issued_at: String,
}

/// Answers a request for an access token.
pub(crate) fn login(org: &Org, request: &Request) -> Result<Answer, OauthError> {
    let form = form(request)?;
    let get = |name: &str| form.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let login = org.settings().login;
    match get("grant_type") {
        Some("client_credentials") => {
            let (id, secret) = client(request, &form);
            if !login.client_ids.contains(&id) {
                return Err(refuse("invalid_client_id", "client identifier invalid"));
            }
            if secret != login.client_secret {
                return Err(refuse("invalid_client", "invalid client credentials"));
            }
        }
        Some(JWT_BEARER) => {
            if get("scope").is_some() {
                return Err(refuse("invalid_request", "scope parameter not supported"));
            }
            let Some(jwt) = get("assertion") else { return Err(refuse("invalid_grant", "missing assertion")) };
            let now = Duration::from_millis(org.clock.now_millis()).as_secs();
            let now = now.saturating_add_signed(login.clock_ahead_seconds);
            assertion::check(jwt, &login, &org.url, now)?;
        }
        Some(_) => return Err(refuse("unsupported_grant_type", "grant type not supported")),
        None => return Err(refuse("invalid_request", "must supply grant_type")),
    }
    let issued_at = org.clock.now_millis().to_string();
    let access_token = org.sessions().open(Duration::from_secs(login.session_seconds));
    let granted = Granted {
        signature: BASE64_STANDARD.encode(&access_token.as_bytes()[16..48]),
        access_token,
        scope: "api",
        instance_url: login.instance_url.unwrap_or_else(|| org.url.clone()),
        id: identity::url(org),
        token_type: "Bearer",
        issued_at,
    };
    org.counters.granted();
    Ok(Answer::json(200, &granted))
}

fn form(request: &Request) -> Result<HashMap<String, String>, OauthError> {
    let form_type = request.header("content-type").unwrap_or_default();
    if !form_type.starts_with("application/x-www-form-urlencoded") {
        return Err(refuse("invalid_request", "content type must be application/x-www-form-urlencoded"));
    }
    let mut form = HashMap::new();
    for (name, value) in form_urlencoded::parse(&request.body) {
        if form.insert(name.to_string(), value.into_owned()).is_some() {
            return Err(refuse("invalid_request", &format!("duplicate parameter {name}")));
        }
    }
    Ok(form)
}

/// The app's key and secret, from the body or as HTTP Basic.
fn client(request: &Request, form: &HashMap<String, String>) -> (String, String) {
    let basic = request.header("authorization").and_then(|value| value.strip_prefix("Basic "));
    let basic = basic.and_then(|text| String::from_utf8(BASE64_STANDARD.decode(text.trim()).ok()?).ok());
    if let Some((id, secret)) = basic.as_deref().and_then(|text| text.split_once(':')) {
        return (id.to_owned(), secret.to_owned());
    }
    let get = |name: &str| form.get(name).cloned().unwrap_or_default();
    (get("client_id"), get("client_secret"))
}
