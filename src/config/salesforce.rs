//! `[salesforce]`: the org that records are written into.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Compression, Proxy, Secret, Tls};

/// The org, the login, and the limits of its use.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Salesforce {
    /// Scheme, host and port of the org's My Domain: https, or http to this machine, or http with `allow_insecure`.
    pub login_url: Url,
    /// Hosts to which data may be sent, besides the host of `login_url` and Salesforce's own: names, or suffixes with a
    /// leading dot.
    #[serde(default)]
    pub instance_hosts: Vec<String>,
    /// Version of the API, such as `"66.0"`.
    #[serde(default = "default_api_version")]
    pub api_version: String,
    pub auth: Auth,
    /// Lifetime of a session by the org's session policy. Salesforce does not send it.
    #[serde(default = "default_session_lifetime", with = "humantime_serde")]
    pub session_lifetime: Duration,
    /// How long before its end a session is renewed; shorter than `session_lifetime`.
    #[serde(default = "default_renew_before", with = "humantime_serde")]
    pub renew_before: Duration,
    /// Interval between logins, once three have followed each other at once.
    #[serde(default = "default_login_interval", with = "humantime_serde")]
    pub login_interval: Duration,
    /// Time-out of connecting.
    #[serde(default = "default_connect_timeout", with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// Time-out of a call that writes. An org with slow triggers and flows needs minutes.
    #[serde(default = "default_request_timeout", with = "humantime_serde")]
    pub request_timeout: Duration,
    /// Time-out of a call that only reads: a query, a describe, a probe.
    #[serde(default = "default_query_timeout", with = "humantime_serde")]
    pub query_timeout: Duration,
    /// Time-out of a login.
    #[serde(default = "default_login_timeout", with = "humantime_serde")]
    pub login_timeout: Duration,
    /// How long an idle connection stays open. Salesforce closes it later, without notice.
    #[serde(default = "default_pool_idle_timeout", with = "humantime_serde")]
    pub pool_idle_timeout: Duration,
    #[serde(default)]
    pub compression: Compression,
    /// Shortest time between two describes of one SObject.
    #[serde(default = "default_describe_interval", with = "humantime_serde")]
    pub describe_interval: Duration,
    /// How long rows wait after the end of an attempt of unknown result before they are sent again.
    #[serde(default = "default_unknown_hold", with = "humantime_serde")]
    pub unknown_hold: Duration,
    /// How long the first record of a partition waits if the last owner did not drain it.
    #[serde(default, with = "humantime_serde")]
    pub assign_hold: Duration,
    /// Limit of calls in flight, 1 to 100.
    #[serde(default = "default_max_concurrent_requests")]
    pub max_concurrent_requests: usize,
    /// Whether plain http to another machine is allowed.
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
        /// RSA key in PEM, PKCS#8 or PKCS#1.
        private_key: Secret,
        /// Audience of the token; derived from the host of `login_url` if absent.
        #[serde(default)]
        audience: Option<String>,
    },
}

/// The part of the org's daily API calls that is left to other clients.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quota {
    /// Percentage of the daily calls that is left to other clients, 0 to 99.
    pub reserve: u8,
    /// Time between two calls while the quota is exhausted or below the reserve.
    #[serde(with = "humantime_serde")]
    pub probe_interval: Duration,
    pub on_quota: OnQuota,
}

/// What happens to rows while the daily quota is exhausted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnQuota {
    #[default]
    Wait,
    /// Rows that the org refuses, and rows that would wait after them, are rejected.
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
