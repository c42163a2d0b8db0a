//! Rules of `[salesforce]`: where credentials may go, and which times fit each other.

use humantime_serde::re::humantime::format_duration;
use url::Url;

use super::{positive::positive, transport};
use crate::config::{Problem, Salesforce, is_loopback};

/// The oldest API version that Salesforce still serves.
const OLDEST_VERSION: u32 = 31;

pub(super) fn validate(salesforce: &Salesforce, problems: &mut Vec<Problem>) {
    login_url(&salesforce.login_url, salesforce.allow_insecure, problems);
    if !is_version(&salesforce.api_version) {
        let message = format!("{:?} is not an API version from {OLDEST_VERSION}.0 on", salesforce.api_version);
        problems.push(Problem::new("salesforce.api_version", message).hint("such as \"66.0\""));
    }
    if salesforce.renew_before >= salesforce.session_lifetime {
        let message = format!(
            "{} is not shorter than salesforce.session_lifetime ({})",
            format_duration(salesforce.renew_before),
            format_duration(salesforce.session_lifetime)
        );
        problems.push(Problem::new("salesforce.renew_before", message));
    }
    for (key, duration) in [
        ("salesforce.connect_timeout", salesforce.connect_timeout),
        ("salesforce.request_timeout", salesforce.request_timeout),
        ("salesforce.query_timeout", salesforce.query_timeout),
        ("salesforce.login_timeout", salesforce.login_timeout),
        ("salesforce.pool_idle_timeout", salesforce.pool_idle_timeout),
        ("salesforce.quota.probe_interval", salesforce.quota.probe_interval),
    ] {
        positive(key, duration, problems);
    }
    instance_hosts(&salesforce.instance_hosts, problems);
    transport::tls("salesforce", &salesforce.tls, problems);
    transport::proxy("salesforce", &salesforce.proxy, problems);
}

/// Checks that each host is a name, or a suffix of two labels or more: to trust `.com` would be to trust any host.
fn instance_hosts(hosts: &[String], problems: &mut Vec<Problem>) {
    for (index, host) in hosts.iter().enumerate() {
        let fits = match host.strip_prefix('.') {
            Some(suffix) => transport::is_host(suffix) && suffix.contains('.'),
            None => transport::is_host(host),
        };
        if !fits {
            let key = format!("salesforce.instance_hosts[{index}]");
            let problem = Problem::new(key, format!("{host:?} is neither a host nor a suffix of two labels or more"));
            problems.push(problem.hint("such as \"sf.example.com\" or \".example.com\""));
        }
    }
}

/// Checks the login URL. No message repeats it: it may hold a password.
fn login_url(url: &Url, allow_insecure: bool, problems: &mut Vec<Problem>) {
    let mut report = |message: &str, hint: &str| {
        problems.push(Problem::new("salesforce.login_url", message).hint(hint));
    };
    match url.scheme() {
        "https" => {}
        "http" if allow_insecure || is_loopback(url) => {}
        "http" => report(
            "credentials do not go over plain http to another machine",
            "use https, or salesforce.allow_insecure = true",
        ),
        _ => report("is not an https URL", "such as \"https://myorg.my.salesforce.com\""),
    }
    if !url.username().is_empty() || url.password().is_some() {
        report("holds a user or password", "credentials belong in salesforce.auth");
    }
    if !url.path().trim_end_matches('/').is_empty() || url.query().is_some() || url.fragment().is_some() {
        report("holds more than a scheme, host and port", "such as \"https://myorg.my.salesforce.com\"");
    }
}

fn is_version(text: &str) -> bool {
    text.strip_suffix(".0").is_some_and(|major| {
        (2..=3).contains(&major.len())
            && major.bytes().all(|b| b.is_ascii_digit())
            && !major.starts_with('0')
            && major.parse::<u32>().is_ok_and(|major| major >= OLDEST_VERSION)
    })
}
