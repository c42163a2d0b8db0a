//! Rules of `[schema_registry]`: it is configured if a format needs it, and has one way to log in.

use super::{positive::positive, transport};
use crate::config::{Config, Problem, SchemaRegistry, is_loopback};

pub(super) fn validate(config: &Config, problems: &mut Vec<Problem>) {
    let registry = &config.schema_registry;
    if registry.url.is_empty()
        && let Some(index) = config.routes.iter().position(crate::config::Route::needs_registry)
    {
        let message = format!("missing, and a format of routes[{index}] needs a schema registry");
        problems.push(Problem::new("schema_registry.url", message).hint("such as \"https://registry:8081\""));
    }
    urls(registry, problems);
    positive("schema_registry.request_timeout", registry.request_timeout, problems);
    transport::tls("schema_registry", &registry.tls, problems);
    let mut report = |key: &str, message: &str| problems.push(Problem::new(format!("schema_registry.{key}"), message));
    match (&registry.username, &registry.password, &registry.token) {
        (Some(_), None, None) => report("password", "missing, and schema_registry.username is set"),
        (None, Some(_), _) => report("username", "missing, and schema_registry.password is set"),
        (Some(_), _, Some(_)) => report("token", "is set together with schema_registry.username: only one can be sent"),
        _ => {}
    }
}

/// Checks the URLs. No message repeats one: it may hold a password.
fn urls(registry: &SchemaRegistry, problems: &mut Vec<Problem>) {
    let mut report = |message: &str, hint: &str| {
        problems.push(Problem::new("schema_registry.url", message).hint(hint));
    };
    if registry.url.iter().any(is_loopback) && !registry.url.iter().all(is_loopback) {
        report("names this machine and others", "one client asks all of them, either by a proxy or without one");
    }
    let with_secrets = registry.password.is_some() || registry.token.is_some();
    for url in &registry.url {
        match url.scheme() {
            "https" => {}
            "http" if !with_secrets || is_loopback(url) => {}
            "http" => report("credentials do not go over plain http to another machine", "use https"),
            _ => report("is not an http or https URL", "such as \"https://registry:8081\""),
        }
        if !url.username().is_empty() || url.password().is_some() {
            report("holds a user or password", "they belong in schema_registry.username and .password");
        }
        if url.query().is_some() || url.fragment().is_some() {
            report("holds a query or a fragment", "such as \"https://registry:8081\"");
        }
    }
}
