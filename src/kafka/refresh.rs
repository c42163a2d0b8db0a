//! How librdkafka learns that a topic has other partitions than before, or that a glob takes another topic.
//!
//! With `cooperative-sticky` it joins the group anew as soon as it knows, also in the middle of a revocation: what is
//! being drained has another owner then (`rd_kafka_cgrp_metadata_update_check`). So it asks for nothing by itself
//! (`topic.metadata.refresh.interval.ms` is -1 there), and the poll thread, which revokes nothing meanwhile, asks in
//! its place. Only an answer with all topics makes librdkafka look at its subscription; it is large in a large cluster,
//! and asked for where there is something to see.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rdkafka::{
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::KafkaResult,
};
use tracing::debug;

use super::consumer::Settings;
use crate::config::TopicPattern;

const TIMEOUT: Duration = Duration::from_secs(1);

/// `None` where librdkafka does it, or nobody shall.
#[derive(Debug)]
pub(super) struct Refresh(Option<Looks>);

#[derive(Debug)]
struct Looks {
    interval: Duration,
    last: Instant,
    /// Partitions of the topics that are subscribed to by their names.
    partitions: BTreeMap<String, usize>,
    globs: bool,
}

impl Refresh {
    pub(super) fn new(settings: &Settings<'_>) -> Self {
        let interval = settings.clients.refresh_interval().filter(|_| settings.clients.is_cooperative());
        let known = |name: &str| settings.partitions.get(name).and_then(|count| usize::try_from(*count).ok());
        let partitions = settings.subscription.iter().filter_map(|pattern| match pattern {
            TopicPattern::Exact(name) => Some((name.clone(), known(name).unwrap_or_default())),
            TopicPattern::Glob(_) => None,
        });
        let globs = settings.subscription.iter().any(|pattern| matches!(pattern, TopicPattern::Glob(_)));
        let looks = |interval| Looks { interval, last: Instant::now(), partitions: partitions.collect(), globs };
        Self(interval.map(looks))
    }

    /// To be called between two polls. Waits for a second, at most, where no broker answers.
    pub(super) fn look<C: ConsumerContext>(&mut self, consumer: &BaseConsumer<C>) {
        let Some(looks) = self.0.as_mut().filter(|looks| looks.last.elapsed() >= looks.interval) else { return };
        if let Err(error) = looks.look(consumer) {
            debug!(%error, "the topics are not known now");
        }
        looks.last = Instant::now();
    }
}

impl Looks {
    fn look<C: ConsumerContext>(&mut self, consumer: &BaseConsumer<C>) -> KafkaResult<()> {
        let now = self.partitions.keys().map(|topic| {
            let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT)?;
            Ok((topic.clone(), metadata.topics().iter().map(|topic| topic.partitions().len()).sum()))
        });
        let now: BTreeMap<_, usize> = now.collect::<KafkaResult<_>>()?;
        if self.globs || now != self.partitions {
            consumer.fetch_metadata(None, TIMEOUT)?;
        }
        self.partitions = now;
        Ok(())
    }
}
