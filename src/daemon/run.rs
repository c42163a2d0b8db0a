//! Runs the daemon from its start to the end of its drain.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, bail};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{startup, wiring::Daemon};
use crate::{
    check,
    config::Loaded,
    kafka::Clients,
    ops::{
        admin,
        health::{self, Health, State},
        metrics::Metrics,
        signal,
        status::StatusProvider,
    },
    runtime::{lease::Lease, stop::Stop},
    salesforce::Salesforce,
    sink::route::Routes,
};

/// The time that the consumer may take to leave its group, once everything is committed.
const CLOSE: Duration = Duration::from_secs(5);

/// Runs until `cancel`, then drains. An error says why the daemon could not start, or could not go on.
pub async fn run(loaded: Loaded, metrics: Metrics, cancel: CancellationToken) -> Result<()> {
    let config = &loaded.config;
    let stop = Stop::default();
    let health = Health::new(metrics.clone());
    let registry = check::registry(config, &metrics, &health)?;
    let routes = Arc::new(Routes::new(&config.routes, config.pipeline.max_row_bytes, registry.as_ref())?);
    let clients = Clients::new(config)?;
    let lease = Lease::new(config.kafka.lease());
    let org = Salesforce::new(&config.salesforce, &config.retry, &config.cache, Arc::new(metrics.clone()))?;
    let org = Arc::new(org);
    tokio::spawn(health.clone().follow(org.watch()));
    signal::on_hangup(secrets_again(&loaded, &org, &clients)).context("SIGHUP")?;
    if let Some(listen) = config.admin.listen {
        let (name, started) = (config.name.clone(), health::now());
        let status = StatusProvider { name, started, health: health.clone(), metrics: metrics.clone() };
        let address = admin::serve(listen, status);
        address.await.with_context(|| format!("admin.listen: {listen}"))?;
    }

    let started = startup::wait(&loaded, &health, &clients, &org, &routes);
    let absent = async {
        startup::wait_until_org_is_silent(config.startup_timeout, &org).await;
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
    let daemon = Daemon {
        config,
        clients: &clients,
        org: &org,
        lease: &lease,
        health: &health,
        metrics: &metrics,
        stop: &stop,
        cancel: &cancel,
    };
    let batch = topics.largest_message(&taken).await;
    let pipeline = daemon.pipeline(&topics, &taken, batch).await?;
    // Nothing polls its client, whose event queue would grow.
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
        () = cancel.cancelled() => info!(event = "stop_requested", "signal to stop: draining"),
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
    pipeline.flush_log();
    health.set(State::Stopped);
    match stop.reason() {
        None => Ok(()),
        Some(reason) => bail!("{reason}"),
    }
}

/// Reads secrets again, after SIGHUP. The schema registry's secrets are read for each question anyway; librdkafka takes
/// its own once.
fn secrets_again(loaded: &Loaded, org: &Arc<Salesforce>, clients: &Clients) -> impl Fn() + Send + 'static {
    let (loaded, org, clients) = (loaded.clone(), org.clone(), clients.clone());
    move || {
        for problem in loaded.unreadable_secrets() {
            error!(event = "secret_unreadable", "a secret cannot be read again: {problem}");
        }
        org.renew_session();
        clients.renew_token();
        info!(event = "secrets_reload_requested", "signal to read secrets again: the next call logs in again");
    }
}
