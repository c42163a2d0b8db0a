//! What must be there before the first record is read. An absent broker or org is waited for; everything that a person
//! must mend is reported at once, with the configuration's key.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use tokio::time::sleep;
use tracing::warn;

use crate::{
    config::{Config, TopicPattern},
    kafka::{Clients, StartError, Topics},
    pipeline::Org as _,
    route::{Route, Routes},
    salesforce::Salesforce,
};

/// What the configuration names and the org or the broker does not have.
#[derive(Debug, thiserror::Error)]
#[error("the configuration does not fit what is there:\n{}", .0.join("\n"))]
pub(crate) struct Misconfigured(Vec<String>);

/// Between two attempts to reach a broker.
const RETRY: Duration = Duration::from_secs(1);

/// Waits for the org and the broker, then looks at all that the routes name.
pub(crate) async fn wait(config: &Config, clients: &Clients, org: &Salesforce, routes: &Routes) -> Result<Topics> {
    let login = async {
        let refused = |cause| anyhow!("salesforce.auth: the login is refused: {cause}");
        org.login_at_start().await.map_err(refused)
    };
    let reached = async { Ok(reach(clients, &config.kafka.bootstrap_servers).await?) };
    let ((), topics) = tokio::try_join!(login, reached)?;
    let mut problems = Vec::new();
    if config.validate_on_start {
        for (index, (_, route)) in routes.iter().enumerate() {
            problems.extend(look_at(index, route, org).await);
        }
    }
    for (index, (pattern, _)) in routes.iter().enumerate() {
        if let TopicPattern::Exact(name) = pattern
            && !topics.partitions.contains_key(name)
        {
            problems.push(format!("routes[{index}].topic: {name} does not exist"));
        }
    }
    if problems.is_empty() { Ok(topics) } else { bail!(Misconfigured(problems)) }
}

async fn reach(clients: &Clients, bootstrap_servers: &str) -> Result<Topics, StartError> {
    loop {
        match Topics::look(clients).await {
            Err(StartError::Unreachable(error)) => {
                warn!(bootstrap_servers, %error, "kafka.bootstrap_servers: no broker answers, waiting");
            }
            other => return other,
        }
        sleep(RETRY).await;
    }
}

/// What is wrong with a route's SObject, and with the fields that the route itself names.
async fn look_at(index: usize, route: &Route, org: &Salesforce) -> Vec<String> {
    let sobject = match org.describe(&route.sobject, None).await {
        Ok(sobject) => sobject,
        Err(cause) => return vec![format!("routes[{index}].sobject: {}: {cause}", route.sobject)],
    };
    let mut problems = Vec::new();
    for target in route.own_targets().chain(route.renamed_to()) {
        let name = target.split_once('.').map_or(target, |(relationship, _)| relationship);
        if !sobject.knows(name) {
            problems.push(format!("routes[{index}].fields: {} has no field {name}", sobject.name));
        }
    }
    match route.external_id_field.as_deref().map(|name| sobject.key_field(name)) {
        Some(Ok(field)) if !field.kind.unique() => {
            warn!(sobject = %sobject.name, field = %field.name, "the external id field is not unique: values that are there twice are rejected");
        }
        Some(Err(cause)) => problems.push(format!("routes[{index}].external_id_field: {cause}")),
        Some(Ok(_)) | None => {}
    }
    problems
}
