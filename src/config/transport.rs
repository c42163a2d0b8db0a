//! How an HTTP server is reached: TLS, a proxy, compression.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::Secret;

/// Certificates for TLS, besides the usual authorities.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM: certificates of authorities to trust beside the usual ones.
    pub ca: Option<Secret>,
    /// PEM: the certificate that a server may ask of us, then those between it and its authority; with `key`.
    pub certificate: Option<Secret>,
    /// PEM: PKCS#8, PKCS#1 or SEC 1.
    pub key: Option<Secret>,
}

impl Tls {
    pub(super) fn is_given(&self) -> bool {
        self.ca.is_some() || self.certificate.is_some() || self.key.is_some()
    }
}

/// The HTTP proxy that leads to a server. Without a `url` the environment's holds.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Proxy {
    /// A scheme, a host and a port.
    pub url: Option<Url>,
    /// The user of basic authentication; with a password.
    pub username: Option<String>,
    pub password: Option<Secret>,
    /// Hosts, with all below them, addresses and networks that are reached without it.
    pub exclude: Vec<String>,
}

/// How bodies are encoded, both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    #[default]
    None,
    Gzip,
}

/// Whether a URL leads to this machine: what needs no TLS, and no proxy of the environment's.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
