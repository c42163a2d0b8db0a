//! Who a session is of: the identity URL of a login's answer, and the user info. Neither counts as an API request.
//!
//! The identity URL is on the org's own address, where a real one is on its login host: nothing but the org listens
//! here.

use serde_json::{Value, json};

use crate::{
    org::Org,
    protocol::{Answer, Request},
    value::{ORG, RecordId, USER},
};

const NAME: &str = "Sandbox User";
const USERNAME: &str = "sync@sandbox.example";
/// When this user was last changed; it never is.
const CHANGED: &str = "2024-01-01T00:00:00.000+0000";

/// `{org}/id/{org id}/{user id}`.
pub(crate) fn url(org: &Org) -> String {
    format!("{}/id/{}/{USER}", org.url, org_id())
}

/// `GET` of the identity URL.
pub(crate) fn identity(org: &Org, request: &Request) -> Answer {
    if request.uri.path() != format!("/id/{}/{USER}", org_id()) {
        return plain(404, "Not Found");
    }
    answer(org, request, || {
        json!({
            "id": url(org),
            "asserted_user": true,
            "user_id": USER,
            "organization_id": org_id(),
            "username": USERNAME,
            "nick_name": "sync",
            "display_name": NAME,
            "email": USERNAME,
            "email_verified": true,
            "first_name": "Sandbox",
            "last_name": "User",
            "timezone": "UTC",
            "photos": {},
            "urls": urls(org),
            "active": true,
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": "en_US",
            "utcOffset": 0,
            "last_modified_date": CHANGED,
            "is_app_installed": true,
        })
    })
}

/// `/services/oauth2/userinfo`.
pub(crate) fn user_info(org: &Org, request: &Request) -> Answer {
    answer(org, request, || {
        json!({
            "sub": url(org),
            "user_id": USER,
            "organization_id": org_id(),
            "preferred_username": USERNAME,
            "nickname": "sync",
            "name": NAME,
            "email": USERNAME,
            "email_verified": true,
            "given_name": "Sandbox",
            "family_name": "User",
            "zoneinfo": "UTC",
            "photos": {},
            "profile": format!("{}/{USER}", org.url),
            "urls": urls(org),
            "active": true,
            "user_type": "STANDARD",
            "language": "en_US",
            "locale": "en_US",
            "utcOffset": 0,
            "updated_at": CHANGED,
        })
    })
}

/// These two refuse in plain text (quoted). A token may also stand in the query.
fn answer(org: &Org, request: &Request, body: impl FnOnce() -> Value) -> Answer {
    let query = form_urlencoded::parse(request.uri.query().unwrap_or_default().as_bytes());
    let asked = query.into_iter().find(|(name, _)| matches!(name.as_ref(), "oauth_token" | "access_token"));
    let asked = asked.map(|(_, token)| token.into_owned());
    let sent =
        request.header("authorization").and_then(|value| value.split_once(' ')).map(|(_, token)| token.to_owned());
    match sent.or(asked).filter(|token| !token.is_empty()) {
        None => plain(403, "Missing_OAuth_Token"),
        Some(token) if org.sessions().is_open(&token) => Answer::json(200, &body()),
        Some(_) => plain(403, "Bad_OAuth_Token"),
    }
}

fn plain(status: u16, text: &'static str) -> Answer {
    Answer::text(status, "text/html;charset=UTF-8", text)
}

fn org_id() -> String {
    RecordId::parse(ORG).map_or_else(|| ORG.to_owned(), |id| id.to_string())
}

/// The addresses that this org has; `{version}` is for the client to fill in.
fn urls(org: &Org) -> Value {
    let rest = format!("{}/services/data/v{{version}}/", org.url);
    json!({
        "rest": rest,
        "sobjects": format!("{rest}sobjects/"),
        "query": format!("{rest}query/"),
        "custom_domain": org.url,
    })
}
