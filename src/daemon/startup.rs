//! Waits for all that must exist before the first record is read. An absent broker or org is waited for; everything
//! that an operator must fix is reported at once, with the configuration's file, line and key.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use tokio::time::sleep;
use tracing::{debug, info, warn};

use crate::{
    check::{self, Level},
    config::{Config, Loaded, Problems},
    kafka::{Clients, StartError, Topics},
    ops::health::{Dependency, Health, Waiting},
    record::{Cause, OrgAvailability, OrgTrouble},
    salesforce::Salesforce,
    sink::route::Routes,
};

/// The configuration names something that the org or the broker does not have.
#[derive(Debug, thiserror::Error)]
#[error("the configuration does not fit what is there:\n{0}")]
pub(crate) struct Misconfigured(pub(crate) Problems);

/// The time between two attempts to reach a broker.
const RETRY: Duration = Duration::from_secs(1);

/// The number of denials in a row that end the start. One alone may come of a broker that is starting and has not read
/// its users yet.
const DENIALS: u32 = 3;

/// Waits for the org and the broker, then looks at all that the routes name.
pub(crate) async fn wait(
    loaded: &Loaded,
    health: &Health,
    clients: &Clients,
    org: &Salesforce,
    routes: &Routes,
) -> Result<Topics> {
    let config = &loaded.config;
    let login = async {
        let refused = |cause| anyhow!("salesforce.auth: the login is refused: {cause}");
        let mut waiting = None;
        let mut waits = |cause: &Cause| {
            waiting = Some(Waiting::go_on(waiting.take(), health, Dependency::Salesforce, &cause.to_string()));
        };
        org.login_at_start(&mut waits).await.map_err(refused)
    };
    let reached = async { Ok(reach(clients, &config.kafka.bootstrap_servers, health).await?) };
    let ((), mut topics) = tokio::try_join!(login, reached)?;
    let mut findings = Vec::new();
    if config.validate_on_start {
        check::routes(config, routes, org, &mut findings).await;
        if findings.iter().any(check::is_undescribed) {
            let version = check::api_version(config, org).await;
            if version.level == Level::Problem {
                findings.retain(|finding| !check::is_undescribed(finding));
                findings.push(version);
            }
        }
    }
    // All other problems are reported without waiting for topics that may still be created.
    if findings.iter().all(|finding| finding.level != Level::Problem) {
        topics = wait_for_topics(topics, config, health, clients, routes).await?;
    }
    findings.extend(check::topics(routes, &topics));
    if config.validate_on_start {
        let patterns: Vec<_> = routes.iter().map(|(pattern, _)| pattern).collect();
        let letters = check::dead_letters(config, &topics, &topics.taken(&patterns)).await;
        // Whether it can be created is found out by doing it.
        findings.extend(letters.into_iter().filter(|finding| finding.level != Level::Problem));
    }
    let mut problems = Vec::new();
    for finding in findings {
        match finding.level {
            Level::Problem => problems.push(loaded.locate(finding.problem)),
            Level::Warning | Level::Unreachable => warn!(event = "configuration_finding", "{finding}"),
            Level::Note => info!(event = "configuration_finding", "{finding}"),
            Level::Ok => debug!("{finding}"),
        }
    }
    if problems.is_empty() { Ok(topics) } else { bail!(Misconfigured(Problems(problems))) }
}

/// Ends when the org has answered nothing for this long since the start. An org whose daily calls are used up is waited for: that ends
/// by itself, and a process that started again for it would only use more of them.
pub(crate) async fn wait_until_org_is_silent(patience: Duration, org: &Salesforce) {
    org.wait_for_silence(patience, |availability| availability != OrgAvailability::Down(OrgTrouble::Quota)).await;
}

/// Waits until the topics that routes name exist.
async fn wait_for_topics(
    mut topics: Topics,
    config: &Config,
    health: &Health,
    clients: &Clients,
    routes: &Routes,
) -> Result<Topics> {
    let mut waiting = None;
    loop {
        let missing = check::missing_topics(routes, &topics);
        if missing.is_empty() {
            return Ok(topics);
        }
        if waiting.is_none() {
            warn!(event = "topics_missing", topics = ?missing, "topics of routes do not exist, waiting for them");
        }
        let why = format!("a topic does not exist, or this user may not describe it: {}", missing.join(", "));
        waiting = Some(Waiting::go_on(waiting, health, Dependency::Kafka, &why));
        sleep(RETRY).await;
        topics = reach(clients, &config.kafka.bootstrap_servers, health).await?;
    }
}

async fn reach(clients: &Clients, bootstrap_servers: &str, health: &Health) -> Result<Topics, StartError> {
    let mut waiting = None;
    let mut denials = 0;
    loop {
        let why = match Topics::fetch(clients).await {
            Err(StartError::Unreachable(error)) => {
                warn!(
                    event = "brokers_unreachable",
                    bootstrap_servers, error, "kafka.bootstrap_servers: no broker answers, waiting"
                );
                denials = 0;
                error
            }
            Err(StartError::Token(error)) => {
                warn!(event = "kafka_start_without_token", %error, "no token for kafka, waiting");
                denials = 0;
                error.to_string()
            }
            Err(StartError::Denied(error)) if denials + 1 < DENIALS => {
                warn!(event = "kafka_start_denied", %error, "kafka denies access, trying again");
                denials += 1;
                error
            }
            other => return other,
        };
        waiting = Some(Waiting::go_on(waiting, health, Dependency::Kafka, &why));
        sleep(RETRY).await;
    }
}
