//! Options of an HTTP connection: TLS, a proxy, compression.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::Secret;

/// Certificates for TLS, in PEM.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Certificate authorities to trust besides the usual ones.
    pub ca: Option<Secret>,
    /// Client certificate and its chain, for a server that asks for one; with `key`.
    pub certificate: Option<Secret>,
    /// Private key of that certificate: PKCS#8, PKCS#1 or SEC 1.
    pub key: Option<Secret>,
}

impl Tls {
    pub(super) fn is_set(&self) -> bool {
        self.ca.is_some() || self.certificate.is_some() || self.key.is_some()
    }
}

/// The HTTP proxy to a server. Without a `url` the proxy of the environment (`HTTPS_PROXY`) is used.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Proxy {
    /// Scheme, host and port of the proxy.
    pub url: Option<Url>,
    /// User of basic authentication, with `password`.
    pub username: Option<String>,
    pub password: Option<Secret>,
    /// Targets that are reached without the proxy: hosts with their subdomains, addresses and networks.
    pub exclude: Vec<String>,
}

/// Compression of requests and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    #[default]
    None,
    Gzip,
}

/// Whether a URL names this machine. Such a URL needs no TLS, and does not use the proxy of the environment.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
