//! What the group is asked for.
//!
//! With the classic protocol librdkafka expands globs itself, and leaves out what `topic.blacklist` says. With
//! `group.protocol = "consumer"` it would leave them to the broker, which knows no blacklist and so would hand us our
//! own dead letters. There a thread with a client of its own looks for topics, and the poll thread subscribes to their
//! names.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::KafkaResult,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::poll_thread::{ConsumerError, Settings};
use crate::{
    config::{GroupProtocol, TopicPattern},
    kafka::client::{Clients, error_context::Ear},
};

/// Between two looks at the clock.
const TICK: Duration = Duration::from_millis(500);
const TIMEOUT: Duration = Duration::from_secs(5);

/// Topics that the group is to be asked for, as soon as there are others than before.
#[derive(Debug, Clone)]
pub(super) struct Subscription(Arc<Mutex<Option<BTreeSet<String>>>>);

impl Subscription {
    /// The first topics; looks for more until `cancel`, if that is our part.
    pub(super) fn start(settings: &Settings<'_>, cancel: CancellationToken) -> Result<Self, ConsumerError> {
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
            let search = Search {
                client: settings.clients.admin().create_with_context(Ear::default()).map_err(ConsumerError::Create)?,
                clients: settings.clients.clone(),
                patterns: patterns.iter().copied().cloned().collect(),
                topics,
            };
            let found = this.clone();
            std::thread::Builder::new().name("topics".into()).spawn(move || search.run(interval, &found, &cancel))?;
        }
        Ok(this)
    }

    fn to(topics: BTreeSet<String>) -> Self {
        Self(Arc::new(Mutex::new(Some(topics))))
    }

    fn lock(&self) -> MutexGuard<'_, Option<BTreeSet<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Subscribes to what there is now, if it is not what there was. To be called between two polls.
    pub(super) fn renew<C: ConsumerContext>(&self, consumer: &BaseConsumer<C>) -> KafkaResult<()> {
        let Some(topics) = self.lock().take() else { return Ok(()) };
        if topics.is_empty() {
            // librdkafka takes no empty subscription. Without one the group is not joined.
            return Ok(());
        }
        info!(event = "subscribed", ?topics, "subscribed");
        consumer.subscribe(&topics.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// The topics that are named.
pub(super) fn exact<'a>(patterns: &[&'a TopicPattern]) -> impl Iterator<Item = &'a str> {
    patterns.iter().filter_map(|pattern| match pattern {
        TopicPattern::Exact(name) => Some(name.as_str()),
        TopicPattern::Glob(_) => None,
    })
}

pub(super) fn has_globs(patterns: &[&TopicPattern]) -> bool {
    patterns.iter().any(|pattern| matches!(pattern, TopicPattern::Glob(_)))
}

/// Looks for topics of globs.
struct Search {
    client: BaseConsumer<Ear>,
    clients: Clients,
    patterns: Vec<TopicPattern>,
    /// What was found last.
    topics: BTreeSet<String>,
}

impl Search {
    fn run(mut self, interval: Duration, subscription: &Subscription, cancel: &CancellationToken) {
        let mut pass = self.clients.pass();
        let mut looked = Instant::now();
        let patterns = self.patterns.clone();
        let patterns: Vec<_> = patterns.iter().collect();
        while !cancel.is_cancelled() {
            std::thread::park_timeout(TICK);
            Ear::listen(&self.client);
            pass.show(self.client.client());
            if looked.elapsed() < interval {
                continue;
            }
            looked = Instant::now();
            match self.look() {
                // Nothing at all is more likely a broker that has just started; and there is no such subscription.
                Ok(found) if found.is_empty() => {}
                Ok(found) => {
                    let topics: BTreeSet<_> = exact(&patterns).map(str::to_owned).chain(found).collect();
                    if topics != self.topics {
                        *subscription.lock() = Some(topics.clone());
                        self.topics = topics;
                    }
                }
                Err(error) => debug!(%error, "the topics are not known now"),
            }
        }
    }

    /// The topics that are there.
    fn look(&self) -> KafkaResult<BTreeSet<String>> {
        let metadata = self.client.fetch_metadata(None, TIMEOUT)?;
        let names = metadata.topics().iter().map(rdkafka::metadata::MetadataTopic::name);
        let taken = |name: &&str| self.clients.may_take(name) && self.patterns.iter().any(|any| any.matches(name));
        Ok(names.filter(taken).map(str::to_owned).collect())
    }
}
