//! The configuration as small typed structs, one for each section.
//!
//! Three layers, of which a later one overrides an earlier one: built-in defaults, the TOML file, the environment
//! (`SOBJECTD__SALESFORCE__API_VERSION=66.0`). A [`Config`] from [`load`] is complete and consistent: every key and
//! every combination has been checked. [`load`] reports all problems at once.

mod admin;
mod call_options;
mod check;
mod dead_letter;
mod document;
mod effective;
mod json_schema;
mod kafka;
mod kind;
mod layers;
mod load;
mod log;
mod oauth;
mod path;
mod pem;
mod pipeline;
mod problem;
mod route;
mod salesforce;
mod scalar;
mod schema;
mod schema_registry;
mod schema_route;
mod secret;
mod size;
mod topic;
mod transport;
mod validate;

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::admin::Admin;
pub use self::call_options::Options;
pub use self::dead_letter::{DeadLetter, OnRejection, TooLarge};
pub use self::effective::{Effective, Setting};
pub use self::json_schema::json_schema;
pub use self::kafka::{GroupProtocol, Kafka, OnLostOffsets, Start};
pub use self::load::{Loaded, load, load_text, variables};
pub use self::log::{Log, LogFormat};
pub use self::oauth::KafkaOauth;
pub use self::path::Origin;
pub(crate) use self::pem::{PemPart, unescape_line_ends};
pub use self::pipeline::{Cache, InsertUnknown, Pipeline, Retry};
pub use self::problem::{Problem, Problems};
pub use self::route::{
    Constant, Empty, Fields, IdentitySource, KeyConverter, KeyFormat, Nulls, Route, Tombstone, ValueConverter,
    ValueFormat,
};
pub use self::salesforce::{Auth, OnQuota, Quota, Salesforce};
pub use self::schema_registry::SchemaRegistry;
pub use self::secret::{Secret, SecretError};
pub use self::topic::{TopicError, TopicGlob, TopicPattern};
pub use self::transport::{Compression, Proxy, Tls, is_loopback};

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Connector name in dead-letter headers, and client id at Kafka.
    #[serde(default = "default_name")]
    pub name: String,
    /// Whether every route is checked against the org before the first record is read.
    #[serde(default = "default_validate_on_start")]
    pub validate_on_start: bool,
    /// How long the start waits for a broker, org or topic that is not available.
    #[serde(default = "default_startup_timeout", with = "humantime_serde")]
    pub startup_timeout: Duration,
    /// How long a stop or a rebalance waits for calls in flight and for rows of unknown result.
    #[serde(default = "default_drain_timeout", with = "humantime_serde")]
    pub drain_timeout: Duration,
    pub kafka: Kafka,
    pub salesforce: Salesforce,
    #[serde(default)]
    pub schema_registry: SchemaRegistry,
    #[serde(default)]
    pub pipeline: Pipeline,
    #[serde(default)]
    pub retry: Retry,
    #[serde(default)]
    pub cache: Cache,
    #[serde(default)]
    pub dead_letter: DeadLetter,
    #[serde(default)]
    pub log: Log,
    #[serde(default)]
    pub admin: Admin,
    /// The routes. There is at least one, and no two have the same topic.
    pub routes: Vec<Route>,
}

fn default_name() -> String {
    "sobjectd".to_owned()
}

fn default_validate_on_start() -> bool {
    true
}

fn default_startup_timeout() -> Duration {
    Duration::from_secs(2 * 60)
}

fn default_drain_timeout() -> Duration {
    Duration::from_secs(3 * 60)
}
