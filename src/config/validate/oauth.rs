//! Rules of `[kafka.oauth]`: it is complete, its secrets do not go over plain http, and no other login is configured.

use secrecy::ExposeSecret;
use url::Url;

use super::{positive::positive, transport};
use crate::config::{Kafka, Problem, is_loopback, path::join};

pub(super) fn validate(kafka: &Kafka, problems: &mut Vec<Problem>) {
    let oauth = &kafka.oauth;
    positive("kafka.oauth.request_timeout", oauth.request_timeout, problems);
    if !oauth.is_set() {
        return;
    }
    for (key, is_missing) in [
        ("token_url", oauth.token_url.is_none()),
        ("client_id", oauth.client_id.is_none()),
        ("client_secret", oauth.client_secret.is_none()),
    ] {
        if is_missing {
            let message = "missing, and other keys of kafka.oauth are set";
            problems.push(Problem::new(format!("kafka.oauth.{key}"), message));
        }
    }
    transport::tls("kafka.oauth", &oauth.tls, problems);
    if let Some(url) = &oauth.token_url {
        token_url(url, problems);
    }
    for (name, value) in &oauth.extensions {
        extension(name, value, problems);
    }
    properties(kafka, problems);
}

/// Checks the URL of the token endpoint. No message repeats it: it may hold a password.
fn token_url(url: &Url, problems: &mut Vec<Problem>) {
    let mut report = |message: &str, hint: &str| {
        problems.push(Problem::new("kafka.oauth.token_url", message).hint(hint));
    };
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(url) => {}
        "http" => report("credentials do not go over plain http to another machine", "use https"),
        _ => report("is not an https URL", "such as \"https://login.example.com/oauth2/token\""),
    }
    if !url.username().is_empty() || url.password().is_some() {
        report("holds a user or password", "they belong in kafka.oauth.client_id and .client_secret");
    }
}

/// Checks a SASL extension: its name has letters only, its value printable ASCII (RFC 7628, section 3.1). The name
/// `auth` is reserved for the token.
fn extension(name: &str, value: &str, problems: &mut Vec<Problem>) {
    let key = join("kafka.oauth.extensions", name);
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) || name == "auth" {
        problems.push(Problem::new(key, "is not the name of an extension").hint("letters alone, and not \"auth\""));
    } else if !value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        problems.push(Problem::new(key, "holds more than printable ASCII"));
    }
}

/// Checks that no property of librdkafka configures another login.
fn properties(kafka: &Kafka, problems: &mut Vec<Problem>) {
    for (property, secret) in &kafka.properties {
        let revealed = secret.reveal().ok();
        let value = revealed.as_ref().map_or("", |value| value.expose_secret());
        let fits = match property.as_str() {
            "security.protocol" => {
                value.eq_ignore_ascii_case("sasl_ssl") || value.eq_ignore_ascii_case("sasl_plaintext")
            }
            "sasl.mechanism" | "sasl.mechanisms" => value.eq_ignore_ascii_case("OAUTHBEARER"),
            "sasl.username" | "sasl.password" | "enable.sasl.oauthbearer.unsecure.jwt" => false,
            other => !other.starts_with("sasl.oauthbearer."),
        };
        if !fits {
            let message = "does not go with kafka.oauth, which logs in by OAUTHBEARER";
            let problem = Problem::new(join("kafka.properties", property), message);
            problems.push(problem.hint("leave out one of the two"));
        }
    }
}
