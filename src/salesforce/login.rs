//! One login: the question, the answer, and whether the answer can be trusted.

use std::time::SystemTime;

use reqwest::{Method, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::{
    grant,
    http::{Answer, Content, Http, Request, Sent},
};
use crate::{config, record::Cause};

/// The outcome of one login.
#[derive(Debug)]
pub(super) enum Login {
    Token {
        token: SecretString,
        instance: Url,
    },
    /// A person must mend it: a wrong secret, an app that is not approved, a wrong host.
    Refused(Cause),
    /// The org or the way to it: throttled, down, not reached.
    Later(Cause),
}

/// Tokens that are JWTs are a few kilobytes.
const MAX_ANSWER: usize = 256 * 1024;

/// Plain http to another machine was not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} would send secrets in the clear: use https, or set salesforce.allow_insecure")]
pub(super) struct Insecure(pub(super) Url);

pub(super) async fn login(http: &Http, config: &config::Salesforce) -> Login {
    let form = match grant::form(&config.auth, &config.login_url, SystemTime::now()) {
        Ok(form) => form,
        Err(cause) => return Login::Refused(cause),
    };
    let mut url = config.login_url.clone();
    url.set_path(&format!("{}/services/oauth2/token", url.path().trim_end_matches('/')));
    let request = Request {
        kind: "login",
        rows: 0,
        method: Method::POST,
        url,
        content: Content::Form(form),
        max_answer: MAX_ANSWER,
    };
    match http.send(&request, None).await {
        Sent::Not(cause) | Sent::Unanswered { cause, .. } => Login::Later(cause),
        Sent::Answered(answer) => read(&answer, config),
    }
}

#[derive(Deserialize)]
struct Token {
    access_token: SecretString,
    instance_url: String,
}

#[derive(Deserialize)]
struct OAuthError {
    error: String,
    #[serde(default)]
    error_description: String,
}

fn read(answer: &Answer, config: &config::Salesforce) -> Login {
    let status = answer.status;
    if status == StatusCode::OK {
        // The parser's message could quote the token.
        let Ok(token) = serde_json::from_slice::<Token>(&answer.body) else {
            return Login::Refused(refusal(
                status,
                "the token endpoint's answer holds no access_token and instance_url",
            ));
        };
        return match instance(&token.instance_url, config) {
            Ok(instance) => Login::Token { token: token.access_token, instance },
            Err(message) => Login::Refused(refusal(status, message)),
        };
    }
    let cause = match serde_json::from_slice::<OAuthError>(&answer.body) {
        Ok(error) => {
            let message = match hint(&error.error_description) {
                Some(hint) => format!("{} ({hint})", error.error_description),
                None => error.error_description,
            };
            Cause { code: Some(error.error.into()), ..refusal(status, message) }
        }
        Err(_) => refusal(status, format!("the token endpoint answered {status}")),
    };
    if is_throttled(status, &cause) { Login::Later(cause) } else { Login::Refused(cause) }
}

/// Everything else is a person's to mend (Salesforce Help, "OAuth 2.0 Error Codes"). The text is only asked whether to wait.
fn is_throttled(status: StatusCode, cause: &Cause) -> bool {
    status.is_server_error()
        || matches!(status.as_u16(), 408 | 420 | 429)
        || cause.code.as_deref() == Some("rate_limit_exceeded")
        || cause.message.to_ascii_lowercase().contains("rate exceeded")
}

fn refusal(status: StatusCode, message: impl Into<String>) -> Cause {
    Cause { http_status: Some(status.as_u16()), ..Cause::new(message) }
}

/// What to do about a refusal.
fn hint(description: &str) -> Option<&'static str> {
    let hints = [
        ("request not supported on this domain", "set salesforce.login_url to the org's My Domain host"),
        ("no client credentials user enabled", "choose a Run As user in the app's policies"),
        ("hasn't approved this consumer", "pre-authorize the app for this user's profile or permission set"),
        ("not admin approved", "pre-authorize the app for this user's profile or permission set"),
        ("audience is invalid", "set salesforce.auth.audience"),
    ];
    hints.into_iter().find_map(|(text, hint)| description.contains(text).then_some(hint))
}

/// The host that all data, and the token, will be sent to.
fn instance(text: &str, config: &config::Salesforce) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("instance_url is not a URL: {error}"))?;
    let trusted = config::is_loopback(&url)
        || match (url.domain(), config.login_url.domain()) {
            (Some(host), login) => {
                is_within(host, "salesforce.com")
                    || is_within(host, "force.com")
                    || login.is_some_and(|login| is_within(host, login) || is_within(login, host))
            }
            (None, _) => url.host().is_some() && url.host() == config.login_url.host(),
        };
    if !trusted {
        return Err(format!("instance_url {url} is neither of salesforce.login_url's domain nor Salesforce's"));
    }
    check_scheme(&url, config.allow_insecure).map_err(|insecure| format!("instance_url {insecure}"))?;
    Ok(url)
}

/// `host` is `domain`, or below it. A name without a dot has nothing below it: that would trust a whole suffix.
fn is_within(host: &str, domain: &str) -> bool {
    host == domain
        || domain.contains('.') && host.strip_suffix(domain).is_some_and(|sub| sub.len() > 1 && sub.ends_with('.'))
}

pub(super) fn check_scheme(url: &Url, allow_insecure: bool) -> Result<(), Insecure> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if allow_insecure || config::is_loopback(url) => Ok(()),
        _ => Err(Insecure(url.clone())),
    }
}

#[cfg(test)]
#[path = "tests/login.rs"]
mod tests;
