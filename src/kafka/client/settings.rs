//! The configuration of librdkafka. A property of the user's is set first; those that the algorithm owns are set after
//! it, and the configuration rejects them in `[kafka.properties]`.

use std::{sync::Arc, time::Duration};

use rdkafka::{ClientConfig, error::KafkaError, types::RDKafkaConfRes};
use secrecy::ExposeSecret as _;

use super::{
    oidc::{OauthConfigError, TokenError},
    token::{TokenFeed, Tokens},
};
use crate::config::{Config, GroupProtocol, SecretError, unescape_line_ends};

/// A property that cannot be read, or that librdkafka does not accept. Holds no value: any of them may be a secret, and
/// librdkafka's own error repeats it.
#[derive(Debug, thiserror::Error)]
pub enum KafkaConfigError {
    #[error("kafka.properties.{key:?}")]
    Unreadable { key: String, source: SecretError },
    #[error("kafka.properties.{key:?}: {why}")]
    Invalid { key: String, why: &'static str },
    #[error(transparent)]
    Oauth(#[from] OauthConfigError),
}

/// The configurations of the daemon's Kafka clients, and their tokens. They hold secrets: no `Debug`. Cheap to clone.
#[derive(Clone)]
pub struct Clients(Arc<Inner>);

struct Inner {
    base: ClientConfig,
    consumer: ClientConfig,
    tokens: Option<Tokens>,
    protocol: GroupProtocol,
    dead_letters: Option<String>,
}

const STRATEGY: &str = "partition.assignment.strategy";
const COOPERATIVE: &str = "cooperative-sticky";
const RECEIVE: &str = "receive.message.max.bytes";
const ISOLATION: &str = "isolation.level";
const READ_UNCOMMITTED: &str = "read_uncommitted";
const REFRESH: &str = "topic.metadata.refresh.interval.ms";

/// The size of the queue that librdkafka may have of each partition, in bytes: below both this and [`QUEUED_MESSAGES`]
/// it fetches more. Both count per split partition queue, and of the bytes only those of values.
pub const QUEUED_BYTES: usize = 512 * 1024;
/// The size of the queue that librdkafka may have of each partition, in messages. The next fetch is asked for `fetch.queue.backoff.ms` after
/// a queue was full: fewer messages would limit how fast a single partition is read. Keys and headers are counted by
/// the memory bound alone.
pub const QUEUED_MESSAGES: usize = 2_000;
/// The size of one fetch, or of one batch if that is larger; compressed. It is small, since librdkafka decompresses all
/// of a fetch at once: six batches of 10 KB that decompress to 2.4 MB each are less than one record of 16 MiB.
pub const FETCH_BYTES: usize = 64 * 1024;
/// The largest answer that is read, and what a batch of zstd may decompress to: all that a topic can hold can be
/// received.
const RECEIVE_BYTES: &str = "1000000000";
/// The values that librdkafka accepts as `message.max.bytes`. A topic may have less or more; where it has less it
/// rejects messages by itself.
const MESSAGE_BYTES: std::ops::RangeInclusive<usize> = 1_000..=1_000_000_000;

impl Clients {
    pub fn new(config: &Config) -> Result<Self, KafkaConfigError> {
        let kafka = &config.kafka;
        let mut base = ClientConfig::new();
        // librdkafka looks for the CA certificates of the system in all usual places.
        base.set("ssl.ca.location", "probe");
        let tokens = Tokens::new(&kafka.oauth)?;
        if tokens.is_some() {
            base.set("security.protocol", "SASL_SSL").set("sasl.mechanisms", "OAUTHBEARER");
        }
        for (key, value) in &kafka.properties {
            let value = value.reveal().map_err(|source| KafkaConfigError::Unreadable { key: key.clone(), source })?;
            check_property(key, value.expose_secret())?;
            if key.rsplit_once('.').is_some_and(|(_, last)| last == "pem") {
                base.set(key, unescape_line_ends(value.expose_secret()));
            } else {
                base.set(key, value.expose_secret());
            }
        }
        if kafka.properties.keys().any(|key| key == "ssl.ca.pem") && !kafka.properties.contains_key("ssl.ca.location") {
            base.remove("ssl.ca.location");
        }
        base.set("bootstrap.servers", &kafka.bootstrap_servers).set("client.id", &config.name);

        let mut consumer = base.clone();
        consumer
            .set("group.id", &kafka.group_id)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "false")
            .set("auto.offset.reset", "error")
            .set("max.poll.interval.ms", kafka.max_poll_interval.as_millis().to_string())
            .set("queued.max.messages.kbytes", (QUEUED_BYTES / 1024).to_string())
            .set("queued.min.messages", QUEUED_MESSAGES.to_string())
            .set("fetch.queue.backoff.ms", "50")
            .set("max.partition.fetch.bytes", FETCH_BYTES.to_string());
        if base.get(RECEIVE).is_none() {
            consumer.set(RECEIVE, RECEIVE_BYTES);
        }
        let protocol = kafka.group_protocol();
        if protocol == GroupProtocol::Classic {
            if base.get(STRATEGY).is_none() {
                consumer.set(STRATEGY, COOPERATIVE);
            }
            if consumer.get(STRATEGY) == Some(COOPERATIVE) {
                // The poll thread does it: see `metadata_refresh`.
                consumer.set(REFRESH, "-1");
            }
            consumer.set("session.timeout.ms", kafka.session_timeout.as_millis().to_string());
        }
        if let Some(id) = &kafka.group_instance_id {
            consumer.set("group.instance.id", id);
        }
        // No glob may match these: Kafka's own topics, and the dead letters.
        let dead_letters = config.dead_letter.topic.iter().map(|topic| format!(",^{}$", topic.replace('.', "\\.")));
        consumer.set("topic.blacklist", format!("^__.*{}", dead_letters.collect::<String>()));
        let dead_letters = config.dead_letter.topic.clone();
        Ok(Self(Arc::new(Inner { base, consumer, tokens, protocol, dead_letters })))
    }

    pub(crate) fn group_protocol(&self) -> GroupProtocol {
        self.0.protocol
    }

    /// Whether a glob may match this topic: the same as the consumer's `topic.blacklist`.
    pub(crate) fn may_take(&self, topic: &str) -> bool {
        !topic.starts_with("__") && self.0.dead_letters.as_deref() != Some(topic)
    }

    /// Whether a rebalance of the classic protocol leaves partitions that do not move with their owners.
    pub(crate) fn is_cooperative(&self) -> bool {
        self.0.protocol == GroupProtocol::Classic && self.0.consumer.get(STRATEGY) == Some(COOPERATIVE)
    }

    /// The interval at which topics are refreshed; `None` for never.
    pub(crate) fn refresh_interval(&self) -> Option<Duration> {
        let default = Duration::from_secs(if self.0.protocol == GroupProtocol::Classic { 300 } else { 30 });
        match self.0.base.get(REFRESH) {
            None => Some(default),
            Some(millis) => millis.parse().ok().filter(|millis| *millis > 0).map(Duration::from_millis),
        }
    }

    /// Fetches another token soon: secrets may have changed.
    pub fn renew_token(&self) {
        if let Some(tokens) = &self.0.tokens {
            tokens.renew();
        }
    }

    /// Fetches another token, since a broker has denied access with the last one.
    pub(crate) fn token_denied(&self) {
        if let Some(tokens) = &self.0.tokens {
            tokens.denied();
        }
    }

    /// Fetches the first token, if tokens are configured.
    pub(crate) async fn first_token(&self) -> Result<(), TokenError> {
        match &self.0.tokens {
            Some(tokens) => tokens.first().await,
            None => Ok(()),
        }
    }

    /// A feed of tokens for one client.
    pub(crate) fn token_feed(&self) -> TokenFeed {
        self.0.tokens.as_ref().map_or_else(TokenFeed::none, Tokens::feed)
    }

    /// The configuration of the consumer.
    pub(crate) fn consumer(&self) -> &ClientConfig {
        &self.0.consumer
    }

    /// The configuration of clients that need no group.
    pub(crate) fn admin(&self) -> &ClientConfig {
        &self.0.base
    }

    /// The configuration of clients that read all that was written, also by transactions that are not committed.
    pub(crate) fn admin_of_all(&self) -> ClientConfig {
        let mut config = self.0.base.clone();
        config.set(ISOLATION, READ_UNCOMMITTED);
        config
    }

    /// Whether the consumer skips what is not committed, as librdkafka does unless configured otherwise.
    pub(crate) fn reads_committed(&self) -> bool {
        self.0.base.get(ISOLATION) != Some(READ_UNCOMMITTED)
    }

    /// The configuration of a producer of messages of up to `largest` bytes into a topic that takes `topic` bytes a
    /// batch, where that is known: idempotent, confirmed by all in-sync replicas, and never given up.
    ///
    /// librdkafka compares a message with `message.max.bytes` before it compresses it, the topic does so after that.
    /// Only the topic is to reject one: a record that its own producer has compressed fits again.
    pub(crate) fn producer(&self, largest: usize, topic: Option<usize>) -> ClientConfig {
        let largest = largest.clamp(*MESSAGE_BYTES.start(), *MESSAGE_BYTES.end());
        let mut producer = self.0.base.clone();
        producer
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("message.timeout.ms", "0")
            .set("message.max.bytes", largest.to_string())
            .set("queue.buffering.max.kbytes", (producer_queue(largest) / 1024).to_string())
            .set("linger.ms", "5");
        if COMPRESSION.iter().all(|property| self.0.base.get(property).is_none()) {
            producer.set("compression.type", "zstd");
        }
        // A topic rejects a batch as a whole. Messages share a batch only if it fits uncompressed: a rejection is then
        // of one message.
        let own = self.0.base.get(BATCH).and_then(|own| own.parse().ok()).unwrap_or(BATCH_BYTES);
        producer.set(BATCH, topic.unwrap_or(own).clamp(1, own).to_string());
        producer
    }
}

/// The property with the size of a batch, and librdkafka's default.
pub(crate) const BATCH: &str = "batch.size";
const BATCH_BYTES: usize = 1_000_000;
const COMPRESSION: [&str; 2] = ["compression.type", "compression.codec"];

/// The bytes that messages may take while they are being sent, where the largest has `largest` bytes: room for many, or
/// for one of the largest.
pub fn producer_queue(largest: usize) -> usize {
    const MANY: usize = 8 * 1024 * 1024;
    MANY.max(largest.min(*MESSAGE_BYTES.end()) + 1024 * 1024)
}

/// Checks one property by itself.
fn check_property(key: &str, value: &str) -> Result<(), KafkaConfigError> {
    let why = match ClientConfig::new().set(key, value).create_native_config() {
        Ok(_) => return Ok(()),
        Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => "librdkafka knows no such property",
        Err(_) => "librdkafka does not take this value",
    };
    Err(KafkaConfigError::Invalid { key: key.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_message_sizes_are_those_of_librdkafka() {
        let takes = |bytes: usize| check_property("message.max.bytes", &bytes.to_string()).is_ok();
        let (least, most) = (*MESSAGE_BYTES.start(), *MESSAGE_BYTES.end());
        assert!(takes(least) && takes(most) && !takes(least - 1) && !takes(most + 1));
    }

    fn clients(properties: &str) -> Clients {
        let text = format!(
            "kafka.bootstrap_servers = 'b:9092'
            kafka.group_id = 'g'
            salesforce.login_url = 'https://crm.example.com'
            salesforce.auth = {{ flow = 'client_credentials', client_id = 'i', client_secret = 's' }}
            kafka.properties = {{ {properties} }}
            routes = [{{ topic = 't', sobject = 'Contact' }}]"
        );
        let loaded = crate::config::load_text(&text, std::path::Path::new("test.toml"), []);
        Clients::new(&loaded.unwrap_or_else(|error| panic!("{error}")).config).unwrap()
    }

    #[test]
    fn messages_are_compressed_and_share_a_batch_only_if_the_topic_takes_it_uncompressed() {
        let set = |properties, topic, key| clients(properties).producer(20_000_000, topic).get(key).map(str::to_owned);
        for (properties, topic, key, value) in [
            ("", Some(5_000), "message.max.bytes", Some("20000000")),
            ("", Some(5_000), BATCH, Some("5000")),
            ("", Some(5_000_000), BATCH, Some("1000000")),
            ("'batch.size' = 2000", Some(5_000), BATCH, Some("2000")),
            ("", Some(5_000), "compression.type", Some("zstd")),
            ("'compression.type' = 'lz4'", Some(5_000), "compression.type", Some("lz4")),
            ("'compression.codec' = 'none'", Some(5_000), "compression.type", None),
        ] {
            assert_eq!(set(properties, topic, key).as_deref(), value, "{properties} {topic:?} {key}");
        }
    }

    #[test]
    fn all_that_a_topic_can_hold_is_received() {
        let receives = |properties| clients(properties).consumer().get(RECEIVE).map(str::to_owned);
        assert_eq!(receives("").as_deref(), Some(RECEIVE_BYTES));
        assert_eq!(receives("'receive.message.max.bytes' = 5000000").as_deref(), Some("5000000"));
    }

    #[test]
    fn an_invalid_property_is_named_without_its_value() {
        assert!(check_property("sasl.password", "hunter2").is_ok());
        for (key, says) in
            [("sasl.pasword", "knows no such property"), ("security.protocol", "does not take this value")]
        {
            let error = check_property(key, "hunter2").unwrap_err();
            assert!(error.to_string().contains(key) && error.to_string().contains(says), "{error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
