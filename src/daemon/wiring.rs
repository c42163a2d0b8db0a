//! Builds the parts out of the configuration, and joins them.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context as _, Result};
use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::memory::{self, MemoryBound};
use crate::{
    config::Config,
    kafka::{Clients, Consumer, KafkaDeadLetters, LaneStart, Lanes, LetterSizes, Settings, Topics},
    ops::{health::Health, metrics::Metrics},
    runtime::{lease::Lease, stop::Stop},
    salesforce::Salesforce,
    sink::{self, Parts, RouteCounts, batcher, budget::Budget, route::Routes},
};

/// Between this broker and this org.
pub(super) type Pipeline = sink::Pipeline<Salesforce, KafkaDeadLetters>;

/// What every part is built with.
pub(super) struct Daemon<'a> {
    pub(super) config: &'a Config,
    pub(super) clients: &'a Clients,
    pub(super) org: &'a Arc<Salesforce>,
    pub(super) lease: &'a Lease,
    pub(super) health: &'a Health,
    pub(super) metrics: &'a Metrics,
    pub(super) stop: &'a Stop,
    pub(super) cancel: &'a CancellationToken,
}

impl Daemon<'_> {
    /// The sink, between this broker and this org. `batch` is the largest batch of the topics, in bytes.
    pub(super) async fn pipeline(
        &self,
        topics: &Topics,
        taken: &BTreeMap<String, i32>,
        batch: usize,
    ) -> Result<Arc<Pipeline>> {
        let Self { config, clients, org, lease, health, metrics, stop, .. } = *self;
        let dead_letters = match &config.dead_letter.topic {
            Some(name) => {
                let inputs: Vec<_> = taken.keys().map(String::as_str).collect();
                let topic = topics.dead_letter_topic(&config.dead_letter, name, &inputs).await?;
                let largest = memory::largest_letter(memory::record_bounds(config, batch));
                let sizes = LetterSizes { largest, topic };
                let producer = KafkaDeadLetters::new(clients, name, sizes, config.dead_letter.too_large);
                Some(producer.context("dead_letter: no producer")?)
            }
            None => None,
        };
        let with_breaker = config.routes.iter().filter(|route| route.breaker > 0).count();
        let (pipeline, task) = Pipeline::start(Parts {
            org: org.clone(),
            dead_letters,
            on_rejection: config.dead_letter.on_rejection,
            name: config.name.clone(),
            budget: Budget::new(config.pipeline.max_in_flight_rows, config.pipeline.max_in_flight_bytes),
            routes: RouteCounts { all: config.routes.len(), with_breaker },
            batcher: batcher_settings(config),
            lease: lease.clone(),
            health: health.clone(),
            metrics: metrics.clone(),
            stop: stop.clone(),
        });
        let stop = stop.clone();
        tokio::spawn(async move {
            if let Err(error) = task.await {
                stop.now(format!("the batcher has ended: {error}"));
            }
        });
        Ok(pipeline)
    }

    /// The consumer, whose lanes are the pipeline's.
    pub(super) fn start_consumer(
        &self,
        taken: &BTreeMap<String, i32>,
        batch: usize,
        routes: &Arc<Routes>,
        pipeline: &Arc<Pipeline>,
    ) -> Result<Consumer> {
        let Self { config, clients, org, lease, health, metrics, stop, cancel } = *self;
        let letters = config.dead_letter.topic.is_some();
        let bound = MemoryBound::new(config, memory::Topics { batch, letters });
        let assigned = {
            let org = org.clone();
            move |partitions: usize| {
                // Another member may have changed what the cache remembers.
                org.clear_cache();
                info!(event = "memory_bound", partitions, bytes = bound.of(partitions), "memory is bounded");
            }
        };
        let (lag, lost, open) = (metrics.clone(), metrics.clone(), metrics.clone());
        let lanes = Lanes {
            start: Box::new(self.lane_starter(routes, pipeline)),
            assigned: Box::new(assigned),
            lag: Box::new(move |topic, partition, records| lag.consumer_lag(topic, partition, records)),
            open_transactions: Box::new(move |transactions| open.set_open_transactions(transactions)),
            lost: Box::new(move |topic, partition, records| lost.offsets_lost(topic, partition, records)),
        };
        let settings = Settings {
            clients,
            subscription: routes.iter().map(|(pattern, _)| pattern).collect(),
            partitions: taken,
            metrics,
            start: config.kafka.start,
            on_lost_offsets: config.kafka.on_lost_offsets,
            commit_interval: config.kafka.commit_interval,
            drain_timeout: config.drain_timeout,
            record_bounds: memory::record_bounds(config, batch),
            lease,
            assign_hold: config.salesforce.assign_hold,
            health,
            stopped: cancel,
        };
        // Looking for committed offsets blocks; everything that it needs is borrowed here.
        tokio::task::block_in_place(|| Consumer::start(&settings, lanes, stop.clone())).context("kafka")
    }

    fn lane_starter(
        &self,
        routes: &Arc<Routes>,
        pipeline: &Arc<Pipeline>,
    ) -> impl Fn(LaneStart) -> Result<tokio::task::JoinHandle<bool>, String> + Send + Sync + use<> {
        let (routes, pipeline, stop) = (routes.clone(), pipeline.clone(), self.stop.clone());
        let runtime = tokio::runtime::Handle::current();
        move |start: LaneStart| {
            let LaneStart { topic, partition, records, progress, draining } = start;
            let route = routes.of_topic(&topic).map_err(|error| error.to_string())?.clone();
            let lane = pipeline.lane(route, draining, progress);
            let stop = stop.clone();
            Ok(runtime.spawn(async move {
                // A lane that ends without being told to leaves its partition unread: fatal, also if it panics.
                match std::panic::AssertUnwindSafe(lane.run(records)).catch_unwind().await {
                    Ok(Ok(_)) => return true,
                    Ok(Err(error)) => {
                        error!(event = "lane_failed", %topic, partition, %error, "lane failed");
                        stop.now(error.to_string());
                    }
                    Err(_) => stop.now(format!("the lane of {topic}[{partition}] has panicked")),
                }
                false
            }))
        }
    }
}

fn batcher_settings(config: &Config) -> batcher::Settings {
    batcher::Settings {
        rows: config.pipeline.batch_rows,
        bytes: config.pipeline.batch_bytes,
        linger: config.pipeline.linger,
        calls: config.salesforce.max_concurrent_requests,
        retry: config.retry.clone(),
        unknown_hold: config.salesforce.unknown_hold,
        timeout: config.salesforce.request_timeout,
        insert_unknown: config.pipeline.insert_unknown,
        on_quota: config.salesforce.quota.on_quota,
        parked: config.salesforce.quota.probe_interval,
    }
}
