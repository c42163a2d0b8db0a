//! The topics of the cluster, and the dead-letter topic, which is created if it is missing.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use rdkafka::{
    admin::{AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication},
    consumer::{BaseConsumer, Consumer as _},
    error::RDKafkaErrorCode,
};
use tracing::{debug, info, warn};

use crate::{
    config::{DeadLetter, TopicPattern},
    kafka::client::{Clients, StartError, TokenError, error_context::ErrorCapture, log::LoggingContext},
};

/// The topics of the cluster, and a client to ask about them.
pub struct Topics {
    admin: AdminClient<LoggingContext>,
    clients: Clients,
    /// Whether the cluster has not answered how its topics are configured.
    silent: AtomicBool,
    /// The number of partitions of each topic, by name.
    pub partitions: BTreeMap<String, i32>,
}

/// Kafka's default for `max.message.bytes`.
const DEFAULT_MAX_BYTES: usize = 1_048_588;
const CREATE: Duration = Duration::from_secs(10);
/// The time-out for a description. A cluster that cannot describe its topics does not answer at all.
const DESCRIBE: Duration = Duration::from_secs(2);

/// The dead-letter topic, as it is to be created.
#[derive(Debug, Clone, Copy)]
pub struct DeadLetterTopic<'a> {
    pub config: &'a DeadLetter,
    pub name: &'a str,
    /// The topics of the routes, whose largest messages it must hold.
    pub inputs: &'a [&'a str],
    /// The most that a letter may have beyond its record, in bytes.
    pub overhead: usize,
}

impl Topics {
    /// Fetches the topics, without a second attempt.
    pub async fn fetch(clients: &Clients) -> Result<Self, StartError> {
        const ONCE: Duration = Duration::from_secs(2);
        clients.first_token().await.map_err(|error| match error {
            TokenError::Denied(_) => StartError::Denied(error.to_string()),
            TokenError::Later(_) => StartError::Token(error),
        })?;
        // Not the admin client: its error callbacks are not run.
        let client: BaseConsumer<ErrorCapture> =
            clients.admin().create_with_context(ErrorCapture::default()).map_err(StartError::Client)?;
        clients.token_feed().apply_to(client.client());
        let fetched = tokio::task::spawn_blocking(move || {
            let metadata = client.fetch_metadata(None, ONCE);
            metadata.map_err(|error| client.context().last_error(&client, &error)).map(|metadata| {
                let count = |topic: &rdkafka::metadata::MetadataTopic| i32::try_from(topic.partitions().len());
                let counts = metadata.topics().iter();
                counts.map(|topic| (topic.name().to_owned(), count(topic).unwrap_or(i32::MAX))).collect()
            })
        });
        let partitions = match fetched.await {
            Ok(partitions) => partitions?,
            Err(error) => return Err(StartError::Unreachable(error.to_string())),
        };
        let admin = clients.admin().create_with_context(LoggingContext).map_err(StartError::Client)?;
        Ok(Self { admin, clients: clients.clone(), silent: AtomicBool::new(false), partitions })
    }

    /// The admin client, with the newest token.
    pub(super) fn admin(&self) -> &AdminClient<LoggingContext> {
        self.clients.token_feed().apply_to(self.admin.inner());
        &self.admin
    }

    /// The topics that any of the patterns matches now, with their partition counts.
    pub fn taken(&self, patterns: &[&TopicPattern]) -> BTreeMap<String, i32> {
        let taken = |name: &str| self.clients.may_take(name) && patterns.iter().any(|pattern| pattern.matches(name));
        let all = self.partitions.iter().filter(|(name, count)| **count > 0 && taken(name));
        all.map(|(name, count)| (name.clone(), *count)).collect()
    }

    /// Creates the dead-letter topic if it is missing. Returns the largest message that it takes, in bytes; `None`
    /// where the cluster does not say.
    pub async fn ensure_dead_letter_topic(&self, topic: DeadLetterTopic<'_>) -> Result<Option<usize>, StartError> {
        if self.partitions.contains_key(topic.name) {
            return Ok(self.max_message_bytes(&[topic.name]).await);
        }
        let max_bytes = self.create(topic, false).await?;
        info!(event = "dead_letter_topic_created", topic = topic.name, max_bytes, "dead-letter topic created");
        Ok(Some(max_bytes))
    }

    /// Creates the dead-letter topic, or only asks whether it could be (`validate_only`). Returns the largest message
    /// that it takes, in bytes.
    pub(super) async fn create(&self, topic: DeadLetterTopic<'_>, validate_only: bool) -> Result<usize, StartError> {
        let largest_input = self.max_message_bytes(topic.inputs).await.unwrap_or(DEFAULT_MAX_BYTES);
        let max_bytes = largest_input + topic.overhead;
        let created = match self.try_create(topic, max_bytes, true, validate_only).await {
            // Before Kafka 3.6 there is no such configuration.
            Err(RDKafkaErrorCode::InvalidConfig) => self.try_create(topic, max_bytes, false, validate_only).await,
            created => created,
        };
        match created {
            Ok(()) | Err(RDKafkaErrorCode::TopicAlreadyExists) => Ok(max_bytes),
            Err(code) => Err(StartError::DeadLetterTopic { topic: topic.name.to_owned(), message: code.to_string() }),
        }
    }

    async fn try_create(
        &self,
        DeadLetterTopic { config, name, .. }: DeadLetterTopic<'_>,
        max_bytes: usize,
        any_timestamp: bool,
        validate_only: bool,
    ) -> Result<(), RDKafkaErrorCode> {
        let (max_bytes, unlimited) = (max_bytes.to_string(), i64::MAX.to_string());
        let replication = TopicReplication::Fixed(config.replication_factor);
        let mut topic = NewTopic::new(name, config.partitions, replication).set("max.message.bytes", &max_bytes);
        if any_timestamp {
            // A record's timestamp may lie in the future, and its dead letter keeps it.
            topic = topic.set("message.timestamp.after.max.ms", &unlimited);
        }
        let options = AdminOptions::new().operation_timeout(Some(CREATE)).request_timeout(Some(CREATE));
        let options = options.validate_only(validate_only);
        match self.admin().create_topics([&topic], &options).await {
            Ok(results) => results.into_iter().try_for_each(|result| result.map(drop).map_err(|(_, code)| code)),
            Err(error) => Err(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)),
        }
    }

    /// The most bytes that a message, and so a batch, of these topics may have: compressed, as the topic counts them.
    pub async fn largest_message(&self, topics: &BTreeMap<String, i32>) -> usize {
        let names: Vec<_> = topics.keys().map(String::as_str).collect();
        self.max_message_bytes(&names).await.unwrap_or(DEFAULT_MAX_BYTES)
    }

    /// The largest `max.message.bytes` of some topics; `None` where the cluster does not say.
    pub(super) async fn max_message_bytes(&self, topics: &[&str]) -> Option<usize> {
        self.describe(topics).await.into_iter().filter_map(|topic| topic.max_message_bytes).max()
    }

    /// Fetches how topics are configured; nothing where the cluster does not say. If it has not answered once, it is
    /// not asked again.
    pub(super) async fn describe(&self, topics: &[&str]) -> Vec<TopicConfig> {
        let resources: Vec<_> = topics.iter().map(|topic| ResourceSpecifier::Topic(topic)).collect();
        if resources.is_empty() || self.silent.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let options = AdminOptions::new().request_timeout(Some(DESCRIBE));
        let described = match self.admin().describe_configs(&resources, &options).await {
            Ok(described) => described,
            Err(error) => {
                warn!(
                    event = "message_size_limit_unknown", %error, ?topics,
                    "the cluster does not say how large a message may be"
                );
                self.silent.store(true, Ordering::Relaxed);
                return Vec::new();
            }
        };
        let read = |resource: &ConfigResource| {
            let value = |name| resource.get(name).and_then(|entry| entry.value.as_deref());
            let max_message_bytes = value("max.message.bytes").and_then(|bytes| bytes.parse().ok());
            let is_compacted = value("cleanup.policy").is_some_and(|policy| policy.contains("compact"));
            TopicConfig { max_message_bytes, is_compacted }
        };
        let known = described.iter().filter_map(|resource| match resource {
            Ok(resource) => Some(read(resource)),
            Err(code) => {
                debug!(%code, "a topic's configuration is not known");
                None
            }
        });
        known.collect()
    }
}

/// The part of a topic's configuration that matters here.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TopicConfig {
    pub(super) max_message_bytes: Option<usize>,
    pub(super) is_compacted: bool,
}
