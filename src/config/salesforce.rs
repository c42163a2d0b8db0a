//! `[salesforce]`: the org that records are written into.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Compression, Proxy, Secret, Tls};

/// The org, how to log in to it, and how much of it may be used.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Salesforce {
    /// Where the token comes from; https, or http on this machine, or http with `allow_insecure`. No user, no query.
    pub login_url: Url,
    /// Hosts that data may be sent to beside `login_url`'s and Salesforce's own: names, or suffixes with a leading dot.
    #[serde(default)]
    pub instance_hosts: Vec<String>,
    /// `"66.0"`.
    #[serde(default = "default_api_version")]
    pub api_version: String,
    pub auth: Auth,
    /// Of the org's session policy; Salesforce sends no expiry.
    #[serde(default = "default_session_lifetime", with = "humantime_serde")]
    pub session_lifetime: Duration,
    /// How long before its end a token is renewed; shorter than `session_lifetime`.
    #[serde(default = "default_renew_before", with = "humantime_serde")]
    pub renew_before: Duration,
    /// Three logins may follow each other at once, then one more each interval.
    #[serde(default = "default_login_interval", with = "humantime_serde")]
    pub login_interval: Duration,
    #[serde(default = "default_connect_timeout", with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// Of a call that writes: an org whose triggers and flows are slow needs minutes.
    #[serde(default = "default_request_timeout", with = "humantime_serde")]
    pub request_timeout: Duration,
    /// Of a call that only reads: a query, a describe, a probe.
    #[serde(default = "default_query_timeout", with = "humantime_serde")]
    pub query_timeout: Duration,
    #[serde(default = "default_login_timeout", with = "humantime_serde")]
    pub login_timeout: Duration,
    /// An idle connection is closed after this long; Salesforce closes it later, without a word.
    #[serde(default = "default_pool_idle_timeout", with = "humantime_serde")]
    pub pool_idle_timeout: Duration,
    #[serde(default)]
    pub compression: Compression,
    /// A description that is in doubt is asked for again at most this often.
    #[serde(default = "default_describe_interval", with = "humantime_serde")]
    pub describe_interval: Duration,
    /// Rows of a call of unknown result wait this long, from the end of the attempt, before they are sent again.
    #[serde(default = "default_unknown_hold", with = "humantime_serde")]
    pub unknown_hold: Duration,
    /// Before the first write of a partition whose last owner has not drained it.
    #[serde(default, with = "humantime_serde")]
    pub assign_hold: Duration,
    #[serde(default = "default_max_concurrent_requests")]
    pub max_concurrent_requests: usize,
    /// Plain http to a host that is not this machine.
    #[serde(default)]
    pub allow_insecure: bool,
    #[serde(default)]
    pub tls: Tls,
    #[serde(default)]
    pub proxy: Proxy,
    #[serde(default)]
    pub quota: Quota,
}

/// The OAuth grant.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(tag = "flow", rename_all = "snake_case", deny_unknown_fields)]
pub enum Auth {
    ClientCredentials {
        client_id: Secret,
        client_secret: Secret,
    },
    JwtBearer {
        client_id: Secret,
        username: String,
        /// PEM, PKCS#8 or PKCS#1, RSA.
        private_key: Secret,
        /// Derived from the host of `login_url` when absent.
        #[serde(default)]
        audience: Option<String>,
    },
}

/// The part of the org's daily API calls that is left to others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    /// Per cent, 0 to 99.
    pub reserve: u8,
    /// Below the reserve, and when the quota is spent, one batch goes this often.
    #[serde(with = "humantime_serde")]
    pub probe_interval: Duration,
    pub on_quota: OnQuota,
}

/// What rows do when the org refuses calls because those of the day are spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnQuota {
    #[default]
    Wait,
    /// Those that were refused, and those that would have to wait, are rejected.
    DeadLetter,
}

impl Default for Quota {
    fn default() -> Self {
        Self { reserve: 10, probe_interval: Duration::from_secs(60), on_quota: OnQuota::Wait }
    }
}

fn default_api_version() -> String {
    "66.0".to_owned()
}

fn default_session_lifetime() -> Duration {
    Duration::from_secs(2 * 60 * 60)
}

fn default_renew_before() -> Duration {
    Duration::from_secs(2 * 60)
}

fn default_login_interval() -> Duration {
    Duration::from_secs(10)
}

fn default_connect_timeout() -> Duration {
    Duration::from_secs(10)
}

fn default_request_timeout() -> Duration {
    Duration::from_secs(2 * 60)
}

fn default_query_timeout() -> Duration {
    Duration::from_secs(60)
}

fn default_login_timeout() -> Duration {
    Duration::from_secs(30)
}

fn default_pool_idle_timeout() -> Duration {
    Duration::from_secs(20)
}

fn default_unknown_hold() -> Duration {
    Duration::from_secs(30)
}

fn default_describe_interval() -> Duration {
    Duration::from_secs(5 * 60)
}

fn default_max_concurrent_requests() -> usize {
    4
}
