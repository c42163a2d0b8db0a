//! The topics that the consumer subscribes to.
//!
//! With the classic protocol librdkafka expands globs itself, and leaves out what `topic.blacklist` says. With
//! `group.protocol = "consumer"` it would leave them to the broker, which knows no blacklist and so would assign us our
//! own dead letters. There a thread with a client of its own discovers the topics, and the poll thread subscribes to
//! their names.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use rdkafka::{
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::KafkaResult,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::{error::ConsumerError, settings::ConsumerSettings};
use crate::{
    config::{GroupProtocol, TopicPattern},
    kafka::client::{Clients, error_context::ErrorCapture},
};

/// The time between two checks of the clock.
const TICK: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_secs(5);

/// The topics to subscribe to, once there are others than before.
#[derive(Debug, Clone)]
pub(super) struct Subscription(Arc<Mutex<Option<BTreeSet<String>>>>);

impl Subscription {
    /// Begins with the topics that are known; discovers more until `cancel`, if librdkafka does not.
    pub(super) fn start(settings: &ConsumerSettings<'_>, cancel: CancellationToken) -> Result<Self, ConsumerError> {
        let patterns = &settings.subscription;
        if settings.clients.group_protocol() == GroupProtocol::Classic {
            return Ok(Self::to(patterns.iter().map(|pattern| pattern.subscription()).collect()));
        }
        let names = exact(patterns).chain(settings.partitions.keys().map(String::as_str));
        let topics: BTreeSet<_> = names.map(str::to_owned).collect();
        let this = Self::to(topics.clone());
        if let Some(interval) = settings.clients.refresh_interval()
            && has_globs(patterns)
        {
            let discovery = Discovery {
                client: settings
                    .clients
                    .admin()
                    .create_with_context(ErrorCapture::default())
                    .map_err(ConsumerError::Create)?,
                clients: settings.clients.clone(),
                patterns: patterns.iter().copied().cloned().collect(),
                topics,
            };
            let found = this.clone();
            std::thread::Builder::new()
                .name("topics".into())
                .spawn(move || discovery.run(interval, &found, &cancel))?;
        }
        Ok(this)
    }

    fn to(topics: BTreeSet<String>) -> Self {
        Self(Arc::new(Mutex::new(Some(topics))))
    }

    /// Subscribes to the topics if they have changed. To be called between two polls.
    pub(super) fn renew<C: ConsumerContext>(&self, consumer: &BaseConsumer<C>) -> KafkaResult<()> {
        let Some(topics) = self.0.lock().take() else { return Ok(()) };
        if topics.is_empty() {
            // librdkafka takes no empty subscription. Without one the group is not joined.
            return Ok(());
        }
        info!(event = "subscribed", ?topics, "subscribed");
        consumer.subscribe(&topics.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// The topics that are subscribed to by their names.
pub(super) fn exact<'a>(patterns: &[&'a TopicPattern]) -> impl Iterator<Item = &'a str> {
    patterns.iter().filter_map(|pattern| match pattern {
        TopicPattern::Exact(name) => Some(name.as_str()),
        TopicPattern::Glob(_) => None,
    })
}

pub(super) fn has_globs(patterns: &[&TopicPattern]) -> bool {
    patterns.iter().any(|pattern| matches!(pattern, TopicPattern::Glob(_)))
}

/// Discovers the topics of globs.
struct Discovery {
    client: BaseConsumer<ErrorCapture>,
    clients: Clients,
    patterns: Vec<TopicPattern>,
    /// The topics that were found last.
    topics: BTreeSet<String>,
}

impl Discovery {
    fn run(mut self, interval: Duration, subscription: &Subscription, cancel: &CancellationToken) {
        let mut tokens = self.clients.token_feed();
        let mut last = Instant::now();
        let patterns = self.patterns.clone();
        let patterns: Vec<_> = patterns.iter().collect();
        while !cancel.is_cancelled() {
            std::thread::park_timeout(TICK);
            ErrorCapture::poll_events(&self.client);
            tokens.apply_to(self.client.client());
            if last.elapsed() < interval {
                continue;
            }
            last = Instant::now();
            match self.discover() {
                // No topic at all is more likely a broker that has just started; and librdkafka takes no empty
                // subscription.
                Ok(found) if found.is_empty() => {}
                Ok(found) => {
                    let topics: BTreeSet<_> = exact(&patterns).map(str::to_owned).chain(found).collect();
                    if topics != self.topics {
                        *subscription.0.lock() = Some(topics.clone());
                        self.topics = topics;
                    }
                }
                Err(error) => debug!(%error, "the topics are not known now"),
            }
        }
    }

    /// Fetches the topics that exist and that a pattern takes.
    fn discover(&self) -> KafkaResult<BTreeSet<String>> {
        let metadata = self.client.fetch_metadata(None, TIMEOUT)?;
        let names = metadata.topics().iter().map(rdkafka::metadata::MetadataTopic::name);
        let is_taken = |name: &&str| self.clients.may_take(name) && self.patterns.iter().any(|any| any.matches(name));
        Ok(names.filter(is_taken).map(str::to_owned).collect())
    }
}
