//! `[kafka.oauth]`: tokens for the brokers, from an OIDC token endpoint.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Secret, Tls};

/// Client credentials (RFC 6749, section 4.4). Without a `token_url` no tokens are fetched.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaOauth {
    /// URL of the token endpoint: https, or http to this machine.
    pub token_url: Option<Url>,
    pub client_id: Option<Secret>,
    pub client_secret: Option<Secret>,
    /// Scopes, separated by spaces.
    pub scope: Option<String>,
    /// SASL extensions (RFC 7628, section 3.1), sent to the brokers beside the token.
    pub extensions: BTreeMap<String, String>,
    pub tls: Tls,
    /// Time-out of one request for a token.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
}

impl KafkaOauth {
    /// Whether any key is set that needs the others.
    pub(super) fn is_set(&self) -> bool {
        self.token_url.is_some()
            || self.client_id.is_some()
            || self.client_secret.is_some()
            || self.scope.is_some()
            || self.tls.is_set()
            || !self.extensions.is_empty()
    }
}

impl Default for KafkaOauth {
    fn default() -> Self {
        Self {
            token_url: None,
            client_id: None,
            client_secret: None,
            scope: None,
            extensions: BTreeMap::new(),
            tls: Tls::default(),
            request_timeout: Duration::from_secs(10),
        }
    }
}
