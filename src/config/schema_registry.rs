//! `[schema_registry]`: the registry of the schemas of Avro, JSON Schema and Protobuf records.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

use super::{Secret, Tls};

/// A schema registry with Confluent's REST API.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SchemaRegistry {
    /// URLs of the registry. The next one is asked when one does not answer.
    #[serde(deserialize_with = "urls", serialize_with = "joined")]
    pub url: Vec<Url>,
    /// User of basic authentication, with `password`.
    pub username: Option<String>,
    pub password: Option<Secret>,
    /// Bearer token, instead of user and password.
    pub token: Option<Secret>,
    /// Time-out of one request.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// How long a schema that the registry does not have is asked for again; zero rejects its record at once.
    #[serde(with = "humantime_serde")]
    pub missing_wait: Duration,
    pub tls: Tls,
}

impl Default for SchemaRegistry {
    fn default() -> Self {
        Self {
            url: Vec::new(),
            username: None,
            password: None,
            token: None,
            request_timeout: Duration::from_secs(10),
            missing_wait: Duration::from_secs(30),
            tls: Tls::default(),
        }
    }
}

/// Parses URLs that are separated by commas.
pub(super) fn parse_urls(text: &str) -> Result<Vec<Url>, url::ParseError> {
    text.split(',').map(str::trim).filter(|url| !url.is_empty()).map(Url::parse).collect()
}

fn urls<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Url>, D::Error> {
    parse_urls(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

fn joined<S: Serializer>(urls: &[Url], serializer: S) -> Result<S::Ok, S::Error> {
    let urls: Vec<_> = urls.iter().map(Url::as_str).collect();
    serializer.serialize_str(&urls.join(","))
}
