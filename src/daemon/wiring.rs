//! Builds the parts out of the configuration, and joins them.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::{Context as _, Result};
use tokio_util::sync::CancellationToken;

use super::{
    consumer_observer::ConsumerReports,
    dead_letters::KafkaDeadLetters,
    lane_host::{Pipeline, SinkLanes},
    memory::{self, MemoryBound},
};
use crate::{
    config::Config,
    dead_letter,
    kafka::{Clients, Consumer, ConsumerSettings, DeadLetterTopic, MessageSizes, Producer, Topics},
    ops::{health::Health, metrics::Metrics},
    runtime::{lease::Lease, stop::Stop},
    salesforce::Salesforce,
    sink::{self, Parts, budget::Budget, route::Routes},
};

/// The parameters that every part is built with.
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
                let overhead = dead_letter::MAX_OVERHEAD;
                let topic = DeadLetterTopic { config: &config.dead_letter, name, inputs: &inputs, overhead };
                let topic_batch = topics.ensure_dead_letter_topic(topic).await?;
                let largest = memory::largest_letter(memory::record_bounds(config, batch));
                let sizes = MessageSizes { largest, batch: topic_batch };
                let producer = Producer::new(clients, sizes).context("dead_letter: no producer")?;
                Some(KafkaDeadLetters { producer, topic: name.clone(), too_large: config.dead_letter.too_large })
            }
            None => None,
        };
        let (pipeline, task) = Pipeline::start(Parts {
            org: org.clone(),
            dead_letters,
            on_rejection: config.dead_letter.on_rejection,
            name: config.name.clone(),
            budget: Budget::new(config.pipeline.max_in_flight_rows, config.pipeline.max_in_flight_bytes),
            calls: call_settings(config),
            lease: lease.clone(),
            health: health.clone(),
            metrics: metrics.clone(),
            stop: stop.clone(),
        });
        let stop = stop.clone();
        tokio::spawn(async move {
            if let Err(error) = task.await {
                stop.now(format!("the scheduler has ended: {error}"));
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
        let lanes = SinkLanes {
            routes: routes.clone(),
            pipeline: pipeline.clone(),
            org: org.clone(),
            stop: stop.clone(),
            bound: MemoryBound::new(config, memory::Topics { batch, letters }),
            runtime: tokio::runtime::Handle::current(),
        };
        let settings = ConsumerSettings {
            clients,
            subscription: routes.iter().map(|(pattern, _)| pattern).collect(),
            partitions: taken,
            start: config.kafka.start,
            on_lost_offsets: config.kafka.on_lost_offsets,
            commit_interval: config.kafka.commit_interval,
            drain_timeout: config.drain_timeout,
            record_bounds: memory::record_bounds(config, batch),
            lease,
            assign_hold: config.salesforce.assign_hold,
            stopped: cancel,
            observer: Arc::new(ConsumerReports { metrics: metrics.clone(), health: health.clone() }),
        };
        // Looking for committed offsets blocks; everything that it needs is borrowed here.
        tokio::task::block_in_place(|| Consumer::start(&settings, Arc::new(lanes), stop.clone())).context("kafka")
    }
}

fn call_settings(config: &Config) -> sink::Settings {
    sink::Settings {
        rows: config.pipeline.batch_rows,
        bytes: config.pipeline.batch_bytes,
        linger: config.pipeline.linger,
        retry: config.retry.clone(),
        unknown_hold: config.salesforce.unknown_hold,
        timeout: config.salesforce.request_timeout,
        insert_unknown: config.pipeline.insert_unknown,
        on_quota: config.salesforce.quota.on_quota,
        parked: config.salesforce.quota.probe_interval,
        calls: config.salesforce.max_concurrent_requests,
    }
}
