//! Refreshes librdkafka's metadata, so that it learns that a topic has other partitions than before, or that a glob
//! takes another topic.
//!
//! With `cooperative-sticky` librdkafka joins the group anew as soon as it learns that, also in the middle of a
//! revocation: what is being drained then has another owner (`rd_kafka_cgrp_metadata_update_check`). So it is told to
//! refresh nothing by itself (`topic.metadata.refresh.interval.ms` is -1 there), and the poll thread, which revokes
//! nothing meanwhile, asks in its place. Only an answer with all topics makes librdkafka compare them with its
//! subscription. That answer is large in a large cluster, so it is asked for only where something may have changed.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use rdkafka::{
    consumer::{BaseConsumer, Consumer as _, ConsumerContext},
    error::KafkaResult,
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    settings::ConsumerSettings,
    subscription::{exact, has_globs},
};

const TIMEOUT: Duration = Duration::from_secs(1);
/// The time-out for an answer with all topics. One that comes later takes effect all the same, perhaps in a revocation.
const LONG_TIMEOUT: Duration = Duration::from_secs(5);
/// The number of topics up to which each is requested by itself; beyond it, one request for all topics of the cluster
/// blocks the poll thread for less time.
const FEW: usize = 4;

/// Refreshes the metadata of topics; `None` if librdkafka does so by itself, or it is disabled.
#[derive(Debug)]
pub(super) struct MetadataRefresh(Option<Refresher>);

#[derive(Debug)]
struct Refresher {
    interval: Duration,
    last: Instant,
    /// The number of partitions that librdkafka has seen of each topic that is subscribed to by its name; 0 for a topic
    /// that does not exist.
    seen: BTreeMap<String, usize>,
    has_globs: bool,
}

impl MetadataRefresh {
    pub(super) fn new(settings: &ConsumerSettings<'_>) -> Self {
        let interval = settings.clients.refresh_interval().filter(|_| settings.clients.is_cooperative());
        let patterns = &settings.subscription;
        Self(interval.map(|interval| Refresher {
            interval,
            last: Instant::now(),
            seen: exact(patterns).map(|name| (name.to_owned(), 0)).collect(),
            has_globs: has_globs(patterns),
        }))
    }

    /// Refreshes the metadata if it is time. To be called between two polls. Blocks until the brokers have answered, or
    /// are late, or `cancel`.
    pub(super) fn check<C: ConsumerContext>(&mut self, consumer: &BaseConsumer<C>, cancel: &CancellationToken) {
        let Some(refresher) = self.0.as_mut().filter(|it| it.last.elapsed() >= it.interval) else { return };
        if let Err(error) = refresher.refresh(consumer, cancel) {
            debug!(%error, "the topics are not known now");
        }
        refresher.last = Instant::now();
    }
}

impl Refresher {
    fn refresh<C: ConsumerContext>(
        &mut self,
        consumer: &BaseConsumer<C>,
        cancel: &CancellationToken,
    ) -> KafkaResult<()> {
        // To ask for a topic that does not exist would make librdkafka ask for it every second.
        let is_missing = self.seen.values().any(|partitions| *partitions == 0);
        let is_many = self.seen.len() > FEW;
        if self.has_globs || is_missing || is_many || self.has_changed(consumer, cancel)? {
            let all = consumer.fetch_metadata(None, LONG_TIMEOUT)?;
            for (name, seen) in &mut self.seen {
                let topic = all.topics().iter().find(|topic| topic.name() == name);
                *seen = topic.map_or(0, |topic| topic.partitions().len());
            }
        }
        Ok(())
    }

    fn has_changed<C: ConsumerContext>(
        &self,
        consumer: &BaseConsumer<C>,
        cancel: &CancellationToken,
    ) -> KafkaResult<bool> {
        for (name, seen) in &self.seen {
            if cancel.is_cancelled() {
                return Ok(false);
            }
            let answer = consumer.fetch_metadata(Some(name), TIMEOUT)?;
            if answer.topics().iter().map(|topic| topic.partitions().len()).sum::<usize>() != *seen {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
