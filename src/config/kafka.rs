//! `[kafka]`: the cluster that records come from and dead letters go to.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::{KafkaOauth, Secret};

/// The Kafka cluster and the consumer group.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    /// Brokers as `host:port`, separated by commas.
    pub bootstrap_servers: String,
    /// Name of the consumer group.
    pub group_id: String,
    /// Id for static membership: a restart within `session_timeout` gets its partitions back at once.
    #[serde(default)]
    pub group_instance_id: Option<String>,
    #[serde(default)]
    pub start: Start,
    #[serde(default)]
    pub on_lost_offsets: OnLostOffsets,
    /// Time between two commits of offsets.
    #[serde(default = "default_commit_interval", with = "humantime_serde")]
    pub commit_interval: Duration,
    /// How long the group keeps a member that sends no heartbeats.
    #[serde(default = "default_session_timeout", with = "humantime_serde")]
    pub session_timeout: Duration,
    /// How long calls may be sent after a commit. `None`: derived from other keys, see [`Kafka::lease`].
    #[serde(default, with = "humantime_serde")]
    pub lease: Option<Duration>,
    /// How long a rebalance may take; longer than [`Config::drain_timeout`](super::Config::drain_timeout).
    #[serde(default = "default_max_poll_interval", with = "humantime_serde")]
    pub max_poll_interval: Duration,
    /// Properties of librdkafka that the daemon does not own, for the consumer and the producer.
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
    /// The broker decides (KIP-848). It sets the session time-out and the heartbeat interval, too.
    Consumer,
}

impl Kafka {
    /// Returns how long calls may be sent after a commit: the configured time, or two thirds of the session time-out.
    pub fn lease(&self) -> Duration {
        self.lease.unwrap_or(self.session_timeout * 2 / 3)
    }

    /// Returns the group protocol that the property `group.protocol` chooses.
    pub fn group_protocol(&self) -> GroupProtocol {
        let value = self.properties.get("group.protocol").and_then(|value| value.reveal().ok());
        match value {
            Some(value) if value.expose_secret() == "consumer" => GroupProtocol::Consumer,
            _ => GroupProtocol::Classic,
        }
    }
}

/// Where reading starts in a topic without any committed offset. A partition that is added to a topic later is read from
/// its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    #[default]
    Earliest,
    Latest,
}

/// What happens to a partition whose next record was deleted before it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLostOffsets {
    /// The daemon exits; an operator decides.
    #[default]
    Stop,
    /// Reading continues at the earliest record that is still there.
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
