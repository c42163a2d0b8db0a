//! `[kafka]`: where records come from, and where dead letters go.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::{KafkaOauth, Secret};

/// The Kafka cluster and the consumer group.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    /// `host:port`, comma-separated.
    pub bootstrap_servers: String,
    pub group_id: String,
    /// Static membership: a restart takes its partitions back at once.
    #[serde(default)]
    pub group_instance_id: Option<String>,
    #[serde(default)]
    pub start: Start,
    #[serde(default)]
    pub on_lost_offsets: OnLostOffsets,
    #[serde(default = "default_commit_interval", with = "humantime_serde")]
    pub commit_interval: Duration,
    #[serde(default = "default_session_timeout", with = "humantime_serde")]
    pub session_timeout: Duration,
    /// See [`Kafka::lease`].
    #[serde(default, with = "humantime_serde")]
    pub lease: Option<Duration>,
    /// Longer than [`Config::drain_timeout`](super::Config::drain_timeout).
    #[serde(default = "default_max_poll_interval", with = "humantime_serde")]
    pub max_poll_interval: Duration,
    /// Properties of librdkafka that the daemon does not own, for consumer and producer alike.
    #[serde(default)]
    pub properties: BTreeMap<String, Secret>,
    #[serde(default)]
    pub oauth: KafkaOauth,
}

/// How the members of the group share its partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupProtocol {
    /// The members agree among themselves.
    Classic,
    /// The broker decides (KIP-848). Session and heartbeats are its own business, too.
    Consumer,
}

impl Kafka {
    /// How long after a commit calls may be sent: two thirds of what the group waits, unless the key says otherwise.
    pub fn lease(&self) -> Duration {
        self.lease.unwrap_or(self.session_timeout * 2 / 3)
    }

    /// What the property `group.protocol` says.
    pub fn group_protocol(&self) -> GroupProtocol {
        let value = self.properties.get("group.protocol").and_then(|value| value.reveal().ok());
        match value {
            Some(value) if value.expose_secret() == "consumer" => GroupProtocol::Consumer,
            _ => GroupProtocol::Classic,
        }
    }
}

/// Where a group without committed offsets begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    #[default]
    Earliest,
    Latest,
}

/// What becomes of a partition whose next record was deleted before it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLostOffsets {
    /// The daemon ends: a person decides.
    #[default]
    Stop,
    /// Reading goes on at the earliest record that is there.
    Earliest,
}

fn default_commit_interval() -> Duration {
    Duration::from_secs(1)
}

fn default_session_timeout() -> Duration {
    Duration::from_secs(15)
}

fn default_max_poll_interval() -> Duration {
    Duration::from_secs(5 * 60)
}
