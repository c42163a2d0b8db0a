//! Checks the configuration against the org, the cluster and the schema registry. `sobjectd check --online` reports the
//! findings. The start makes the same checks, and ends if a finding makes the job impossible.

mod cluster;
mod fields;
mod key;
mod notes;
mod org;
mod parents;
mod registry_observer;
mod report;

use std::{sync::Arc, time::Duration};

use anyhow::Result;

use self::registry_observer::RegistryReports;
pub(crate) use self::{
    cluster::{dead_letters, missing_topics, topics},
    org::{api_version, is_undescribed, routes},
    report::{Finding, Level, Report},
};
use crate::{
    config::{self, Config, Loaded, Route},
    format::Registry,
    kafka::Clients,
    ops::{health::Health, metrics::Metrics},
    salesforce::Salesforce,
    sink::route::Routes,
};

/// How long a check waits for the next answer of the org, beyond the time-out of one call.
const PATIENCE: Duration = Duration::from_secs(30);

/// Checks Kafka, the org and the registry once, concurrently.
///
/// # Errors
///
/// A configuration from which a client cannot be built.
pub(crate) async fn online(loaded: &Loaded) -> Result<Vec<Finding>> {
    let config = &loaded.config;
    let metrics = Metrics::new();
    let registry = registry(config, &metrics, &Health::new(metrics.clone()))?;
    let routes = Routes::new(&config.routes, config.pipeline.max_row_bytes, registry.as_ref())?;
    let clients = Clients::new(config)?;
    let org = Salesforce::new(&without_reserve(&config.salesforce), &config.retry, &config.cache, Arc::new(metrics))?;
    let mut found = Vec::new();
    let patience = config.salesforce.query_timeout.max(config.salesforce.login_timeout) + PATIENCE;
    let asked_org = async {
        tokio::select! {
            () = org::check(config, &routes, &org, &mut found) => true,
            () = org.wait_for_silence(patience, |_| true) => false,
        }
    };
    let (asked_org, cluster, registry) = tokio::join!(asked_org, cluster::check(config, &clients, &routes), async {
        match &registry {
            Some(registry) => Some(asked_registry(registry).await),
            None => None,
        }
    });
    if !asked_org {
        found.push(Finding::unreachable("salesforce.login_url", "the org has not answered all requests in time"));
    }
    Ok(cluster.into_iter().chain(found).chain(registry).collect())
}

/// Returns the configuration without the reserve of API calls. A check makes only a few calls, and reports whether the
/// reserve is reached instead of waiting.
fn without_reserve(config: &config::Salesforce) -> config::Salesforce {
    let mut config = config.clone();
    config.quota.reserve = 0;
    config
}

/// Builds the client of the registry, if any format needs it.
pub(crate) fn registry(config: &Config, metrics: &Metrics, health: &Health) -> Result<Option<Arc<Registry>>> {
    if !config.routes.iter().any(Route::needs_registry) {
        return Ok(None);
    }
    let observer = Arc::new(RegistryReports { metrics: metrics.clone(), health: health.clone() });
    Ok(Some(Arc::new(Registry::new(&config.schema_registry, &config.retry, observer)?)))
}

async fn asked_registry(registry: &Registry) -> Finding {
    const KEY: &str = "schema_registry.url";
    match registry.answers().await {
        Ok(url) => Finding::ok(KEY, format!("{url} answers")),
        Err((why, true)) => Finding::problem(KEY, why),
        Err((why, false)) => Finding::unreachable(KEY, why),
    }
}
