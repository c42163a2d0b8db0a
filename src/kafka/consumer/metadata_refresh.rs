//! How librdkafka learns that a topic has other partitions than before, or that a glob takes another topic.
//!
//! With `cooperative-sticky` it joins the group anew as soon as it knows, also in the middle of a revocation: what is
//! being drained has another owner then (`rd_kafka_cgrp_metadata_update_check`). So it asks for nothing by itself
//! (`topic.metadata.refresh.interval.ms` is -1 there), and the poll thread, which revokes nothing meanwhile, asks in its
//! place. Only an answer with all topics makes librdkafka look at its subscription; it is large in a large cluster, and
//! asked for where there is something to see.

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
    poll_thread::Settings,
    subscription::{exact, has_globs},
};

const TIMEOUT: Duration = Duration::from_secs(1);
/// Of an answer with all topics. One that comes later has its effect all the same, perhaps in a revocation.
const LONG_TIMEOUT: Duration = Duration::from_secs(5);
/// Up to this number of topics each is asked for by itself; beyond it, one question for all of the cluster's holds the
/// poll thread up for less.
const FEW: usize = 4;

/// `None` where librdkafka does it, or nobody shall.
#[derive(Debug)]
pub(super) struct Refresh(Option<Looks>);

#[derive(Debug)]
struct Looks {
    interval: Duration,
    last: Instant,
    /// Of the topics that are subscribed to by their names, how many partitions librdkafka has seen; 0 for a topic that
    /// is not there.
    seen: BTreeMap<String, usize>,
    globs: bool,
}

impl Refresh {
    pub(super) fn new(settings: &Settings<'_>) -> Self {
        let interval = settings.clients.refresh_interval().filter(|_| settings.clients.is_cooperative());
        let patterns = &settings.subscription;
        let seen = || exact(patterns).map(|name| (name.to_owned(), 0)).collect();
        let looks = |interval| Looks { interval, last: Instant::now(), seen: seen(), globs: has_globs(patterns) };
        Self(interval.map(looks))
    }

    /// To be called between two polls. Waits for the brokers' answers, or until they are late or the daemon is to stop.
    pub(super) fn look<C: ConsumerContext>(&mut self, consumer: &BaseConsumer<C>, cancel: &CancellationToken) {
        let Some(looks) = self.0.as_mut().filter(|looks| looks.last.elapsed() >= looks.interval) else { return };
        if let Err(error) = looks.look(consumer, cancel) {
            debug!(%error, "the topics are not known now");
        }
        looks.last = Instant::now();
    }
}

impl Looks {
    fn look<C: ConsumerContext>(&mut self, consumer: &BaseConsumer<C>, cancel: &CancellationToken) -> KafkaResult<()> {
        // To ask for a topic that is not there would make librdkafka ask for it every second.
        let is_missing = self.seen.values().any(|partitions| *partitions == 0);
        let many = self.seen.len() > FEW;
        if self.globs || is_missing || many || self.has_changed(consumer, cancel)? {
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
