//! One login: the question, the answer, and whether the answer can be trusted.

use reqwest::{Method, StatusCode};
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::{
    super::http::{
        client::{Answer, Http, Sent, redirected},
        request::{ApiRequest, Content, Endpoint, Purpose},
    },
    clock::Clock,
    grant,
};
use crate::{config, record::Cause};

/// The outcome of one login.
#[derive(Debug)]
pub(crate) enum Login {
    Token {
        token: SecretString,
        instance: Url,
    },
    /// An operator must fix it: a wrong secret, an app that is not approved, a wrong host.
    Refused(Cause),
    /// The org or the way to it: throttled, down, not reached.
    Later(Cause),
}

/// The login address is plain http to another machine, which was not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} would send secrets in the clear: use https, or set salesforce.allow_insecure")]
pub(crate) struct Insecure(pub(super) Url);

/// An assertion is signed for a time, and one of a wrong time is refused like any other. Where the token host's clock
/// differs from `clock`, it is signed once more by that one, at once. That is not a storm of logins: `clock` keeps what
/// it learned, so that a refusal for another cause is repeated once and not at each login.
pub(crate) async fn login(http: &Http, config: &config::Salesforce, clock: &mut Clock) -> Login {
    let answer = match ask(http, config, clock).await {
        Ok(answer) => answer,
        Err(login) => return login,
    };
    let login = read(&answer, config);
    let by_assertion = matches!(config.auth, config::Auth::JwtBearer { .. });
    if !(by_assertion && is_refused_grant(&login) && answer.date.is_some_and(|date| clock.follow(date))) {
        return login;
    }
    tracing::warn!(
        event = "clock_skew", ahead = %clock,
        "this machine's clock differs from the token host's, which logins follow from now on"
    );
    match ask(http, config, clock).await {
        Ok(answer) => read(&answer, config),
        Err(login) => login,
    }
}

/// Whether a grant was refused; not one that was throttled.
fn is_refused_grant(login: &Login) -> bool {
    matches!(login, Login::Refused(cause) if cause.code.as_deref() == Some("invalid_grant"))
}

/// The answer of the token endpoint, or what it means that there is none.
async fn ask(http: &Http, config: &config::Salesforce, clock: &Clock) -> Result<Answer, Login> {
    let form = grant::form(&config.auth, &config.login_url, clock.now()).map_err(Login::Refused)?;
    let mut url = config.login_url.clone();
    url.set_path(&format!("{}/services/oauth2/token", url.path().trim_end_matches('/')));
    let request = ApiRequest {
        method: Method::POST,
        content: Content::Form(form),
        ..ApiRequest::get("login", Purpose::Login, Endpoint::Url(url.clone()))
    };
    match http.send(&request, url, None).await {
        Sent::Not { cause, .. } | Sent::Unanswered { cause, .. } => Err(Login::Later(cause)),
        Sent::Answered(answer) => Ok(answer),
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

pub(crate) fn read(answer: &Answer, config: &config::Salesforce) -> Login {
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
    if let Some(location) = &answer.location {
        return Login::Later(redirected(status, location));
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
    if ends_by_itself(status, &cause) { Login::Later(cause) } else { Login::Refused(cause) }
}

/// Whether the token endpoint is throttled, busy or redirects. Everything else is an operator's to fix (Salesforce
/// Help, "OAuth 2.0 Error Codes"). `unknown_error` with `retry your request` is pasted from orgs that answer it off and
/// on. The text is only asked whether to wait.
fn ends_by_itself(status: StatusCode, cause: &Cause) -> bool {
    const CODES: [&str; 4] = ["rate_limit_exceeded", "unknown_error", "server_error", "temporarily_unavailable"];
    let message = cause.message.to_ascii_lowercase();
    status.is_server_error()
        || status.is_redirection()
        || matches!(status.as_u16(), 408 | 420 | 429)
        || cause.code.as_deref().is_some_and(|code| CODES.contains(&code))
        || ["rate exceeded", "retry your request"].iter().any(|text| message.contains(text))
}

fn refusal(status: StatusCode, message: impl Into<String>) -> Cause {
    Cause { http_status: Some(status.as_u16()), ..Cause::new(message) }
}

/// Says what to do about a refused login.
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

/// Salesforce's own domains (as its command line, sfdx-core, knows them): orgs lie below these.
const OWN_DOMAINS: [&str; 4] = [".salesforce.com", ".force.com", ".cloudforce.com", ".crmforce.mil"];

/// The host that all data, and the token, will be sent to: that of `login_url`, one of Salesforce's own, or one that
/// the configuration names. From this machine it may be this machine.
fn instance(text: &str, config: &config::Salesforce) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("instance_url is not a URL: {error}"))?;
    let host = url.host_str().unwrap_or_default();
    let configured = || config.instance_hosts.iter().any(|allowed| is_of(host, &allowed.to_ascii_lowercase()));
    let trusted = url.host() == config.login_url.host()
        || OWN_DOMAINS.iter().any(|domain| is_of(host, domain))
        || config::is_loopback(&url) && config::is_loopback(&config.login_url)
        || configured();
    if host.is_empty() || !trusted {
        let rule = "is neither salesforce.login_url's host nor Salesforce's own";
        return Err(format!("instance_url {url} {rule} (if it is the org's, name it in salesforce.instance_hosts)"));
    }
    check_scheme(&url, config.allow_insecure).map_err(|insecure| format!("instance_url {insecure}"))?;
    Ok(url)
}

/// Whether `host` is `allowed`, or lies below it where that begins with a dot.
fn is_of(host: &str, allowed: &str) -> bool {
    if allowed.starts_with('.') { host.len() > allowed.len() && host.ends_with(allowed) } else { host == allowed }
}

pub(crate) fn check_scheme(url: &Url, allow_insecure: bool) -> Result<(), Insecure> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if allow_insecure || config::is_loopback(url) => Ok(()),
        _ => Err(Insecure(url.clone())),
    }
}

#[cfg(test)]
#[path = "tests/login.rs"]
mod tests;
