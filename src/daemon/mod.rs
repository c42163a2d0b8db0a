//! The composition root: builds every part, joins them, and takes them down in order.

mod memory;
mod observer;
mod org;
mod startup;

pub(crate) use startup::Misconfigured;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use futures::FutureExt as _;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use self::memory::MemoryBound;
use crate::{
    check,
    config::{Config, Loaded},
    kafka::{Clients, Consumer, KafkaDeadLetters, LaneStart, Lanes, LetterSizes, Settings, Topics},
    mutation::{self, Mutation},
    ops::{
        admin,
        health::{self, Health, State},
        metrics::Metrics,
        signal,
        status::Source,
    },
    runtime::{lease::Lease, stop::Stop},
    salesforce::Salesforce,
    sink::{
        batcher::{self, Batcher},
        breaker::Breakers,
        budget::Budget,
        gate::Gate,
        lane::{Lane, Shared},
        rejection_log::RejectionLog,
        route::Routes,
        settle::Settle,
    },
};

/// How long the consumer may take to leave its group, once everything is committed.
const CLOSE: Duration = Duration::from_secs(5);

type Pipeline = Shared<Salesforce, KafkaDeadLetters>;

/// What every part is built with.
struct Daemon<'a> {
    config: &'a Config,
    clients: &'a Clients,
    health: &'a Health,
    metrics: &'a Metrics,
    stop: &'a Stop,
    cancel: &'a CancellationToken,
}

/// Runs until `cancel`, then drains. An error says why the daemon could not start, or could not go on.
pub async fn run(loaded: Loaded, metrics: Metrics, cancel: CancellationToken) -> Result<()> {
    let config = &loaded.config;
    let stop = Stop::default();
    let health = Health::new(metrics.clone());
    let registry = check::registry(config, &metrics, &health)?;
    let routes = Arc::new(Routes::new(&config.routes, config.pipeline.max_row_bytes, registry.as_ref())?);
    let clients = Clients::new(config)?;
    let lease = Lease::new(config.kafka.lease());
    let org =
        Salesforce::new(&config.salesforce, &config.retry, &config.cache, Arc::new(metrics.clone()), lease.clone())?;
    let org = Arc::new(org);
    tokio::spawn(health.clone().follow(org.watch()));
    signal::on_hangup(secrets_again(&loaded, &org, &clients)).context("SIGHUP")?;
    if let Some(listen) = config.admin.listen {
        let (name, started) = (config.name.clone(), health::now());
        let source = Source { name, started, health: health.clone(), metrics: metrics.clone() };
        let address = admin::serve(listen, source);
        address.await.with_context(|| format!("admin.listen: {listen}"))?;
    }

    let started = startup::wait(&loaded, &health, &clients, &org, &routes);
    let absent = async {
        startup::absence(config.startup_timeout, &org).await;
        // Now: with the start its waits end.
        health.snapshot().waiting.into_iter().map(|wait| wait.why).collect::<Vec<_>>()
    };
    let topics = tokio::select! {
        biased;
        () = cancel.cancelled() => {
            info!(event = "start_interrupted", "stopped before the start was complete");
            return Ok(());
        }
        started = started => started?,
        waits = absent => {
            let (kafka, org) = (&config.kafka.bootstrap_servers, &config.salesforce.login_url);
            let waits = if waits.is_empty() { "the last warnings say which".to_owned() } else { waits.join("; ") };
            bail!("startup_timeout has passed without {kafka} or {org}: {waits}");
        }
    };
    let patterns: Vec<_> = routes.iter().map(|(pattern, _)| pattern).collect();
    let taken = topics.taken(&patterns);
    let daemon = Daemon { config, clients: &clients, health: &health, metrics: &metrics, stop: &stop, cancel: &cancel };
    let batch = topics.largest_message(&taken).await;
    let pipeline = daemon.pipeline(&topics, &taken, batch, org, lease).await?;
    // Nobody hears its client, whose queue would grow with each word.
    drop(topics);

    let consumer = match daemon.start_consumer(&taken, batch, &routes, &pipeline) {
        Err(error) if cancel.is_cancelled() => {
            info!(event = "start_interrupted", %error, "stopped before the start was complete");
            return Ok(());
        }
        consumer => consumer?,
    };
    health.set(State::Running);
    tokio::select! {
        () = cancel.cancelled() => info!(event = "stop_requested", "told to stop, draining"),
        () = consumer.closed() => stop.now("the consumer has ended"),
        () = stop.stopped() => error!(event = "fatal_error", reason = stop.reason(), "cannot go on, draining"),
    }
    health.set(State::Draining);
    consumer.cancel();
    // The drain has its own deadline, on the poll thread.
    let deadline = config.drain_timeout + CLOSE;
    if timeout(deadline, consumer.drained()).await.is_err() {
        warn!(event = "drain_timed_out", "drain timed out, records will be repeated");
    }
    if timeout(CLOSE, consumer.closed()).await.is_err() {
        warn!(event = "group_leave_timed_out", "the consumer has not left its group in time");
    }
    pipeline.settle.log.flush();
    health.set(State::Stopped);
    match stop.reason() {
        None => Ok(()),
        Some(reason) => bail!("{reason}"),
    }
}

/// What SIGHUP does. The schema registry's secrets are read for each question anyway; librdkafka takes its own once.
fn secrets_again(loaded: &Loaded, org: &Arc<Salesforce>, clients: &Clients) -> impl Fn() + Send + 'static {
    let (loaded, org, clients) = (loaded.clone(), org.clone(), clients.clone());
    move || {
        for problem in loaded.unreadable_secrets() {
            error!(event = "secret_unreadable", "a secret cannot be read again: {problem}");
        }
        org.renew_session();
        clients.renew_token();
        info!(event = "secrets_reload_requested", "told to read secrets again, the next call logs in anew");
    }
}

impl Daemon<'_> {
    async fn pipeline(
        &self,
        topics: &Topics,
        taken: &BTreeMap<String, i32>,
        batch: usize,
        org: Arc<Salesforce>,
        lease: Lease,
    ) -> Result<Arc<Pipeline>> {
        let Self { config, clients, health, metrics, stop, .. } = *self;
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
        let settle = Settle {
            name: config.name.clone(),
            dead_letters,
            on_rejection: config.dead_letter.on_rejection,
            log: RejectionLog::default(),
            stop: stop.clone(),
        };
        let budget = Budget::new(config.pipeline.max_in_flight_rows, config.pipeline.max_in_flight_bytes);
        let with_breaker = config.routes.iter().filter(|route| route.breaker > 0).count();
        let shares = budget.shares(config.routes.len(), with_breaker);
        let settings = batcher::Settings {
            rows: config.pipeline.batch_rows,
            bytes: config.pipeline.batch_bytes,
            linger: config.pipeline.linger,
            calls: config.salesforce.max_concurrent_requests,
            retry: config.retry.clone(),
            unknown_hold: if mutation::on(Mutation::Hold) { Duration::ZERO } else { config.salesforce.unknown_hold },
            timeout: config.salesforce.request_timeout,
            insert_unknown: config.pipeline.insert_unknown,
            on_quota: config.salesforce.quota.on_quota,
            parked: config.salesforce.quota.probe_interval,
            children: shares.children,
            health: health.clone(),
        };
        let (batcher, task) = Batcher::start(org.clone(), settings, lease.clone(), metrics.clone(), stop.clone());
        let stop = stop.clone();
        tokio::spawn(async move {
            if let Err(error) = task.await {
                stop.now(format!("the batcher has ended: {error}"));
            }
        });
        let breakers = Breakers::new(config.retry.clone(), health.clone(), budget.clone(), shares.breaker);
        Ok(Arc::new(Shared { org, settle, gate: Gate::new(metrics.identities()), budget, breakers, batcher, lease }))
    }

    fn start_consumer(
        &self,
        taken: &BTreeMap<String, i32>,
        batch: usize,
        routes: &Arc<Routes>,
        pipeline: &Arc<Pipeline>,
    ) -> Result<Consumer> {
        let Self { config, clients, health, metrics, stop, cancel } = *self;
        let letters = pipeline.settle.dead_letters.is_some();
        let bound = MemoryBound::new(config, memory::Topics { batch, letters });
        let assigned = {
            let pipeline = pipeline.clone();
            move |partitions: usize| {
                // Another member may have changed what the cache remembers.
                pipeline.org.clear_cache();
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
            lease: &pipeline.lease,
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
        let (routes, pipeline, metrics, stop) =
            (routes.clone(), pipeline.clone(), self.metrics.clone(), self.stop.clone());
        let runtime = tokio::runtime::Handle::current();
        move |start: LaneStart| {
            let LaneStart { topic, partition, records, progress, draining } = start;
            let route = routes.of_topic(&topic).map_err(|error| error.to_string())?.clone();
            let lane = Lane::new(pipeline.clone(), route, draining, progress, &metrics);
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
